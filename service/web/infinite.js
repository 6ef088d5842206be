// Loads more hits when the end of the grid comes near. After some pages the shopper presses the button,
// so that the end of the page can be reached.

import { byId } from "./dom.js";

const PAGES = 3; // that load by themselves after each search or press of the button

export class Infinite {
  #left = PAGES;
  #busy = false;

  /** `more()` loads the next page. */
  constructor(more) {
    const observer = new IntersectionObserver(
      async ([{ isIntersecting }]) => {
        if (!isIntersecting || this.#busy || this.#left === 0 || byId("more").hidden) return;
        this.#left -= 1;
        this.#busy = true;
        try {
          await more();
        } finally {
          this.#busy = false;
        }
      },
      { rootMargin: "300px" },
    );
    observer.observe(byId("more"));
  }

  /** Begin anew: for another question, or after a press of the button. */
  restart() {
    this.#left = PAGES;
  }
}
