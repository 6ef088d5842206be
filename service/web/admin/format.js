// Numbers, sizes and times as an operator reads them.

export const MISSING = "no value";

export const count = (value) => (value === null || value === undefined ? MISSING : value.toLocaleString());

export function bytes(value) {
  if (value === null || value === undefined) return MISSING;
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let left = value;
  while (left >= 1000 && unit < units.length - 1) {
    left /= 1000;
    unit += 1;
  }
  return `${left.toLocaleString(undefined, { maximumFractionDigits: left < 10 && unit > 0 ? 1 : 0 })} ${units[unit]}`;
}

export const share = (value, digits = 1) =>
  value === null || value === undefined ? MISSING : `${(value * 100).toFixed(digits)}\u202f%`;

export const milliseconds = (seconds) =>
  seconds === null || seconds === undefined
    ? MISSING
    : `${(seconds * 1000).toLocaleString(undefined, { maximumFractionDigits: seconds < 0.01 ? 1 : 0 })} ms`;

export function time(text) {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return MISSING;
  // A time is not broken in a narrow column.
  return at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }).replaceAll(" ", "\u00a0");
}

/** Return the text of an estimate with its interval, such as "0.93 (0.88 to 0.97)". */
export function estimate(value) {
  if (value === null || value === undefined) return MISSING;
  if (typeof value === "number") return value.toFixed(3);
  const { mean, value: middle = mean, low, high } = value;
  if (middle === undefined) return MISSING;
  return low === undefined ? middle.toFixed(3) : `${middle.toFixed(3)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
}
