// A second photo beside the first, and how much each of them counts.

import { byId, make } from "./dom.js";
import { t } from "./texts.js";

const STEP = 10; // percent

export class Mix {
  #home = byId("mix");
  #file = byId("file-second");
  #handlers;

  /** `handlers`: add(file), weigh(share of the first photo in percent), remove(). */
  constructor(handlers) {
    this.#handlers = handlers;
    this.#file.addEventListener("change", () => {
      if (this.#file.files.length > 0) handlers.add(this.#file.files[0]);
      this.#file.value = ""; // so that the same photo can be chosen again
    });
  }

  /** Show the two photos with their weights, or a button to add the second. Without `first`, hide. */
  show(first, second, share) {
    this.#home.hidden = !first;
    if (!first) return;
    if (!second) {
      const add = { type: "button", class: "link", text: t("mix.add") };
      this.#home.replaceChildren(make("button", { ...add, on: { click: () => this.#file.click() } }));
      return;
    }
    const words = make("output", { class: "mix-words", text: this.#words(share) });
    const slider = make("input", {
      type: "range",
      min: STEP,
      max: 100 - STEP,
      step: STEP,
      value: 100 - share, // toward the second photo, which is on its right
      "aria-label": t("mix.slider"),
      on: {
        input: () => (words.textContent = this.#words(100 - Number(slider.value))),
        change: () => this.#handlers.weigh(100 - Number(slider.value)),
      },
    });
    const remove = { type: "button", class: "link", text: t("mix.remove") };
    this.#home.replaceChildren(
      make("div", { class: "mix-row" }, this.#picture(first), slider, this.#picture(second)),
      words,
      make("button", { ...remove, on: { click: () => this.#handlers.remove() } }),
    );
  }

  #words(share) {
    return t("mix.words", { first: share, second: 100 - share });
  }

  #picture(photo) {
    return photo.width > 0 ? make("img", { src: photo.url, alt: "" }) : make("span", { text: photo.name });
  }
}
