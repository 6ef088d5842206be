// The metrics of the service: read from the text format of Prometheus, and compared over time.

const LINE = /^(\w+)(?:\{(.*)\})? (\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** Return the samples of a text: [{name, labels, value}]. */
export function parsed(text) {
  const samples = [];
  for (const line of text.split("\n")) {
    const found = line.startsWith("#") ? null : LINE.exec(line);
    if (!found) continue;
    const labels = Object.fromEntries([...(found[2] ?? "").matchAll(LABEL)].map(([, name, value]) => [name, value]));
    samples.push({ name: found[1], labels, value: Number(found[3]) });
  }
  return samples;
}

/** One scrape of the metrics; of several processes, it is from the one that answered. */
export class Scrape {
  #samples;

  constructor(text, at) {
    this.#samples = parsed(text);
    this.at = at; // seconds
    this.process = this.#samples.find(({ labels }) => labels.pid)?.labels.pid ?? "";
  }

  /** Return the samples of a name whose labels pass the test. */
  all(name, test = () => true) {
    return this.#samples.filter((sample) => sample.name === name && test(sample.labels));
  }

  /** Return the sum of the samples; null if there are none. */
  sum(name, test) {
    const found = this.all(name, test);
    return found.length === 0 ? null : found.reduce((total, { value }) => total + value, 0);
  }

  /** Return the counts of a histogram by upper bound, cumulative: Map(seconds -> count). */
  buckets(name, test) {
    const counts = new Map();
    for (const { labels, value } of this.all(`${name}_bucket`, test)) {
      const bound = labels.le === "+Inf" ? Infinity : Number(labels.le);
      counts.set(bound, (counts.get(bound) ?? 0) + value);
    }
    return new Map([...counts].sort(([a], [b]) => a - b));
  }
}

/** Return a quantile of cumulative counts, interpolated within its bucket; null without any count. */
export function quantile(buckets, q) {
  const bounds = [...buckets];
  const total = bounds.at(-1)?.[1] ?? 0;
  if (total === 0) return null;
  let low = 0;
  let below = 0;
  for (const [bound, upTo] of bounds) {
    if (upTo >= q * total) {
      if (bound === Infinity) return low;
      return low + ((bound - low) * (q * total - below)) / (upTo - below || 1);
    }
    low = bound;
    below = upTo;
  }
  return null;
}

/** Return what was counted between two scrapes of one process. */
export function since(later, earlier) {
  return new Map([...later].map(([bound, value]) => [bound, value - (earlier.get(bound) ?? 0)]));
}

const SEARCHES = /^\/v1\/(search|recognize)|\/similar$/;
export const isSearch = ({ route }) => SEARCHES.test(route ?? "");
export const isError = ({ status }) => Number(status) >= 500;
export const isRefused = ({ status }) => Number(status) === 429;
