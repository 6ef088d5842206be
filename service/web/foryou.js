// The row of recommended items. It changes with every click, and asks before it remembers any.

import { forYou } from "./api.js";
import { COMPACT, card } from "./card.js";
import { byId, icon, make } from "./dom.js";
import * as interest from "./interest.js";
import { t } from "./texts.js";

const SHOWN = 6;

const REASONS = ["like_recent", "like_liked", "others_took", "new", "popular", "assorted", "seen_before"];

export class ForYou {
  #handlers;
  #aborter = new AbortController();

  /** `handlers`: open(item), alike(item), href(item). */
  constructor(handlers) {
    this.#handlers = handlers;
    interest.onChange(() => this.show());
  }

  /** Ask for consent, or show the row, or nothing after a refusal. */
  async show() {
    const place = byId("foryou");
    const consent = interest.consent();
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
      const { items } = await forYou(interest.events(), SHOWN, signal);
      if (!signal.aborted) this.#draw(place, items);
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

  #draw(place, items) {
    const focused = document.activeElement?.closest("#foryou [data-item]")?.dataset.item;
    place.replaceChildren(
      make(
        "div",
        { class: "foryou-bar" },
        make("h2", { id: "foryou-title", text: t("foryou") }),
        make("button", { class: "link", type: "button", text: t("foryou.forget"), on: { click: interest.forget } }),
        make("button", {
          class: "link",
          type: "button",
          text: t("foryou.off"),
          on: { click: () => interest.decide(false) },
        }),
      ),
      make(
        "ul",
        { class: "strip", role: "list", id: "foryou-list" },
        ...items.map((item) => this.#card(item)),
      ),
    );
    place.hidden = items.length === 0;
    if (focused) (place.querySelector(".card-link") ?? byId("foryou-title")).focus({ preventScroll: true });
  }

  #card(item) {
    const title = item.title || item.item_id;
    const act = (name, label, type) =>
      make(
        "button",
        {
          class: "quiet round",
          type: "button",
          title: label,
          "aria-label": t("foryou.act", { act: label, name: title }),
          on: { click: () => interest.note(item.item_id, type) },
        },
        icon(name),
      );
    const { code, title: name, item_id: id } = item.reason;
    const why = REASONS.includes(code) ? t(`foryou.${code}`, { name: name || id || "" }) : "";
    const { href, open } = this.#handlers;
    const element = card(item, { href: href(item), width: COMPACT, handlers: { open, alike: open } });
    element.append(
      make("span", { class: "foryou-why", dir: "auto", text: why, title: why }),
      make("span", { class: "foryou-acts" }, act("like", t("foryou.like"), "rating"), act("close", t("foryou.hide"), "hide")),
    );
    return element;
  }
}
