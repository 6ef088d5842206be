// Items as cards: the shop's own, made from its <template>, or plain ones.
//
// Cards from a template are children of the component, in slots, so that the style sheets of the
// shop's page apply to them.

import { make } from "./dom.js";

const LARGE = 400; // pixels: the largest that the service stores, for cards of unknown size
const TINY = 80; // for swatches
const SWATCHES = 5; // of a card
const SMALL = 240; // for the plain cards on a screen of usual density

/** Makes the cards of one list. `owner` is a VitrineElement. */
export class Cards {
  #owner;
  #slots; // the beginning of the names of the slots of this list

  constructor(owner, name) {
    this.#owner = owner;
    this.#slots = `vitrine-${name}-`;
  }

  /** Return an <li> for each item, and remove the cards made before. */
  make(items) {
    this.clear();
    const template = this.#owner.querySelector(":scope > template");
    return items.map((item, rank) => {
      const entry = make("li", { class: "entry" });
      if (template?.content.firstElementChild) this.#fromTemplate(entry, template, item, rank);
      else entry.append(this.#plain(item));
      const swatches = this.#swatches(item);
      if (swatches) entry.append(swatches);
      entry.addEventListener("click", (event) => this.#clicked(event, item));
      return entry;
    });
  }

  /** Remove the cards that are children of the component. */
  clear() {
    for (const card of this.#owner.querySelectorAll(`:scope > [slot^="${this.#slots}"]`)) card.remove();
  }

  #fromTemplate(entry, template, item, rank) {
    const card = template.content.firstElementChild.cloneNode(true);
    card.slot = `${this.#slots}${rank}`;
    for (const place of [card, ...card.querySelectorAll("[data-vitrine]")])
      if (place.dataset.vitrine) this.#fill(place, place.dataset.vitrine, item);
    this.#owner.append(card);
    entry.append(make("slot", { name: card.slot }));
  }

  /** Fill an element of the shop's card with a field of the item. */
  #fill(place, field, item) {
    if (field === "image") {
      if (!place.hasAttribute("alt")) place.alt = item.title || item.item_id;
      this.#owner.client.show(place, item.image_url, LARGE, () => place.remove());
    } else if (field === "link") {
      const href = this.#owner.linkOf(item);
      if (href) place.href = href;
      else place.removeAttribute("href");
    } else if (field === "stock") {
      place.textContent = item.in_stock === false ? this.#owner.texts.t("stock") : "";
      place.hidden = item.in_stock !== false;
    } else {
      place.textContent = this.#textOf(field, item);
    }
  }

  #textOf(field, item) {
    if (field === "price") return this.#owner.texts.price(item);
    if (field === "category") return item.categories?.at(-1)?.split("/").at(-1) ?? "";
    if (field.startsWith("attributes.")) return [item.attributes?.[field.slice(11)] ?? ""].flat().join(", ");
    return ["title", "description", "item_id", "product_id"].includes(field) ? (item[field] ?? "") : "";
  }

  #plain(item) {
    const href = this.#owner.linkOf(item);
    const picture = make("span", { class: "picture", part: "picture" });
    const image = make("img", { alt: "", decoding: "async" });
    picture.append(image);
    const size = window.devicePixelRatio > 1 ? LARGE : SMALL;
    this.#owner.client.show(image, item.image_url, size, () => image.remove());
    return make(
      href ? "a" : "button",
      { class: "card", part: "card", href, type: href ? null : "button" },
      picture,
      make("span", { class: "card-title", part: "card-title", dir: "auto", text: item.title || item.item_id }),
      make("span", { class: "card-price", part: "card-price", text: this.#owner.texts.price(item) }),
      item.in_stock === false
        ? make("span", { class: "card-stock", part: "card-stock", text: this.#owner.texts.t("stock") })
        : null,
    );
  }

  /** Make links to the product in its other colors, as small pictures; null if it has none. */
  #swatches(item) {
    const all = item.swatches ?? [];
    if (all.length < 2) return null;
    const { texts, client } = this.#owner;
    const link = (swatch) => {
      const image = make("img", { alt: "", loading: "lazy", decoding: "async" });
      client.show(image, swatch.image_url, TINY, () => image.remove());
      const words = swatch.in_stock === false ? `${swatch.value}, ${texts.t("stock")}` : swatch.value;
      const href = this.#owner.linkOf({ ...swatch, product_id: item.product_id });
      return make(
        "li",
        {},
        make(
          href ? "a" : "button",
          {
            class: "swatch",
            part: "swatch",
            href,
            type: href ? null : "button",
            title: words,
            "aria-label": words,
            "aria-current": swatch.item_id === item.item_id ? "true" : null,
            on: { click: (event) => this.#clicked(event, swatch) },
          },
          image,
        ),
      );
    };
    const rest = all.length - SWATCHES;
    return make(
      "ul",
      { class: "swatches", part: "swatches", role: "list", "aria-label": texts.t("colors", { name: item.title || item.item_id }) },
      ...all.slice(0, SWATCHES).map(link),
      rest > 0 ? make("li", { class: "fine", text: `+${rest}` }) : null,
    );
  }

  #clicked(event, item) {
    event.stopPropagation(); // that of a swatch is not one of its card
    const active = event.composedPath().some((node) => node.matches?.("a, button"));
    if (!active) return;
    this.#owner.remember(item.item_id, "click");
    const opens = this.#owner.dispatchEvent(
      new CustomEvent("vitrine-open", { detail: item, bubbles: true, composed: true, cancelable: true }),
    );
    if (!opens) event.preventDefault();
  }
}
