// The row of recommended items. It changes with every click, and asks before it remembers any.

import { forYou } from "./api.js";
import { COMPACT, card } from "./card.js";
import { byId, icon, make } from "./dom.js";
import * as interest from "./interest.js";
import { currentStyle, readableStyle } from "./styles.js";
import { t } from "./texts.js";

const SHOWN = 6;

const REASONS = ["like_recent", "like_liked", "others_took", "buy_again", "new", "popular", "assorted", "seen_before"];

export class ForYou {
  #handlers;
  #aborter = new AbortController();
  #said = null; // what became of the last like or hide, and its event

  /** `handlers`: open(item), href(item). */
  constructor(handlers) {
    this.#handlers = handlers;
    interest.onChange(() => this.show());
    byId("ask-foryou").addEventListener("click", () => {
      interest.reconsider();
      byId("foryou").querySelector("button").focus();
    });
  }

  /** Ask for consent, or show the row, or after a refusal only the link by which to be asked again. */
  async show() {
    const place = byId("foryou");
    const consent = interest.consent();
    byId("ask-foryou").hidden = consent !== "no";
    this.#aborter.abort();
    if (consent === "no") {
      place.hidden = true;
      return;
    }
    if (consent !== "yes") {
      this.#ask(place);
      return;
    }
    this.#aborter = new AbortController();
    const { signal } = this.#aborter;
    try {
      const reply = await forYou(interest.events(), SHOWN, signal);
      if (!signal.aborted) this.#draw(place, reply);
    } catch (problem) {
      if (problem.name !== "AbortError") place.hidden = true; // the row is an extra: no message
    }
  }

  #ask(place) {
    const choice = (kind, text, agreed) =>
      make("button", { class: kind, type: "button", text, on: { click: () => interest.decide(agreed) } });
    place.replaceChildren(
      make(
        "div",
        { class: "foryou-ask" },
        make("p", {
          text: t("foryou.ask"),
        }),
        choice("secondary small", t("foryou.yes"), true),
        choice("link", t("foryou.no"), false),
      ),
    );
    place.hidden = false;
  }

  /** Draw the row; before the first click there is nothing to show but what the page shows above. */
  #draw(place, { items, style, fallback }) {
    const focused = place.contains(document.activeElement);
    const isEmpty = interest.events().length === 0 && fallback === "assorted";
    const shown = isEmpty ? [] : items;
    const reasons = new Set(shown.map(whyOf));
    const shared = shown.length > 1 && reasons.size === 1 ? [...reasons][0] : "";
    const act = (text, run) => make("button", { class: "link", type: "button", text, on: { click: run } });
    place.replaceChildren(
      make(
        "div",
        { class: "foryou-bar" },
        make("h2", { id: "foryou-title", tabindex: "-1", text: t("foryou") }),
        shared ? make("p", { class: "foryou-about", dir: "auto", text: shared }) : null,
        style === "original" || currentStyle()
          ? null
          : make("p", { class: "foryou-about", text: t("foryou.style", { style: readableStyle(style) }) }),
        make(
          "span",
          { class: "foryou-choices" },
          interest.events().length ? act(t("foryou.forget"), interest.forget) : null,
          act(t("foryou.off"), () => interest.decide(false)),
        ),
      ),
      this.#notice(),
      isEmpty
        ? make("p", { class: "foryou-about", text: t("foryou.empty") })
        : make(
            "ul",
            { class: "strip", role: "list", id: "foryou-list" },
            ...shown.map((item) => this.#card(item, shared ? "" : whyOf(item))),
          ),
    );
    place.hidden = items.length === 0;
    if (focused) (place.querySelector(".foryou-said button") ?? byId("foryou-title")).focus({ preventScroll: true });
  }

  /** Return what became of the last like or hide, with a way back; an empty line without one. */
  #notice() {
    const said = make("p", { class: "foryou-said", role: "status" });
    if (this.#said && interest.events().at(-1)?.time === this.#said.time) {
      said.append(
        make("span", { dir: "auto", text: this.#said.words }),
        make("button", { class: "link", type: "button", text: t("foryou.undo"), on: { click: interest.undo } }),
      );
    }
    return said;
  }

  #card(item, why) {
    const title = item.title || item.item_id;
    const act = (name, label, type, said) =>
      make(
        "button",
        {
          class: "quiet round",
          type: "button",
          title: label,
          "aria-label": t("foryou.act", { act: label, name: title }),
          on: {
            click: () => {
              const time = interest.now();
              this.#said = { time, words: t(said, { name: title }) };
              interest.note(item.item_id, type, { time });
            },
          },
        },
        icon(name),
      );
    const { href, open } = this.#handlers;
    const element = card(item, { href: href(item), width: COMPACT, handlers: { open, alike: open } });
    element.append(
      make("span", { class: "foryou-why", dir: "auto", text: why, title: why }),
      make(
        "span",
        { class: "foryou-acts" },
        act("good", t("foryou.like"), "rating", "foryou.liked"),
        act("close", t("foryou.hide"), "hide", "foryou.hidden"),
      ),
    );
    return element;
  }
}

/** Return why an item is recommended, as the shopper reads it; "" for a reason that has no text. */
function whyOf({ reason: { code, title, item_id: id } }) {
  if (!REASONS.includes(code)) return "";
  const isLiked = interest.events().some((event) => event.item_id === id && event.type === "rating");
  return t(`foryou.${isLiked && code.startsWith("like_") ? "you_like" : code}`, { name: title || id || "" });
}
