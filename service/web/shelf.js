// The dialog of saved products: a list, and a table that compares those chosen.

import * as api from "./api.js";
import { priceOf } from "./card.js";
import { byId, icon, make } from "./dom.js";
import { shown } from "./facts.js";
import { nameOf } from "./fields.js";
import { compare, isSaved, onKept, saved, toggleSaved } from "./kept.js";
import { picture } from "./picture.js";
import { confirm } from "./share.js";
import { sentences, t } from "./texts.js";

export class Shelf {
  #dialog = byId("saved");
  #button = byId("open-saved");
  #handlers;
  #items = new Map(); // id -> item, or null if it is gone

  /** `handlers`: open(item), href(item). */
  constructor(handlers) {
    this.#handlers = handlers;
    this.#button.addEventListener("click", () => this.#open());
    this.#dialog.addEventListener("click", (event) => {
      if (event.target === this.#dialog) this.#dialog.close();
    });
    onKept(() => this.#changed());
    this.#changed();
  }

  /** Update the number in the header and all hearts, and the dialog if it is open. */
  #changed() {
    const count = saved().length;
    const words = count > 0 ? t("saved.button", { count }) : t("saved");
    byId("saved-number").textContent = String(count);
    byId("saved-number").hidden = count === 0;
    for (const name of ["aria-label", "title"]) this.#button.setAttribute(name, words);
    for (const heart of document.querySelectorAll("[data-save]")) {
      const now = isSaved(heart.dataset.save);
      if (now === (heart.getAttribute("aria-pressed") === "true")) continue;
      heart.setAttribute("aria-pressed", String(now));
      if (heart === document.activeElement)
        confirm(t(now ? "saved.added" : "saved.removed", { name: heart.dataset.name }));
    }
    if (this.#dialog.open) this.#draw();
  }

  async #open() {
    this.#draw();
    this.#dialog.showModal();
    byId("saved-title").focus();
    const missing = saved().filter(({ id }) => !this.#items.get(id));
    await Promise.all(missing.map(({ id }) => this.#fetch(id)));
    if (this.#dialog.open) this.#draw();
  }

  async #fetch(id) {
    try {
      this.#items.set(id, await api.item(id));
    } catch (problem) {
      if (problem.kind === "gone") this.#items.set(id, null);
    }
  }

  #draw() {
    const focused = document.activeElement?.dataset?.key;
    const entries = saved();
    const compared = entries.filter(({ id, compared }) => compared && this.#items.get(id));
    const close = { class: "quiet round", type: "button", "aria-label": t("panel.close"), title: t("panel.close") };
    this.#dialog.replaceChildren(
      make(
        "div",
        { class: "panel-bar" },
        make("h2", { id: "saved-title", tabindex: "-1", text: t("saved") }),
        make("button", { ...close, on: { click: () => this.#dialog.close() } }, icon("close")),
      ),
      ...(entries.length === 0 ? [make("p", { class: "shelf-empty" }, icon("like"), t("saved.empty"))] : []),
      ...(entries.length > 0 ? [make("p", { class: "shelf-words", text: this.#words(entries.length) })] : []),
      make("ul", { class: "shelf-list", role: "list" }, ...entries.map((entry) => this.#row(entry))),
      ...(compared.length > 1 ? [this.#table(compared.map(({ id }) => this.#items.get(id)))] : []),
    );
    const again = [...this.#dialog.querySelectorAll("[data-key]")].find(({ dataset }) => dataset.key === focused);
    if (this.#dialog.open) (again ?? byId("saved-title")).focus({ preventScroll: true });
  }

  #words(count) {
    return sentences(t("saved.private"), count > 1 && t("saved.compareHint"));
  }

  #row({ id, compared }) {
    const item = this.#items.get(id);
    const gone = item === null;
    const title = item?.title || id;
    const check = make("input", {
      type: "checkbox",
      checked: compared,
      disabled: gone,
      data: { key: `compare ${id}` },
      on: { change: ({ target }) => compare(id, target.checked) },
    });
    return make(
      "li",
      { class: "shelf-row", data: { item: id } },
      picture(item?.image_urls?.[0], "", { eager: true, width: 64 }),
      make(
        "div",
        { class: "shelf-facts" },
        gone ? make("span", { text: title, dir: "auto" }) : this.#link(item ?? { item_id: id, title }),
        make("span", { class: "shelf-price", text: gone ? t("saved.gone") : item ? priceOf(item) : "\u00a0" }),
      ),
      make("label", { class: "shelf-compare" }, check, make("span", { text: t("saved.compare") })),
      make(
        "button",
        {
          class: "quiet round",
          type: "button",
          "aria-label": `${t("saved.remove")}: ${title}`,
          title: t("saved.remove"),
          data: { key: `remove ${id}` },
          on: { click: () => toggleSaved(id) },
        },
        icon("close"),
      ),
    );
  }

  #link(item) {
    return make("a", {
      href: this.#handlers.href(item),
      dir: "auto",
      text: item.title || item.item_id,
      on: {
        click: (event) => {
          if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
          event.preventDefault();
          this.#dialog.close();
          this.#handlers.open(item);
        },
      },
    });
  }

  /** Make the table of the compared items; a row whose values differ is marked. */
  #table(items) {
    const fields = [...new Set(items.flatMap((item) => Object.keys(item.attributes ?? {})))];
    const rows = [
      [t("compare.price"), items.map((item) => priceOf(item))],
      [t("compare.stock"), items.map((item) => t(item.in_stock === false ? "panel.sold" : "panel.stock"))],
      [t("field.category"), items.map((item) => (item.categories?.[0] ?? "").split("/").join(" \u203a "))],
      ...fields.map((field) => [nameOf(field), items.map((item) => shown(item.attributes?.[field]))]),
    ];
    return make(
      "div",
      { class: "compare", tabindex: "0", role: "region", "aria-label": t("compare.title") },
      make(
        "table",
        {},
        make("caption", { text: t("compare.title") }),
        make(
          "thead",
          {},
          make("tr", {}, make("td"), ...items.map((item) => make("th", { scope: "col" }, picture(item.image_urls?.[0], "", { eager: true, width: 150 }), make("span", { text: item.title || item.item_id, dir: "auto" })))),
        ),
        make("tbody", {}, ...rows.map(([name, values]) => this.#line(name, values))),
      ),
    );
  }

  #line(name, values) {
    const differ = new Set(values).size > 1;
    return make(
      "tr",
      { class: differ ? "differs" : null },
      make("th", { scope: "row", text: name }),
      ...values.map((value) => make("td", { text: value || t("compare.nothing"), dir: "auto" })),
    );
  }
}
