// The grid of hits with its heading, and the message if there are none.

import { card, skeleton } from "./card.js";
import { byId, make } from "./dom.js";

const MATCH = 0.5; // confidence from which a hit is shown as a match, and not as merely similar
const WAIT = 140; // ms before placeholders appear, so that fast answers do not flicker

const plural = (count, one, many) => `${count.toLocaleString()} ${count === 1 ? one : many}`;

/** Return what the service made of the words: a corrected word, a price, a value; or "". */
const noteOf = (reply) =>
  [
    reply.did_you_mean ? `Showing results for \u201c${reply.did_you_mean}\u201d` : "",
    ...(reply.understood ?? []).map((condition) => condition.replace(/ = "?(.*?)"?$/, ": $1")),
  ]
    .filter(Boolean)
    .join(" \u00b7 ");

/**
 * Return how many of the hits are matches, before those that are only similar; 0 if all are alike:
 * confidences fall with the rank, and are null for hits found by words.
 */
const cutOf = (hits) => {
  const cut = hits.findIndex(({ confidence }) => confidence !== null && confidence < MATCH);
  return cut > 0 && hits[0].confidence !== null ? cut : 0;
};

export class Results {
  #grid = byId("grid");
  #title = byId("found-title");
  #meta = byId("found-meta");
  #note = byId("found-note");
  #notice = byId("notice");
  #more = byId("more");
  #waiting = 0;
  #handlers;

  /** `handlers`: open(hit), alike(hit), href(hit), more(), retry(), clear(). */
  constructor(handlers) {
    this.#handlers = handlers;
    this.#more.addEventListener("click", () => handlers.more());
  }

  /** Show that a search is running. `fresh`: the hits on the page belong to another question. */
  wait(title, fresh) {
    this.#title.textContent = title;
    this.#grid.setAttribute("aria-busy", "true");
    clearTimeout(this.#waiting);
    if (fresh) {
      this.#notice.hidden = true;
      this.#more.hidden = true;
      this.#note.hidden = true;
      this.#meta.textContent = "";
      this.#grid.replaceChildren(...Array.from({ length: 12 }, skeleton));
    } else {
      this.#waiting = setTimeout(() => this.#grid.classList.add("stale"), WAIT);
    }
  }

  /**
   * Show an answer; return the text that announces it. `full`: no more hits can be requested;
   * `filtered`: a filter is active.
   */
  show(reply, { title, full, filtered }) {
    this.settle();
    this.#title.textContent = title;
    this.#notice.hidden = true;
    const note = noteOf(reply);
    this.#note.textContent = note;
    this.#note.hidden = note === "";
    const marks = reply.mode !== "lexical" && !reply.no_close_match;
    const cards = reply.hits.map((hit, rank) =>
      card(hit, {
        rank,
        closest: marks && rank === 0,
        href: this.#handlers.href(hit),
        handlers: this.#handlers,
      }),
    );
    const cut = cutOf(reply.hits);
    if (cut > 0)
      cards.splice(cut, 0, make("li", { class: "cut" }, make("h3", { text: "Also similar" })));
    this.#grid.replaceChildren(...cards);
    this.#more.hidden = full || reply.next_cursor === null;
    const shown = reply.hits.length;
    if (shown === 0) this.#empty(filtered, reply.mode);
    else if (reply.no_close_match) {
      this.#say(
        "No close match",
        `Nothing ${filtered ? "that passes the filters" : "in this shop"} clearly matches your photo. These products are the most similar.`,
        null,
      );
    }
    const words = `${plural(shown, "product", "products")} of ${plural(reply.total, reply.mode === "lexical" ? "matching item" : "item", reply.mode === "lexical" ? "matching items" : "items")}`;
    this.#meta.textContent = shown === 0 ? "" : words;
    this.#meta.title = `${Math.round(reply.timings.total_ms)} ms, ${reply.mode} search, encoder ${reply.encoder}, generation ${reply.generation}`;
    if (shown === 0) return "No products found";
    return `${note ? `${note}. ` : ""}${reply.no_close_match ? "No close match. " : ""}${words}, ${reply.mode === "lexical" ? "best match" : "most similar"} first`;
  }

  /** Show a problem in place of the hits. */
  fail(problem) {
    this.settle();
    this.#grid.replaceChildren();
    this.#more.hidden = true;
    this.#note.hidden = true;
    this.#meta.textContent = "";
    this.#say(
      problem.title,
      problem.detail,
      problem.status === 0 || problem.status >= 500
        ? make("button", {
            class: "secondary small",
            type: "button",
            text: "Try again",
            on: { click: () => this.#handlers.retry() },
          })
        : null,
    );
  }

  /** Show that no search is running. */
  settle() {
    clearTimeout(this.#waiting);
    this.#grid.classList.remove("stale");
    this.#grid.removeAttribute("aria-busy");
  }

  #empty(filtered, mode) {
    const detail = filtered
      ? "No product passes all the filters."
      : mode === "lexical"
        ? "No product contains these words. Try fewer or different words, or a photo."
        : "The shop has nothing to compare with yet.";
    this.#say(
      "Nothing found",
      detail,
      filtered
        ? make("button", {
            class: "secondary small",
            type: "button",
            text: "Clear the filters",
            on: { click: () => this.#handlers.clear() },
          })
        : null,
    );
  }

  #say(title, detail, action) {
    this.#notice.replaceChildren(
      ...[make("h2", { text: title }), make("p", { text: detail, dir: "auto" }), action].filter(Boolean),
    );
    this.#notice.hidden = false;
  }
}
