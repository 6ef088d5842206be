// The start page: some items to start from, and messages before the first search.

import { sample } from "./api.js";
import { COMPACT, card, skeleton } from "./card.js";
import { byId, make } from "./dom.js";
import { EMPTY, write } from "./question.js";

const TRIES = 12;

export class Welcome {
  #onItem;
  #asked = false;
  #failed = false;

  /** `onItem(item)` is called when the shopper chooses an item to start from. */
  constructor(onItem) {
    this.#onItem = onItem;
  }

  /** Load and show the items, or a message if the shop cannot be reached. */
  async show() {
    if (this.#asked) return;
    this.#asked = true;
    const list = byId("tries-list");
    list.replaceChildren(...Array.from({ length: TRIES }, skeleton));
    byId("tries").hidden = false;
    try {
      const { items } = await sample(TRIES);
      const handlers = { open: this.#onItem, alike: this.#onItem };
      list.replaceChildren(
        ...items.map((item) => card(item, { href: write({ ...EMPTY, item: item.item_id }), width: COMPACT, handlers })),
      );
      byId("tries").hidden = items.length === 0;
      if (this.#failed) this.say("", "");
      this.#failed = false;
    } catch (problem) {
      this.#asked = false;
      this.#failed = true;
      byId("tries").hidden = true;
      if (problem.passes) this.say(problem.title, problem.detail);
    }
  }

  /** Show a message under the drop zone; hide it if the title is empty. */
  say(title, detail) {
    const place = byId("hero-notice");
    place.hidden = !title;
    place.replaceChildren(make("h2", { text: title }), make("p", { text: detail }));
  }
}
