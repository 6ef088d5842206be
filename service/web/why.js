// Why an item matched: warm places on the shopper's picture and on the product's.

import { explain } from "./api.js";
import { boxOf, WHOLE } from "./box.js";
import { byId, make } from "./dom.js";
import { firstPicture } from "./picture.js";
import { t } from "./texts.js";

const COOL = 0.25; // share of the largest value below which nothing is drawn
const AROUND = 0.35; // of a region, which is shown on each side of it
const NEARLY_ALL = 0.8; // share of a picture's sides from which all of it is shown

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
    try {
      const found = await explain(asked.question, asked.photo, id, signal);
      const below = found ? await this.#pictures(asked, found) : [make("p", { role: "status", text: t("why.none") })];
      if (signal.aborted) return;
      this.#draw(...below);
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
    this.element.scrollIntoView({ block: "nearest" });
  }

  async #pictures({ photo, source }, { query, hit, picture }) {
    const yours = photo ? photo.url : firstPicture(source);
    return [
      make("p", { role: "status", text: t("why.words") }),
      make(
        "div",
        { class: "why-pictures" },
        ...(await Promise.all([warm(yours, query, t("why.yours")), warm(picture, hit, t("why.theirs"))])),
      ),
    ];
  }
}

/** Make a picture with a heat map over the region that it is about. */
async function warm(url, { values, box }, words) {
  const canvas = Object.assign(document.createElement("canvas"), { width: values[0].length, height: values.length });
  const most = Math.max(...values.flat(), 1e-9);
  const pixels = canvas.getContext("2d").createImageData(canvas.width, canvas.height);
  for (const [at, value] of values.flat().entries()) {
    const heat = Math.max(0, value / most - COOL) / (1 - COOL);
    pixels.data.set([255, 70, 30, Math.round(190 * heat)], 4 * at);
  }
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  const region = boxOf(box);
  const seen = shownPart(region);
  const image = make("img", { src: url, alt: words });
  const frame = make("div", {}, image, canvas);
  place(image, WHOLE, seen);
  place(canvas, region, seen);
  await image.decode().catch(() => {}); // so that nothing moves; a broken picture has no size
  const { naturalWidth, naturalHeight } = image;
  if (naturalWidth > 0) frame.style.aspectRatio = `${naturalWidth * widthOf(seen)} / ${naturalHeight * heightOf(seen)}`;
  return make("figure", { class: "why-picture" }, frame, make("figcaption", { text: words }));
}

const widthOf = ({ x0, x1 }) => x1 - x0;

const heightOf = ({ y0, y1 }) => y1 - y0;

/** Return the part of a picture to show: all of it, or the surroundings of a small region. */
function shownPart(region) {
  if (Math.max(widthOf(region), heightOf(region)) > NEARLY_ALL) return WHOLE;
  const [dx, dy] = [AROUND * widthOf(region), AROUND * heightOf(region)];
  return {
    x0: Math.max(0, region.x0 - dx),
    y0: Math.max(0, region.y0 - dy),
    x1: Math.min(1, region.x1 + dx),
    y1: Math.min(1, region.y1 + dy),
  };
}

/** Place an element over a region of the picture, in a frame that shows a part of it. */
function place(element, region, seen) {
  const percent = (share) => `${(share * 100).toFixed(2)}%`;
  Object.assign(element.style, {
    left: percent((region.x0 - seen.x0) / widthOf(seen)),
    top: percent((region.y0 - seen.y0) / heightOf(seen)),
    width: percent(widthOf(region) / widthOf(seen)),
    height: percent(heightOf(region) / heightOf(seen)),
  });
}
