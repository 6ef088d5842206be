// The filters: values with the number of their products that narrow the answer, and the active filters.

import { byId, icon, make } from "./dom.js";
import { byPath, nameOf, named, priceWords, readable, valuesIn } from "./fields.js";
import { replaceKeepingFocus } from "./focus.js";
import { filtersIn, limits, toggled, valuesOf, withoutFilters, withoutWish } from "./question.js";
import { swatch } from "./swatch.js";
import { locale, t } from "./texts.js";

const OPEN = 2; // groups that are open at first
const SHOWN = 8; // values of a group until "Show all"

const numberOf = (count) =>
  make("span", {
    class: "value-count",
    text: count.toLocaleString(locale),
    title: t("filters.count", { count }),
  });

/** Return the price limits of a question after one of them was typed. */
function edited(question, edge, typed) {
  const value = typed === "" ? null : Math.max(0, Number(typed));
  const { min, max } = { ...question, [edge]: value };
  return limits(min, max);
}

export class Filters {
  #host = byId("filters");
  #active = byId("active");
  #number = byId("filters-number");
  #onChange;
  #question = null;
  #facets = {};
  #hits = [];
  #currency = "";
  #parts = "";
  #order = new Map(); // field -> values in the order first seen, so that rows do not move under the pointer
  #unfolded = new Map(); // field -> whether its group is open
  #whole = new Set(); // fields with all values shown
  #names = () => ""; // the title of an item, if it is known

