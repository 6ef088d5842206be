// What the shop offers: the fields that are counted beside each answer, and how many hits it gives.

import * as api from "./api.js";
import { byId } from "./dom.js";

const UNKNOWN = { facets: ["category", "in_stock"], max_limit: 24 };
const FIRST = ["category", "color", "colour"]; // as shoppers want them; the rest as the shop says

export class Offers {
  #status = this.#ask();

  /** The answer to a question, with the counts of every field that the shop offers. */
  async search(question, options) {
    try {
      return await this.#search(question, options);
    } catch (error) {
      if (error.param !== "facets") throw error;
      this.#status = this.#ask(); // a field is gone: the shop was built anew
      return this.#search(question, options);
    }
  }

  /** The most hits that an answer may have. */
  async most() {
    return (await this.#known()).max_limit;
  }

  async #search(question, { limit, ...options }) {
    const { facets, max_limit: most } = await this.#known();
    const first = FIRST.filter((field) => facets.includes(field));
    const fields = [...new Set([...first, ...facets])];
    return api.search(question, { ...options, limit: Math.min(limit, most), facets: fields });
  }

  #known() {
    return (this.#status ??= this.#ask());
  }

  async #ask() {
    try {
      const status = await api.status();
      byId("foot").textContent = `${status.items.toLocaleString()} items to look at`;
      byId("foot").title = `Encoder ${status.encoder}, generation ${status.generation}`;
      return status;
    } catch {
      this.#status = null; // the next question asks again
      return UNKNOWN;
    }
  }
}
