// All in this look: the product that is most like each thing of the photo.

import { COMPACT, card } from "./card.js";
import { byId, icon, make } from "./dom.js";
import { t } from "./texts.js";

/** Whether the shop sells something like a thing: the hit matches closely, or is of the kind of the thing. */
function isSold({ name, no_close_match }, hit) {
  const kind = name?.split("/").at(-1).toLowerCase();
  return !no_close_match || hit.categories?.some((path) => path.toLowerCase().split("/").includes(kind));
}

export class Look {
  #section = byId("look");
  #button = byId("open-look");
  #handlers;
  #things = [];

  /** `handlers`: open(item), alike(item), href(item). */
  constructor(handlers) {
    this.#handlers = handlers;
    this.#button.addEventListener("click", () => this.#open());
  }

  /** Offer the look if there are several things that the shop sells something like, each product once. */
  offer(things) {
    const products = new Set();
    this.#things = things.filter((thing) => {
      const [hit] = thing.hits;
      if (!hit || !isSold(thing, hit) || products.has(hit.product_id)) return false;
      return products.add(hit.product_id);
    });
    const count = this.#things.length;
    this.#button.textContent = t("look.button", { count });
    this.#button.hidden = count < 2;
    this.#section.hidden = true;
  }

  #open() {
    const close = () => {
      this.#section.hidden = true;
      this.#button.focus({ preventScroll: true });
    };
    const title = make("h2", { id: "look-title", tabindex: "-1", text: t("look.title") });
    this.#section.replaceChildren(
      make(
        "div",
        { class: "look-bar" },
        title,
        make(
          "button",
          { class: "quiet round", type: "button", "aria-label": t("look.close"), title: t("look.close"), on: { click: close } },
          icon("close"),
        ),
      ),
      make("ul", { class: "grid compact", role: "list" }, ...this.#things.map((thing, at) => this.#card(thing, at))),
    );
    this.#section.hidden = false;
    title.focus();
    this.#section.scrollIntoView({ block: "nearest" });
  }

  #card(thing, at) {
    const [hit] = thing.hits;
    const element = card(hit, { href: this.#handlers.href(hit), width: COMPACT, handlers: this.#handlers });
    const words = thing.name ? thing.name.split("/").at(-1) : t("look.thing", { number: at + 1 });
    element.append(make("span", { class: "look-thing", dir: "auto", text: words }));
    return element;
  }
}
