// A dot on each thing of the photo; a dot is a button that searches for its thing.

import * as api from "./api.js";
import { boxOf } from "./box.js";
import { byId, make } from "./dom.js";
import { hasText, t } from "./texts.js";

const MOST = 8;
const HITS = 4; // of each thing
const SAME = 0.04; // by which the edges of a box differ at most from those of its thing, which has a margin
const NEAR = 0.1; // share of the sides within which two dots would cover each other
const KEPT = 12; // photos whose things are remembered
const WHOLE_AREA = 0.8; // share of the photo from which a single thing is the photo itself

const known = new Map(); // photo id -> things

/**
 * Return the things in a photo: [{box, name, sold, hits}]; [] if they cannot be found. Those without a
 * name that the shop sells nothing like are left out: most of them are no things.
 */
async function thingsIn(photo, signal) {
  if (!known.has(photo.id)) {
    try {
      const { things } = await api.recognize(photo, { most: MOST, limit: HITS, signal });
      const worthwhile = things.filter((thing) => thing.name || thing.sold);
      known.set(photo.id, apart(worthwhile.map((thing) => ({ ...thing, box: boxOf(thing.box) }))));
      if (known.size > KEPT) known.delete(known.keys().next().value);
    } catch {
      return []; // the photo can be searched without them
    }
  }
  return known.get(photo.id);
}

const areaOf = ({ x0, y0, x1, y1 }) => (x1 - x0) * (y1 - y0);

const centerOf = ({ x0, y0, x1, y1 }) => [(x0 + x1) / 2, (y0 + y1) / 2];

/** Return the things without those whose dot would lie on that of a better one. */
function apart(things) {
  const kept = [];
  for (const thing of things) {
    const [x, y] = centerOf(thing.box);
    const near = (other) => {
      const [ox, oy] = centerOf(other.box);
      return Math.abs(x - ox) < NEAR && Math.abs(y - oy) < NEAR;
    };
    if (!kept.some(near)) kept.push(thing);
  }
  return kept;
}

const same = (a, b) => ["x0", "y0", "x1", "y1"].every((edge) => Math.abs(a[edge] - b[edge]) < SAME);

/** Return the name of a thing: the last step of its category, or the kind of a garment, or "". */
export function nameOf({ name }) {
  const kind = `kind.${name}`;
  return hasText(kind) ? t(kind) : (name ?? "").split("/").at(-1);
}

export class Dots {
  /** The dots, to be put on the picture. */
  element = make("div", { class: "things", role: "group", "aria-label": t("dots.list"), hidden: true });
  /** The things of the photo that is shown. */
  things = [];
  #onThing;
  #onFound;
  #shown = "";
  #aborter = new AbortController();

  /** `onThing(box)` is called when the shopper chooses a thing; `onFound(things)` when they are known. */
  constructor(onThing, onFound) {
    this.#onThing = onThing;
    this.#onFound = onFound;
  }

  /** Find the things of a photo, which has been searched, and show them; null hides all. */
  async show(photo, box) {
    const id = photo?.width > 0 ? photo.id : "";
    if (id !== this.#shown) {
      this.#aborter.abort();
      this.#aborter = new AbortController();
      this.#shown = id;
      this.#take([]);
      if (id) {
        const things = await thingsIn(photo, this.#aborter.signal);
        if (this.#shown !== id) return;
        this.#take(things);
      }
    }
    this.mark(box);
  }

  /** Return whether a box is around a thing that the shop sells nothing like. */
  isUnsold(box) {
    return Boolean(box) && this.things.some((thing) => same(thing.box, box) && thing.hits.length > 0 && !thing.sold);
  }

  /** Mark the dot of the thing that is searched for. */
  mark(box) {
    for (const [at, dot] of [...this.element.children].entries())
      dot.setAttribute("aria-pressed", String(Boolean(box) && same(this.things[at].box, box)));
  }

  #take(things) {
    const only = things.length === 1 && areaOf(things[0].box) > WHOLE_AREA;
    this.things = only ? [] : things;
    this.element.replaceChildren(...this.things.map((thing, at) => this.#dot(thing, at)));
    this.element.hidden = this.things.length === 0;
    this.#onFound(this.things);
    if (this.things.length > 0) byId("say").append(`. ${t("dots.found", { count: this.things.length })}`);
  }

  #dot(thing, at) {
    const [x, y] = centerOf(thing.box);
    const name = nameOf(thing);
    const facts = { name, number: at + 1, count: this.things.length };
    const words = t(name ? "dots.named" : "dots.one", facts);
    const dot = make("button", {
      class: "thing",
      type: "button",
      title: words,
      "aria-label": words,
      "aria-pressed": "false",
      on: { click: () => this.#onThing(thing.box) },
    });
    dot.style.left = `${(x * 100).toFixed(2)}%`;
    dot.style.top = `${(y * 100).toFixed(2)}%`;
    return dot;
  }
}