  /**
   * `onChange(change)` is called with a function from the current question to the new one.
   * `titleOf(id)` returns the title of an item, or "".
   */
  constructor(onChange, titleOf) {
    this.#onChange = onChange;
    this.#names = titleOf;
    for (const host of [this.#host, this.#active])
      host.addEventListener("click", (event) => this.#clicked(event));
  }

  /** Show placeholders for the filters while the first answer loads. */
  wait() {
    if (this.#host.children.length > 0) return;
    this.#host.replaceChildren(
      ...[6, 3].map((rows) =>
        make(
          "ul",
          { class: "group holding", "aria-hidden": "true" },
          ...Array.from({ length: rows }, () => make("li")),
        ),
      ),
    );
  }

  /**
   * Draw the filters of a question. `parts` identifies what was searched with; `currency` is the
   * currency of the prices, or null if nothing has a price. Values of the first `hits` come first:
   * a photo is compared with all products, and most values have nothing to do with it.
   */
  show(question, facets, { parts, currency, hits }) {
    this.#question = question;
    this.#facets = facets;
    this.#hits = hits;
    if (parts !== this.#parts) {
      this.#parts = parts;
      this.#order.clear();
      this.#currency = null;
    }
    this.#currency = currency ?? this.#currency; // an answer without hits has none
    const focused = document.activeElement?.id;
    const typed = document.activeElement?.value;
    const counts = new Map(Object.entries(facets)); // not an object: a field may be named like "constructor"
    const groups = this.#fields(facets).map((field, place) => this.#group(field, counts.get(field) ?? [], place));
    groups.splice(OPEN, 0, this.#price(this.#currency), this.#stock(counts.get("in_stock") ?? []));
    this.#host.replaceChildren(...groups.filter(Boolean));
    this.#drawActive();
    if (!focused || !this.#host.contains(byId(focused))) return;
    byId(focused).focus({ preventScroll: true });
    // An answer must not replace what is being typed, unless it swapped the two prices.
    const other = focused === "price-min" ? question.max : question.min;
    if (focused.startsWith("price-") && typed !== String(other)) byId(focused).value = typed;
  }

  #fields(facets) {
    const asked = Object.keys(this.#question.fields);
    return [...new Set([...Object.keys(facets), ...asked])].filter(
      (field) => field !== "in_stock" && field !== "price",
    );
  }

  #group(field, counted, place) {
    const chosen = valuesOf(this.#question.fields, field);
    const counts = new Map(counted.map(({ value, products }) => [value, products]));
    const order = this.#order.get(field) ?? [];
    const weights = new Map();
    this.#hits.forEach((hit, rank) => {
      for (const value of valuesIn(hit, field)) weights.set(value, (weights.get(value) ?? 0) + 1 / (rank + 1));
    });
    const news = [...new Set([...counts.keys(), ...chosen])].filter((value) => !order.includes(value));
    order.push(...news.sort((a, b) => (weights.get(b) ?? 0) - (weights.get(a) ?? 0)));
    this.#order.set(field, order);
    if (order.length < 2 && chosen.length === 0) return null; // a single value cannot narrow the answer

    const first = this.#whole.has(field)
      ? [...order]
      : order.filter((value, index) => index < SHOWN || chosen.includes(value));
    if (field === "category") first.sort(byPath);
    const rows = first.map((value) =>
      this.#value(field, value, counts.get(value) ?? 0, chosen.includes(value), first),
    );
    const colors = field === "color" || field === "colour";
    const details = make(
      "details",
      { class: "group", open: this.#unfolded.get(field) ?? (place < OPEN || chosen.length > 0) },
      make("summary", { id: `group-${field}` }, make("span", { text: nameOf(field) }), icon("more")),
      make("ul", { class: colors ? "values colors" : "values", "aria-label": nameOf(field) }, ...rows),
      order.length > first.length
        ? make("button", {
            class: "link all",
            type: "button",
            id: `all-${field}`,
            text: t("filters.all", { count: order.length }),
            data: { all: field },
          })
        : null,
    );
    details.addEventListener("toggle", () => this.#unfolded.set(field, details.open));
    return details;
  }

  #value(field, value, count, checked, among) {
    const id = `value-${field}-${value}`;
    const box = make("input", {
      type: "checkbox",
      id,
      checked,
      disabled: count === 0 && !checked,
      on: { change: () => this.#onChange((question) => toggled(question, field, value)) },
    });
    const label = make("label", { for: id, class: count === 0 && !checked ? "value none" : "value" });
    const color = field === "color" || field === "colour" ? swatch(value) : null;
    const { name, depth } = named(field, value, among);
    label.append(
      ...[color, name, numberOf(count)].filter(Boolean),
    );
    return make("li", { class: depth ? `deep-${depth}` : null }, box, label);
  }

  #stock(counted) {
    if (!this.#question.stock && !counted.some(({ value }) => value === "false")) return null; // nothing is sold out
    const count = counted.find(({ value }) => value === "true")?.products;
    const box = make("input", {
      type: "checkbox",
      id: "value-stock",
      role: "switch",
      checked: this.#question.stock,
      on: {
        change: ({ target }) => this.#onChange((question) => ({ ...question, stock: target.checked })),
      },
    });
    const label = make(
      "label",
      { for: "value-stock", class: "value" },
      make("span", { class: "value-name", text: t("filters.stock") }),
    );
    if (count !== undefined)
      label.append(numberOf(count));
    return make("div", { class: "switch" }, box, label);
  }

  #price(currency) {
    if (currency === null && this.#question.min === null && this.#question.max === null) return null;
    const field = (edge, label) => {
      const value = this.#question[edge];
      return make(
        "label",
        { class: "price-edge" },
        make("span", { text: label }),
        make("input", {
          type: "number",
          inputmode: "decimal",
          min: "0",
          step: "any",
          id: `price-${edge}`,
          value: value === null ? null : String(value),
          on: {
            change: ({ target }) =>
              this.#onChange((question) => ({
                ...question,
                ...edited(question, edge, target.value),
              })),
          },
        }),
      );
    };
    return make(
      "fieldset",
      { class: "price" },
      make("legend", { text: currency ? t("filters.priceIn", { currency }) : t("filters.price") }),
      field("min", t("filters.from")),
      field("max", t("filters.to")),
    );
  }

  #drawActive() {
    const question = this.#question;
    const chips = Object.entries(question.fields).flatMap(([field, values]) =>
      values.map((value) => this.#chip(readable(field, value), { field, value })),
    );
    if (question.min !== null || question.max !== null) {
      const words = priceWords(question.min, question.max, this.#currency);
      chips.push(this.#chip(words, { off: "price" }));
    }
    if (question.stock) chips.push(this.#chip(t("filters.inStock"), { off: "stock" }));
    const filterChips = chips.length;
    for (const name of ["like", "unlike"])
      for (const id of question[name]) chips.push(this.#wish(name, id));
    if (filterChips > 1)
      chips.push(
        make(
          "li",
          {},
          make("button", { class: "link", type: "button", text: t("filters.clear"), data: { off: "all" } }),
        ),
      );
    replaceKeepingFocus(this.#active, chips, byId("results"));
    const number = filtersIn(question);
    this.#number.textContent = number;
    this.#number.hidden = number === 0;
  }

  #wish(name, id) {
    const words = t(`${name}d`, { name: this.#names(id) || id });
    return this.#chip(words, { wish: id }, t("liked.remove", { name: words }));
  }

  #chip(words, data, label = t("filters.remove", { name: words })) {
    return make(
      "li",
      {},
      make(
        "button",
        { class: "chip", type: "button", "aria-label": label, data },
        make("span", { text: words, dir: "auto" }),
        icon("close"),
      ),
    );
  }

  #showAll(field) {
    const before = this.#valuesOf(field).map(({ id }) => id);
    this.#whole.add(field);
    this.show(this.#question, this.#facets, { parts: this.#parts, currency: this.#currency, hits: this.#hits });
    const news = this.#valuesOf(field).filter(({ id, disabled }) => !disabled && !before.includes(id));
    (news[0] ?? byId(`group-${field}`)).focus({ preventScroll: true });
  }

  #valuesOf(field) {
    return [...this.#host.querySelectorAll("input[type=checkbox]")].filter(({ id }) => id.startsWith(`value-${field}-`));
  }

  #clicked(event) {
    const { all, off, field, value, wish } = event.target.closest("button")?.dataset ?? {};
    if (all) this.#showAll(all);
    else if (wish) this.#onChange((question) => withoutWish(question, wish));
    else if (off === "all") this.#onChange(withoutFilters);
    else if (off === "price") this.#onChange((question) => ({ ...question, min: null, max: null }));
    else if (off === "stock") this.#onChange((question) => ({ ...question, stock: false }));
    else if (field) this.#onChange((question) => toggled(question, field, value));
  }
}
