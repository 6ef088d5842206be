// What serves, how well, and how much: from the status and the metrics.

import { make } from "../dom.js";
import { Chart } from "./charts.js";
import { bytes, count, milliseconds, share, time } from "./format.js";
import { Scrape, isError, isRefused, isSearch, quantile, since } from "./metrics.js";
import { failure, heading, part, tile, tiles } from "./parts.js";
import { ask, metricsText } from "./session.js";

const SECONDS = "vitrine_request_seconds";

export const title = "Overview";
export const every = 5000;

/** Keeps the charts while other sections are shown. */
export class Overview {
  #last = null;
  #latency = new Chart("Searches", ["p50", "p95"], milliseconds);
  #traffic = new Chart("Requests a second", ["all", "errors", "refused"], (value) => value.toFixed(value < 10 ? 1 : 0));
  #recall = new Chart("Recall of real searches", ["live", "promised"], (value) => share(value), { low: 0.9, high: 1 });
  #numbers = make("div", {});
  #charts = make("div", { class: "charts" });

  draw(main) {
    this.#charts.replaceChildren(this.#latency.element, this.#traffic.element, this.#recall.element);
    main.replaceChildren(
      heading(title),
      this.#numbers,
      part("Live", this.#charts, make("p", { class: "lead", text: "Measured every five seconds since this page was opened. Times are interpolated from the buckets of the metrics." })),
    );
  }

  /** Ask for the numbers and draw them; also while another section is shown. */
  async refresh() {
    try {
      const [status, text] = await Promise.all([ask("v1/status"), metricsText()]);
      const scrape = new Scrape(text, Date.now() / 1000);
      this.#numbers.replaceChildren(...numbers(status, scrape));
      this.#plot(scrape, status);
    } catch (problem) {
      this.#numbers.replaceChildren(failure(problem));
      throw problem;
    }
  }

  #plot(scrape, status) {
    const before = this.#last;
    this.#last = scrape;
    const recall = scrape.sum("vitrine_recall", ({ kind }) => kind === "live");
    this.#recall.add(scrape.at, [recall, status.recall.promised]);
    // Counters of another process, or of one that was started again, cannot be compared.
    if (!before || before.process !== scrape.process) return;
    const seconds = scrape.at - before.at;
    const found = since(scrape.buckets(SECONDS, isSearch), before.buckets(SECONDS, isSearch));
    this.#latency.add(scrape.at, [quantile(found, 0.5), quantile(found, 0.95)]);
    const rate = (test) =>
      Math.max(0, ((scrape.sum("vitrine_requests_total", test) ?? 0) - (before.sum("vitrine_requests_total", test) ?? 0)) / seconds);
    this.#traffic.add(scrape.at, [rate(), rate(isError), rate(isRefused)]);
  }
}

function numbers(status, scrape) {
  const searches = scrape.buckets(SECONDS, isSearch);
  const asked = [...searches.values()].at(-1) ?? 0;
  const { recall } = status;
  const total = scrape.sum("vitrine_requests_total") ?? 0;
  const errors = scrape.sum("vitrine_requests_total", isError) ?? 0;
  const waiting = scrape.sum("vitrine_queue_depth");
  const process = scrape.process ? `process ${scrape.process}, since it started` : "since the start";
  return [
    tiles(
      tile("Serving generation", status.generation, `built ${time(status.created)}`),
      tile("Encoder", status.encoder, `${status.dim} dimensions`),
      tile("Items", count(status.items), `${count(status.products)} products, ${count(status.rows)} pictures in the index`),
      tile("Index", status.recipe, `on ${status.device}; ${count(scrape.sum("vitrine_delta_rows"))} rows beside it`),
      recallTile(status),
      tile("Searches", count(asked), process),
      tile("Time of a search", asked === 0 ? null : milliseconds(quantile(searches, 0.95)), asked === 0 ? "none was sent" : `p95; p50 ${milliseconds(quantile(searches, 0.5))}, ${process}`),
      tile("Errors", count(errors), `of ${count(total)} requests, ${process}; ${count(scrape.sum("vitrine_requests_total", isRefused) ?? 0)} refused as too many`),
      tile("Waiting now", count(waiting), "requests in all queues"),
      tile("Skipped at the build", count(status.skipped), "rows and pictures; see Pictures"),
      tile("Disk", bytes(status.bytes), "of the shop's folder"),
    ),
    ...(status.encoder_upgrade ? [make("p", { class: "lead", text: `Encoder: ${status.encoder_upgrade}.` })] : []),
  ];
}

function recallTile({ recall, promise }) {
  if (promise.startsWith("exact")) return tile("Recall@10", "exact", "every search compares all pictures");
  const known = `measured at the build ${share(recall.measured)}, promised ${share(recall.promised)}`;
  const note = `live, of ${count(recall.samples)} real searches; ${known}${recall.kept ? "" : ". Below the promise"}`;
  return tile("Recall@10", recall.live === null ? null : share(recall.live), note);
}
