// Quick filters above the grid: three ranges of prices, and the most frequent colors.

import { byId, make } from "./dom.js";
import { toggled, valuesOf } from "./question.js";
import { swatch } from "./swatch.js";
import { money, t } from "./texts.js";

const COLORS = 6;
const FEWEST = 6; // prices from which ranges are offered
const COLOR_FIELDS = ["color", "colour"];

/** Return a price rounded to a number that reads well, such as 15 or 250. */
function rounded(price) {
  const power = 10 ** Math.floor(Math.log10(price));
  const steps = [1, 1.2, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7, 7.5, 8, 9, 10];
  return steps.reduce((best, step) => (Math.abs(step - price / power) < Math.abs(best - price / power) ? step : best)) * power;
}

/** Return the two prices that divide hits into cheap, middle and dear, or null. */
function bandsOf(hits) {
  const prices = hits.map(({ price }) => price).filter((price) => price > 0).sort((a, b) => a - b);
  if (prices.length < FEWEST) return null;
  const [low, high] = [1 / 3, 2 / 3].map((share) => rounded(prices[Math.floor(share * prices.length)]));
  return low < high ? [low, high] : null;
}

export class Quick {
  #home = byId("quick");
  #onChange;
  #parts = "";
  #bands = null;
  #currency = "";
  #colors = [];
  #field = "";

  /** `onChange(change)` is called with a function from the current question to the new one. */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  /** Draw the quick filters of a question; they stay the same until other parts are searched with. */
  show(question, reply, { parts, currency }) {
    if (parts !== this.#parts) {
      this.#parts = parts;
      this.#bands = currency ? bandsOf(reply.hits) : null;
      this.#currency = currency;
      this.#field = COLOR_FIELDS.find((field) => (reply.facets[field] ?? []).length > 1) ?? "";
      this.#colors = (reply.facets[this.#field] ?? []).slice(0, COLORS).map(({ value }) => value);
    }
    const focused = document.activeElement?.id;
    const buttons = [...this.#priceButtons(question), ...this.#colorButtons(question)];
    this.#home.replaceChildren(...buttons);
    this.#home.hidden = buttons.length === 0;
    if (focused?.startsWith("quick-")) document.getElementById(focused)?.focus({ preventScroll: true });
  }

  #priceButtons(question) {
    if (!this.#bands) return [];
    const [low, high] = this.#bands;
    const whole = (price) => money(price, this.#currency, { round: Number.isInteger(price) });
    const bands = [
      ["under", null, low, t("quick.under", { price: whole(low) })],
      ["between", low, high, t("quick.between", { low: whole(low), high: whole(high) })],
      ["over", high, null, t("quick.over", { price: whole(high) })],
    ];
    return bands.map(([name, min, max, text]) => {
      const on = question.min === min && question.max === max;
      const change = (now) => ({ ...now, min: on ? null : min, max: on ? null : max });
      return this.#button(`quick-${name}`, on, text, change);
    });
  }

  #colorButtons(question) {
    return this.#colors.map((color) => {
      const on = valuesOf(question.fields, this.#field).includes(color);
      const change = (now) => toggled(now, this.#field, color);
      return this.#button(`quick-color-${color}`, on, color, change, swatch(color));
    });
  }

  #button(id, on, text, change, before = null) {
    return make(
      "button",
      {
        class: "pick",
        type: "button",
        id,
        "aria-pressed": String(on),
        on: { click: () => this.#onChange(change) },
      },
      before,
      make("span", { text, dir: "auto" }),
    );
  }
}
