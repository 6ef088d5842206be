// The grid of hits with its heading, and the message if there are none.

import { card, skeleton } from "./card.js";
import { byId, make } from "./dom.js";
import { nameOf, priceWords, readable } from "./fields.js";
import { sentences, t } from "./texts.js";

const MATCH = 0.5; // confidence from which a hit is shown as a match, and not as merely similar
const WAIT = 140; // ms before placeholders appear, so that fast answers do not flicker

const PRICE = /^price (?:>=? ([\d.e+]+))?(?: and price )?(?:<=? ([\d.e+]+))?$/;
const SORTED = { "sort = price": "sort.up", "sort = -price": "sort.down" };
const BARE = /^(?:yes|no|true|false|[\d.]+)$/i; // values that say nothing without the name of their field

/** Return a condition that the service read from words, such as `price < 20`, as shoppers read it. */
function understood(condition, hits) {
  if (SORTED[condition]) return t(SORTED[condition]);
  const [isPrice, low, high] = condition.match(PRICE) ?? [];
  if (isPrice) {
    const edge = (number) => (number === undefined ? null : Number(number));
    return priceWords(edge(low), edge(high), hits[0]?.currency);
  }
  const [, field, value] = condition.match(/^(.*?) = "?(.*?)"?$/) ?? [];
  if (!field) return condition;
  return BARE.test(value) ? `${nameOf(field)}: ${value}` : readable(field, value);
}

/** Return what the service made of the words: a corrected word, a price, a value; or "". */
const noteOf = (reply) => {
  const words = (reply.understood ?? []).map((condition) => understood(condition, reply.hits)).join(", ");
  return [
    reply.did_you_mean ? t("results.corrected", { words: reply.did_you_mean }) : "",
    words ? t("results.understood", { words }) : "",
  ]
    .filter(Boolean)
    .join(" \u00b7 ");
};

/**
 * Return how many of the hits are matches, before those that are only similar; 0 if all are alike:
 * confidences fall with the rank, and are null for hits found by words.
 */
const cutOf = (hits) => {
  const cut = hits.findIndex(({ confidence }) => confidence !== null && confidence < MATCH);
  return cut > 0 && hits[0].confidence !== null ? cut : 0;
};

/**
 * Return how many products are shown, and of how many. Where all that match are shown, the number of
 * their colors and sizes is added.
 */
function countOf(reply, sort) {
  const count = reply.hits.length;
  if (reply.next_cursor === null)
    return t(reply.total > count ? "results.variants" : "results.all", { count, total: reply.total });
  return t(reply.mode === "lexical" || sort ? "results.first" : "results.closest", { count, total: reply.products });
}

const orderOf = (reply, sort) =>
  t(`results.order.${sort || reply.understood?.some((condition) => SORTED[condition]) ? "sorted" : reply.mode === "lexical" ? "words" : "looks"}`);

export class Results {
  #grid = byId("grid");
  #title = byId("found-title");
  #meta = byId("found-meta");
  #note = byId("found-note");
  #notice = byId("notice");
  #more = byId("more");
  #waiting = 0;
  #handlers;

  /** `handlers`: open(hit), alike(hit), href(hit), more(), retry(), clear(), home(), draw(), word(), choose(). */
  constructor(handlers) {
    this.#handlers = handlers;
    this.#more.addEventListener("click", () => handlers.more({ focus: true }));
  }

