// What the shop offers: the fields to count in each answer, and the limit on hits.

import * as api from "./api.js";
import { byId } from "./dom.js";
import { t } from "./texts.js";

const UNKNOWN = { facets: ["category", "in_stock"], max_limit: 24 };
const COLORS = ["color", "colour"];
const FIRST = ["category", ...COLORS]; // in this order; further fields in the shop's order

export class Offers {
  #status = this.#ask();

  /** Search with a question, with counts of all fields that the shop offers. */
  async search(question, options) {
    try {
      return await this.#search(question, options);
    } catch (error) {
      if (error.param !== "facets" && error.param !== "swatches") throw error;
      this.#status = this.#ask(); // a field is gone: the shop was rebuilt
      return this.#search(question, options);
    }
  }

  /** Return the largest number of hits that an answer may have. */
  async most() {
    return (await this.#known()).max_limit;
  }

  async #search(question, { limit, ...options }) {
    const { facets, max_limit: most } = await this.#known();
    const first = FIRST.filter((field) => facets.includes(field));
    const fields = [...new Set([...first, ...facets])];
    const swatches = COLORS.find((field) => facets.includes(field));
    return api.search(question, { ...options, limit: Math.min(limit, most), facets: fields, swatches });
  }

  #known() {
    return (this.#status ??= this.#ask());
  }

  async #ask() {
    try {
      const status = await api.status();
      byId("foot-products").textContent = t("foot.products", { count: status.products });
      byId("foot-products").title = `${status.encoder}, ${status.generation}`;
      return status;
    } catch {
      this.#status = null; // the next search asks for it again
      return UNKNOWN;
    }
  }
}
