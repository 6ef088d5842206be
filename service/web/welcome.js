// Some items to start from, on the start page and where nothing is found; messages before the first search.

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

  /** Load the items and show them at the end of `place`, or a message if the shop cannot be reached. */
  async show(place = byId("hero")) {
    const list = byId("tries-list");
    place.append(byId("tries"));
    byId("tries").hidden = list.children.length === 0;
    if (this.#asked) return;
    this.#asked = true;
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

  /** Hide the items, below results that are not empty any more. */
  hide() {
    if (byId("hero").hidden) byId("tries").hidden = true;
  }

  /** Show a message under the drop zone; hide it if the title is empty. `calm`: nothing went wrong. */
  say(title, detail, { calm = false } = {}) {
    const place = byId("hero-notice");
    place.hidden = !title;
    place.classList.toggle("calm", calm);
    place.replaceChildren(make("h2", { text: title }), make("p", { text: detail }));
  }
}
