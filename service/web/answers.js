// The answers so far, and the products in them.

const REMEMBERED = 16;

export class Answers {
  #replies = new Map(); // key of a question -> reply, the newest last
  #items = new Map(); // id -> an item that was given by name

  /** Return the answer of this key, or undefined. */
  get(key) {
    return this.#replies.get(key);
  }

  /** Remember an answer; the oldest are forgotten. */
  keep(key, reply) {
    this.#replies.delete(key);
    this.#replies.set(key, reply);
    if (this.#replies.size > REMEMBERED) this.#replies.delete(this.#replies.keys().next().value);
  }

  /** Remember an item, whose title is needed although it is in no answer any more. */
  name(item) {
    this.#items.set(item.item_id, item);
  }

  /** Return the newest hit of an item, or the item itself, or undefined. */
  hit(id) {
    if (!id) return undefined;
    for (const reply of [...this.#replies.values()].reverse()) {
      const found = reply.hits.find((hit) => hit.item_id === id);
      if (found) return found;
    }
    return this.#items.get(id);
  }

  /** Return the currency of hits, "" if there are several, or null if no hit has a price. */
  currencyOf(hits) {
    const found = new Set(hits.filter((hit) => hit.price !== null).map((hit) => hit.currency));
    return found.size === 0 ? null : found.size === 1 ? [...found][0] : "";
  }
}