  /** Show that a search is running. `fresh`: the hits on the page belong to another question. */
  wait(title, fresh) {
    this.#title.textContent = title;
    this.#grid.setAttribute("aria-busy", "true");
    byId("say").textContent = t("results.searching");
    clearTimeout(this.#waiting);
    if (fresh) {
      this.#notice.hidden = true;
      this.#offerMore(false);
      this.#note.hidden = true;
      this.#meta.textContent = "";
      this.#grid.replaceChildren(...Array.from({ length: 12 }, skeleton));
    } else {
      this.#waiting = setTimeout(() => this.#grid.classList.add("stale"), WAIT);
    }
  }

  /**
   * Show an answer; return the text that announces it. `full`: no more hits can be requested;
   * `filtered`: a filter is active; `sort`: how the hits are sorted, or ""; `remark` is shown above
   * them; `withPhoto`: a photo was searched with.
   */
  show(reply, { title, full, filtered, sort, remark = "", withPhoto = false }) {
    this.settle();
    this.#title.textContent = title;
    this.#notice.hidden = true;
    const note = sentences(remark, noteOf(reply));
    this.#note.textContent = note;
    this.#note.hidden = note === "";
    this.#fill(reply, sort);
    this.#offerMore(!full && reply.next_cursor !== null);
    const shown = reply.hits.length;
    if (shown === 0) this.#empty(filtered, reply.mode);
    else if (reply.no_close_match) this.#weak(filtered, withPhoto);
    const words = countOf(reply, sort);
    byId("show-found").textContent =
      shown === 0
        ? t("none.announced")
        : t(reply.next_cursor === null ? "filters.showAll" : "filters.show", { count: shown });
    this.#meta.textContent = shown === 0 ? "" : words;
    this.#meta.title = `${Math.round(reply.timings.total_ms)} ms, ${reply.mode}, ${reply.encoder}, ${reply.generation}`;
    if (shown === 0) return t("none.announced");
    const said = [note && `${note}. `, reply.no_close_match && `${t("weak.title")}. `].filter(Boolean).join("");
    return `${said}${words}, ${orderOf(reply, sort)}`;
  }

  /** Fill the grid. Cards that stay at their place stay as they are, so that more can be added. */
  #fill(reply, sort) {
    const marks = reply.mode !== "lexical" && !reply.no_close_match && !sort;
    const cut = sort ? 0 : cutOf(reply.hits);
    const before = [...this.#grid.children];
    const stays = (hit, place) =>
      before[place]?.dataset.item === hit.item_id && before[place].dataset.picture === hit.image_url;
    const next = [];
    for (const [rank, hit] of reply.hits.entries()) {
      if (cut > 0 && rank === cut) next.push(this.#cut(before[next.length]));
      if (stays(hit, next.length) && this.#keeps(before[next.length], hit, marks && rank === 0))
        next.push(before[next.length]);
      else next.push(this.#card(hit, rank, marks && rank === 0));
    }
    if (next.length >= before.length && before.every((entry, place) => entry === next[place]))
      this.#grid.append(...next.slice(before.length));
    else this.#grid.replaceChildren(...next);
  }

  #cut(before) {
    if (before?.matches(".cut")) return before;
    return make("li", { class: "cut" }, make("h2", { text: t("results.similar") }));
  }

  #keeps(entry, hit, closest) {
    return (
      Boolean(entry.querySelector(".badge.first")) === closest &&
      entry.dataset.href === this.#handlers.href(hit) // not that of its link: a color may be chosen
    );
  }

  #card(hit, rank, closest) {
    return card(hit, { rank, closest, href: this.#handlers.href(hit), handlers: this.#handlers });
  }

  /**
   * Show a problem. With `keep`, the hits of the question before stay below it; `clears`: removing
   * the filters may help.
   */
  fail(problem, { keep = false, clears = false } = {}) {
    this.settle();
    const { retry, home, clear } = this.#handlers;
    const actions = [
      problem.passes || problem.kind === "expired" ? this.#button(t("retry"), retry) : null,
      problem.kind === "gone" ? this.#button(t("again"), home) : null,
      clears && !problem.passes ? this.#button(t("none.clear"), clear) : null,
    ];
    if (!keep) {
      this.#grid.replaceChildren();
      this.#offerMore(false);
      this.#note.hidden = true;
      this.#meta.textContent = "";
    }
    this.#say(problem.title, sentences(problem.detail, keep && t("kept")), ...actions);
    byId("say").textContent = "";
  }

  /** Show that no search is running. `calm`: a message about the question before is out of date. */
  settle({ calm = false } = {}) {
    clearTimeout(this.#waiting);
    this.#grid.classList.remove("stale");
    this.#grid.removeAttribute("aria-busy");
    if (calm) this.#notice.hidden = true;
  }

  #offerMore(is) {
    this.#more.hidden = !is;
    byId("to-foot").hidden = !is;
  }

  #empty(filtered, mode) {
    const detail = filtered ? "none.filtered" : mode === "lexical" ? "none.words" : "none.empty";
    const { clear, choose } = this.#handlers;
    const next = [
      filtered ? this.#button(t("none.clear"), clear) : null,
      !filtered && mode === "lexical" ? this.#button(t("search.photo"), choose) : null,
    ];
    this.#say(t("none.found"), t(detail), ...next);
  }

  #weak(filtered, withPhoto) {
    const detail = sentences(t(filtered ? "weak.filtered" : "weak.shop"), withPhoto && t("weak.photo"));
    const { draw, word } = this.#handlers;
    const next = withPhoto ? [this.#button(t("weak.draw"), draw), this.#button(t("weak.word"), word)] : [];
    this.#say(t("weak.title"), detail, ...next);
  }

  #button(text, run) {
    return make("button", { class: "secondary small", type: "button", text, on: { click: () => run() } });
  }

  #say(title, detail, ...actions) {
    const buttons = actions.filter(Boolean);
    this.#notice.replaceChildren(
      make("h2", { text: title }),
      make("p", { text: detail, dir: "auto" }),
      ...(buttons.length > 0 ? [make("div", { class: "notice-acts" }, ...buttons)] : []),
    );
    this.#notice.hidden = false;
  }
}
