// Why an item matched: warm places on the shopper's picture and on the product's.

import { explain } from "./api.js";
import { boxOf } from "./box.js";
import { byId, make } from "./dom.js";
import { firstPicture } from "./picture.js";
import { t } from "./texts.js";

const COOL = 0.25; // share of the largest value below which nothing is drawn

export class Why {
  /** The section in the panel. */
  element = make("section", { class: "why", id: "why", "aria-labelledby": "why-title", hidden: true });
  #asked = false;

  /** Ask for the heat maps of an item, and show them. `asked` is {question, photo, source}. */
  async show(asked, id, signal) {
    this.element.hidden = false;
    byId("why-title")?.focus();
    if (this.#asked) return;
    this.#asked = true;
    this.#draw(make("p", { role: "status", text: t("why.wait") }));
    byId("why-title").focus();
    this.element.scrollIntoView({ block: "nearest" });
    try {
      const found = await explain(asked.question, asked.photo, id, signal);
      if (signal.aborted) return;
      this.#draw(...(found ? this.#pictures(asked, found) : [make("p", { role: "status", text: t("why.none") })]));
    } catch (problem) {
      if (signal.aborted) return;
      this.#asked = false; // the button asks again
      this.#draw(make("p", { role: "alert", text: `${problem.title ?? ""} ${problem.detail ?? ""}`.trim() }));
    }
  }

  #draw(...below) {
    const title = byId("why-title") ?? make("h3", { id: "why-title", tabindex: "-1", text: t("why.title") });
    this.element.replaceChildren(title, ...below);
    title.focus({ preventScroll: true });
  }

  #pictures({ photo, source }, { query, hit, picture }) {
    const yours = photo ? photo.url : firstPicture(source);
    return [
      make("p", { role: "status", text: t("why.words") }),
      make(
        "div",
        { class: "why-pictures" },
        warm(yours, query, t("why.yours")),
        warm(picture, hit, t("why.theirs")),
      ),
    ];
  }
}

/** Make a picture with a heat map over the region that it is about. */
function warm(url, { values, box }, words) {
  const canvas = Object.assign(document.createElement("canvas"), { width: values[0].length, height: values.length });
  const most = Math.max(...values.flat(), 1e-9);
  const pixels = canvas.getContext("2d").createImageData(canvas.width, canvas.height);
  for (const [at, value] of values.flat().entries()) {
    const heat = Math.max(0, value / most - COOL) / (1 - COOL);
    pixels.data.set([255, 70, 30, Math.round(190 * heat)], 4 * at);
  }
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  const { x0, y0, x1, y1 } = boxOf(box);
  const percent = (share) => `${(share * 100).toFixed(2)}%`;
  Object.assign(canvas.style, {
    left: percent(x0),
    top: percent(y0),
    width: percent(x1 - x0),
    height: percent(y1 - y0),
  });
  return make(
    "figure",
    { class: "why-picture" },
    make("div", {}, make("img", { src: url, alt: words }), canvas),
    make("figcaption", { text: words }),
  );
}
