// The panel of an item: its pictures, its fields, similar items, and what customers say.

import { item as fetchItem, similar as fetchSimilar } from "./api.js";
import { card, firstPicture, picture, priceOf, skeleton } from "./card.js";
import { byId, icon, make } from "./dom.js";
import { readable } from "./filters.js";
import { Restyle } from "./restyle.js";
import { fillReviews } from "./reviews.js";

const SIMILAR = 8;
const SAFE_LINK = /^(https?:\/\/|\/(?!\/))/i; // the service stores no other; a page must not run one

/** The link to the page where an item can be bought. */
const shopLink = (url) =>
  make("a", {
    class: "primary",
    href: url,
    target: "_blank",
    rel: "noopener noreferrer",
    text: "View in shop",
  });

/** Replace everything after the title by elements; the title keeps its focus. */
function under(title, ...elements) {
  while (title.nextSibling) title.nextSibling.remove();
  title.after(...elements);
}

export class Panel {
  #dialog = byId("panel");
  #handlers;
  #aborter = null;
  #shown = "";
  #restyle = null;

  /** `handlers`: open(item), alike(item), href(item), back(), close(). */
  constructor(handlers) {
    this.#handlers = handlers;
    this.#dialog.addEventListener("cancel", (event) => {
      event.preventDefault(); // Escape changes the URL, like the close button
      handlers.close();
    });
    this.#dialog.addEventListener("close", () => {
      if (this.#shown) handlers.close(); // browsers may close on a second Escape without a cancel event
    });
    this.#dialog.addEventListener("click", (event) => {
      if (event.target === this.#dialog) handlers.close(); // the backdrop
    });
  }

  /** Update the panel to match the URL: open this item, or close the panel if it is "". */
  async show(id, { deep, hit }) {
    if (id === this.#shown) return;
    this.#aborter?.abort();
    this.#shown = id;
    if (!id) {
      this.#dialog.close();
      return;
    }
    this.#aborter = new AbortController();
    const { signal } = this.#aborter;
    this.#frame(deep, hit);
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#dialog.scrollTop = 0;
    byId("panel-title").focus({ preventScroll: true });
    const [item, alike] = await Promise.allSettled([
      fetchItem(id, signal),
      fetchSimilar(id, SIMILAR, signal),
    ]);
    if (signal.aborted) return;
    if (item.status === "rejected") this.#fail(item.reason);
    else {
      this.#fill(item.value, hit);
      fillReviews(byId("reviews"), id, signal);
    }
    this.#fillSimilar(alike);
  }

  #frame(deep, hit) {
    this.#restyle = new Restyle();
    const round = (name, label, run) =>
      make(
        "button",
        { class: "quiet round", type: "button", "aria-label": label, title: label, on: { click: run } },
        icon(name),
      );
    this.#dialog.replaceChildren(
      make(
        "div",
        { class: "panel-bar" },
        deep ? round("back", "Back", () => this.#handlers.back()) : make("span"),
        round("close", "Close", () => this.#handlers.close()),
      ),
      make(
        "div",
        { class: "panel-body" },
        make(
          "div",
          { class: "gallery" },
          make(
            "div",
            { class: "gallery-main", id: "gallery-main" },
            hit
              ? picture(firstPicture(hit), "", { eager: true })
              : make("span", { class: "picture skeleton" }),
          ),
          this.#restyle.element,
        ),
        make(
          "div",
          { class: "facts", id: "facts" },
          make("h2", {
            id: "panel-title",
            tabindex: "-1",
            dir: "auto",
            text: hit?.title || hit?.item_id || "Loading",
          }),
          make("p", { class: "facts-price", text: hit ? priceOf(hit) : "\u00a0" }),
        ),
      ),
      make(
        "section",
        { class: "similar", "aria-labelledby": "similar-title" },
        make("h3", { id: "similar-title", text: "Looks similar" }),
        make(
          "ul",
          { class: "grid compact", id: "similar-grid", "aria-busy": "true" },
          ...Array.from({ length: 8 }, skeleton),
        ),
      ),
      make(
        "section",
        { class: "details", id: "details", "aria-labelledby": "details-title", hidden: true },
        make("h3", { id: "details-title", text: "Details" }),
        make("dl", { class: "facts-list", id: "details-list" }),
      ),
      make("section", { class: "reviews", id: "reviews", "aria-labelledby": "reviews-title", hidden: true }),
    );
  }

  #fill(item, hit) {
    byId("panel-title").textContent = item.title || item.item_id;
    const pictures = item.image_urls ?? [];
    const buys = SAFE_LINK.test(item.url ?? "");
    this.#fillGallery(pictures, hit?.image_index ?? -1, item.title);
    const rows = [
      ["Category", (item.categories ?? []).map((value) => readable("category", value)).join(", ")],
      ...Object.entries(item.attributes ?? {}).map(([name, value]) => [
        name.replaceAll("_", " "),
        Array.isArray(value) ? value.join(", ") : String(value),
      ]),
      ["Item", item.item_id],
    ];
    under(
      byId("panel-title"),
      make(
        "p",
        { class: "facts-price" },
        make("span", { text: priceOf(item) }),
        make("span", {
          class: item.in_stock === false ? "stock out" : "stock",
          text: item.in_stock === false ? "Out of stock" : "In stock",
        }),
      ),
      make(
        "div",
        { class: "facts-actions" },
        buys ? shopLink(item.url) : null,
        make(
          "button",
          {
            class: buys ? "secondary" : "primary",
            type: "button",
            on: { click: () => this.#handlers.alike(item) },
          },
          icon("alike"),
          "Search with this item",
        ),
      ),
      ...(item.description ? [make("p", { class: "facts-words", dir: "auto", text: item.description })] : []),
    );
    byId("details-list").replaceChildren(
      ...rows
        .filter(([, value]) => value)
        .map(([name, value]) =>
          make("div", {}, make("dt", { text: name }), make("dd", { text: value, dir: "auto" })),
        ),
    );
    byId("details").hidden = false;
  }

  /** `matched` is the index of the picture that matched the question, or -1. */
  #fillGallery(pictures, matched, title) {
    const main = byId("gallery-main");
    const show = (index) => {
      this.#restyle.show(main, pictures[index], title ?? "");
      for (const [place, thumb] of [...main.parentElement.querySelectorAll(".thumb")].entries())
        thumb.setAttribute("aria-pressed", String(place === index));
    };
    if (pictures.length > 1) {
      this.#restyle.element.after(
        make(
          "div",
          { class: "thumbs" },
          ...pictures.map((url, index) =>
            make(
              "button",
              {
                class: index === matched ? "thumb matching" : "thumb",
                type: "button",
                title: index === matched ? "This picture matches" : null,
                "aria-label": `Picture ${index + 1} of ${pictures.length}${index === matched ? ", which matches" : ""}`,
                on: { click: () => show(index) },
              },
              picture(url, "", { eager: true }),
            ),
          ),
        ),
      );
    }
    if (pictures.length > 0) show(0);
  }

  #fillSimilar(alike) {
    const grid = byId("similar-grid");
    grid.removeAttribute("aria-busy");
    const { hits = [] } = alike.status === "fulfilled" ? alike.value : {};
    grid.replaceChildren(
      ...hits.map((hit) => card(hit, { href: this.#handlers.href(hit), handlers: this.#handlers })),
    );
    if (hits.length === 0) grid.parentElement.hidden = true;
  }

  #fail(problem) {
    byId("panel-title").textContent = problem.title ?? "Something went wrong";
    under(
      byId("panel-title"),
      make("p", {
        class: "facts-words",
        role: "alert",
        dir: "auto",
        text: problem.detail ?? problem.message,
      }),
    );
    byId("gallery-main").parentElement.hidden = true;
  }
}
