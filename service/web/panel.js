// The panel of an item: its pictures, its facts, similar items, and what customers say.

import { item as fetchItem, similar as fetchSimilar } from "./api.js";
import { COMPACT, card, priceOf, skeleton } from "./card.js";
import { byId, icon, make } from "./dom.js";
import { factsOf, fillDetails, problemOf } from "./facts.js";
import { firstPicture, picture } from "./picture.js";
import { asks } from "./question.js";
import { Restyle } from "./restyle.js";
import { askBox } from "./ask.js";
import { fillReviews } from "./reviews.js";
import { t } from "./texts.js";
import { fillVariants } from "./variants.js";
import { Why } from "./why.js";

const SIMILAR = 8;

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
  #hit = null;
  #deep = false;
  #restyle = null;
  #why = null;

  /**
   * `handlers`: open(item), alike(item), href(item), wish(name, item), share(item), back(), close(),
   * home(), asked() -> {question, photo}.
   */
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
    this.#hit = hit;
    this.#deep = deep;
    this.#frame();
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#dialog.scrollTop = 0;
    byId("panel-title").focus({ preventScroll: true });
    await this.#load();
  }

  /** Fetch the item and what is similar, and fill the panel. */
  async #load() {
    const id = this.#shown;
    this.#aborter = new AbortController();
    const { signal } = this.#aborter;
    const [item, alike] = await Promise.allSettled([fetchItem(id, signal), fetchSimilar(id, SIMILAR, signal)]);
    if (signal.aborted) return;
    if (item.status === "rejected") this.#fail(item.reason);
    else {
      this.#fill(item.value);
      fillReviews(byId("reviews"), id, signal);
      fillVariants(byId("variants"), item.value, this.#handlers, signal);
    }
    this.#fillSimilar(alike);
  }

  #frame() {
    this.#restyle = new Restyle();
    this.#why = new Why();
    const hit = this.#hit;
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
        this.#deep ? round("back", t("panel.back"), () => this.#handlers.back()) : make("span"),
        round("close", t("panel.close"), () => this.#handlers.close()),
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
            text: hit?.title || hit?.item_id || t("panel.loading"),
          }),
          make("p", { class: "facts-price", text: hit ? priceOf(hit) : "\u00a0" }),
        ),
      ),
      this.#why.element,
      make(
        "section",
        { class: "similar", "aria-labelledby": "similar-title" },
        make("h3", { id: "similar-title", text: t("panel.similar") }),
        make(
          "ul",
          { class: "grid compact", id: "similar-grid", "aria-busy": "true" },
          ...Array.from({ length: 8 }, skeleton),
        ),
      ),
      make(
        "section",
        { class: "details", id: "details", "aria-labelledby": "details-title", hidden: true },
        make("h3", { id: "details-title", text: t("panel.details") }),
        make("dl", { class: "facts-list", id: "details-list" }),
      ),
      askBox(this.#shown),
      make("section", { class: "reviews", id: "reviews", "aria-labelledby": "reviews-title", hidden: true }),
    );
  }

  #fill(item) {
    byId("panel-title").textContent = item.title || item.item_id;
    this.#fillGallery(item.image_urls ?? [], this.#hit?.image_index ?? -1, item.title);
    const asked = this.#handlers.asked();
    const why = asked.photo || (asked.question.item && asked.question.item !== item.item_id);
    under(
      byId("panel-title"),
      ...factsOf(item, {
        ...this.#handlers,
        less: asks(asked.question),
        why: why ? () => this.#why.show(asked, item.item_id, this.#aborter.signal) : null,
      }),
    );
    fillDetails(byId("details-list"), item);
    byId("details").hidden = false;
  }

  /** `matched` is the index of the picture that matched the question, or -1. */
  #fillGallery(pictures, matched, title) {
    const main = byId("gallery-main");
    const count = pictures.length;
    const show = (index) => {
      this.#restyle.show(main, pictures[index], title ?? "");
      for (const [place, thumb] of [...main.parentElement.querySelectorAll(".thumb")].entries())
        thumb.setAttribute("aria-pressed", String(place === index));
    };
    const thumb = (url, index) =>
      make(
        "button",
        {
          class: index === matched ? "thumb matching" : "thumb",
          type: "button",
          title: index === matched ? t("panel.matches") : null,
          "aria-label": t(index === matched ? "panel.pictureMatches" : "panel.picture", { number: index + 1, count }),
          on: { click: () => show(index) },
        },
        picture(url, "", { eager: true, width: 60 }),
      );
    if (count > 1) this.#restyle.element.before(make("div", { class: "thumbs" }, ...pictures.map(thumb)));
    if (count > 0) show(0);
  }

  #fillSimilar(alike) {
    const grid = byId("similar-grid");
    grid.removeAttribute("aria-busy");
    const { hits = [] } = alike.status === "fulfilled" ? alike.value : {};
    grid.replaceChildren(
      ...hits.map((hit) => card(hit, { href: this.#handlers.href(hit), width: COMPACT, handlers: this.#handlers })),
    );
    grid.parentElement.hidden = hits.length === 0;
  }

  /** Show why the item cannot be fetched; what its card knew stays. */
  #fail(problem) {
    const id = this.#shown;
    const gone = problem.kind === "gone";
    const known = this.#hit && !gone;
    if (!known) {
      byId("panel-title").textContent = problem.title ?? t("problem.other.title");
      this.#showParts(false);
    }
    const retry = () => {
      byId("panel-title").focus({ preventScroll: true });
      this.#showParts(true);
      this.#aborter.abort();
      this.#load();
    };
    under(
      byId("panel-title"),
      ...(known ? [make("p", { class: "facts-price", text: priceOf(this.#hit) })] : []),
      problemOf(problem, id, { titled: known, retry, leave: () => this.#handlers.home() }),
    );
  }

  /** Show or hide the parts that say nothing without an item: its pictures, and the box for questions. */
  #showParts(shown) {
    byId("gallery-main").parentElement.hidden = !shown;
    this.#dialog.querySelector(".ask").hidden = !shown;
  }
}
