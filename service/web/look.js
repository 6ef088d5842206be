// All in this look: the product that is most like each thing of the photo.

import { COMPACT, card } from "./card.js";
import { byId, icon, make } from "./dom.js";
import { nameOf } from "./dots.js";
import { t } from "./texts.js";

export class Look {
  #section = byId("look");
  #button = byId("open-look");
  #handlers;
  #things = [];
  #unsold = "";

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
      if (!hit || !thing.sold || products.has(hit.product_id)) return false;
      return products.add(hit.product_id);
    });
    const unsold = things.filter((thing) => !thing.sold).map(nameOf);
    this.#unsold = [...new Set(unsold.filter(Boolean))].join(", ");
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
      make("ul", { class: "grid compact", role: "list" }, ...this.#things.map((thing) => this.#card(thing))),
      ...(this.#unsold ? [make("p", { class: "look-unsold", text: t("look.unsold", { names: this.#unsold }) })] : []),
    );
    this.#section.hidden = false;
    title.focus();
    this.#section.scrollIntoView({ block: "nearest" });
  }

  #card(thing) {
    const [hit] = thing.hits;
    const element = card(hit, { href: this.#handlers.href(hit), width: COMPACT, handlers: this.#handlers });
    const name = nameOf(thing);
    if (name) element.append(make("span", { class: "look-thing", dir: "auto", text: name }));
    return element;
  }
}
