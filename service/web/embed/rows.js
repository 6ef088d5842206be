// Rows of items: like the item of a page, and for the shopper.

import { Cards } from "./cards.js";
import { consent, decide, events, forget, onChange } from "./consent.js";
import { button, make } from "./dom.js";
import { VitrineElement } from "./element.js";

const NEAR = "600px"; // a row is loaded when it is so far below the screen

class Row extends VitrineElement {
  usualLimit = 12;
  #cards = new Cards(this, "row");
  #aborter = new AbortController();
  #watch = null;

  draw() {
    this.#watch?.disconnect();
    this.#watch = new IntersectionObserver(
      ([entry]) => {
        if (!entry.isIntersecting) return;
        this.#watch.disconnect();
        this.load();
      },
      { rootMargin: NEAR },
    );
    this.#watch.observe(this);
  }

  disconnectedCallback() {
    this.#watch?.disconnect();
    this.#aborter.abort();
  }

  /** Ask for the items, and show them. */
  async load() {
    this.#aborter.abort();
    this.#aborter = new AbortController();
    const { signal } = this.#aborter;
    try {
      const items = await this.items(signal);
      if (!signal.aborted) this.#show(items);
    } catch (problem) {
      if (!signal.aborted) this.#fail(problem);
    }
  }

  #show(items) {
    this.dataset.state = items.length > 0 ? "shown" : "empty";
    const list = make("ul", { class: "row", role: "list", "aria-label": this.heading() });
    list.append(...this.#cards.make(items));
    const focused = this.shadowRoot.activeElement !== null;
    this.shadowRoot.replaceChildren(
      ...[
        this.question?.(),
        items.length > 0 ? make("h2", { class: "row-title", part: "title", text: this.heading(), tabindex: "-1" }) : null,
        items.length > 0 ? list : null,
        this.foot?.(),
      ].filter(Boolean),
    );
    if (focused) this.shadowRoot.querySelector(".row-title")?.focus({ preventScroll: true });
  }

  #fail(problem) {
    const words = this.explain(problem);
    this.dataset.state = "failed";
    this.#cards.clear();
    // A row is an extra: only what the makers of the page must mend is shown in it.
    this.shadowRoot.replaceChildren(
      ...(problem.code === "key" ? [make("p", { class: "notice", role: "alert", text: words })] : []),
    );
  }
}

/** <vitrine-similar item="ID">: items like an item. */
export class Similar extends Row {
  heading() {
    return this.texts.t("similar");
  }

  async items(signal) {
    const item = this.getAttribute("item");
    if (!item) return [];
    this.remember(item, "view");
    return this.client.similar(item, { limit: this.limit, swatches: this.getAttribute("swatches"), signal });
  }
}

/** <vitrine-for-you>: items for the shopper. With the attribute `ask` it asks for consent itself. */
export class ForYou extends Row {
  #stop = null;
  #sent = 0;

  connectedCallback() {
    super.connectedCallback();
    this.#stop ??= onChange(() => this.load());
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#stop?.();
    this.#stop = null;
  }

  heading() {
    return this.texts.t(this.#sent > 0 ? "forYou" : "discover");
  }

  async items(signal) {
    const known = events(); // [] without consent
    this.#sent = known.length;
    return this.client.recommended(known, { item: this.getAttribute("item"), limit: this.limit, signal });
  }

  question() {
    if (!this.hasAttribute("ask") || consent() !== null) return null;
    return make(
      "div",
      { class: "ask", part: "ask" },
      make("p", { text: this.texts.t("ask") }),
      button("secondary small", () => decide(true), { text: this.texts.t("yes") }),
      button("secondary small", () => decide(false), { text: this.texts.t("no") }),
    );
  }

  /** Whoever agreed in the row can take it back there; the row then asks again. */
  foot() {
    if (!this.hasAttribute("ask") || !consent()) return null;
    return button("forget", forget, { text: this.texts.t("forget") });
  }
}
