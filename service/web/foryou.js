// The row of recommended items. It changes with every click, and asks before it remembers any.

import { forYou } from "./api.js";
import { card } from "./card.js";
import { byId, icon, make } from "./dom.js";
import * as interest from "./interest.js";

const SHOWN = 6;

const REASONS = {
  like_recent: (title) => `Like ${title}, one of the last you saw`,
  like_liked: (title) => `Like ${title}`,
  others_took: (title) => `Often seen with ${title}`,
  new: () => "New for you",
  popular: () => "Popular now",
  assorted: () => "From this shop",
  seen_before: () => "You have seen it",
};

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
          text: "Show items that suit you? Your clicks are kept in this browser and sent along to ask for them; the shop does not store them.",
        }),
        choice("secondary small", "Yes, show them", true),
        choice("link", "No, thanks", false),
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
        make("h2", { id: "foryou-title", text: "For you" }),
        make("button", { class: "link", type: "button", text: "Forget my clicks", on: { click: interest.forget } }),
        make("button", {
          class: "link",
          type: "button",
          text: "Turn off",
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
          "aria-label": `${label}: ${title}`,
          on: { click: () => interest.note(item.item_id, type) },
        },
        icon(name),
      );
    const why = REASONS[item.reason.code]?.(item.reason.title || item.reason.item_id) ?? "";
    const { href, open } = this.#handlers;
    const element = card(item, { href: href(item), handlers: { open, alike: open } });
    element.append(
      make("span", { class: "foryou-why", dir: "auto", text: why, title: why }),
      make("span", { class: "foryou-acts" }, act("like", "I like this", "rating"), act("close", "Hide this", "hide")),
    );
    return element;
  }
}
