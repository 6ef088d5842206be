// What is searched with: the photo with its crop box and dots, or an item of the shop.

import * as api from "./api.js";
import { WHOLE, boxOf, isWhole } from "./box.js";
import { CropBox } from "./cropbox.js";
import { Dots } from "./dots.js";
import { byId, make } from "./dom.js";
import { Look } from "./look.js";
import { Mix } from "./mix.js";
import { takeIn } from "./photo.js";
import { firstPicture } from "./picture.js";
import { t } from "./texts.js";

const touch = matchMedia("(pointer: coarse)");

export class Source {
  /** The item that is searched with, once fetched. */
  item = null;
  #crop;
  #dots;
  #look;
  #mix;
  #asked = { question: null, photo: null };
  #onTitle;

  /**
   * `handlers`: change(change) with a function from the current question to the new one, retitle()
   * after an item became known, and those of cards.
   */
  constructor(handlers) {
    const crop = (box) => handlers.change((question) => ({ ...question, box }));
    this.#onTitle = handlers.retitle;
    this.#crop = new CropBox(byId("stage"), crop);
    this.#look = new Look(handlers);
    this.#dots = new Dots(crop, (things) => this.#look.offer(things));
    this.#crop.frame.append(this.#dots.element);
    this.#mix = new Mix({
      add: async (file) => {
        const taken = await takeIn(file);
        handlers.change((question) => ({ ...question, second: taken.id, share: 50 }));
      },
      weigh: (share) => handlers.change((question) => ({ ...question, share }), { replace: true }),
      remove: () => handlers.change((question) => ({ ...question, second: null, share: 50 })),
    });
    byId("whole").addEventListener("click", () => {
      crop(WHOLE);
      this.#crop.focus();
    });
  }

  /** Show the photo or the item of a question. */
  draw(question, photo, second) {
    this.#asked = { question, photo };
    byId("source").hidden = !photo && !question.item;
    byId("change").hidden = !photo;
    this.#drawWith();
    this.#mix.show(photo, second, question.share);
    if (photo) this.#drawPhoto(question.box);
    else {
      this.#dots.show(null, null);
      if (question.item) this.#drawItem();
    }
  }

  /** Show where the service looked, and the things in the photo, after an answer. */
  answered(reply) {
    const { question, photo } = this.#asked;
    if (!photo) return;
    const box = question.box ?? (reply.cropped ? boxOf(reply.cropped) : null);
    this.#drawPhoto(box);
    this.#dots.show(photo, box);
  }

  /** Return whether a question is only the photo of a thing that the shop sells nothing like. */
  isUnsold({ box, text, second, like, unlike }) {
    return !text && !second && like.length + unlike.length === 0 && this.#dots.isUnsold(box);
  }

  /** Give the crop box the focus of the keyboard. */
  focusBox() {
    this.#crop.focus();
  }

  /** Return the title of an item that the page knows, or "". */
  titleOf(id) {
    return this.item?.item_id === id ? this.item.title : "";
  }

  #drawPhoto(box) {
    const { photo } = this.#asked;
    const fixed = photo.width === 0;
    byId("whole").hidden = isWhole(box);
    byId("source-words").textContent =
      !isWhole(box) || fixed ? "" : t(touch.matches ? "side.tap" : "side.mark");
    const facts = { url: photo.url, width: photo.width, height: photo.height, alt: t("side.photo") };
    this.#crop.show(facts, box, { fixed });
    this.#dots.mark(box);
  }

  async #drawItem() {
    const id = this.#asked.question.item;
    byId("whole").hidden = true;
    if (this.item?.item_id !== id) {
      try {
        this.item = await api.item(id);
      } catch {
        if (this.#asked.question.item === id) byId("source").hidden = true; // the search reports the problem
        return;
      }
      if (this.#asked.question.item !== id) return;
      this.#onTitle();
    }
    byId("source-words").textContent = this.item.title;
    const facts = { url: firstPicture(this.item), width: 1, height: 1, alt: this.item.title };
    this.#crop.show(facts, null, { fixed: true });
    this.#drawWith();
  }

  /** Draw the small picture inside the text box, which shows that words are added to it. */
  #drawWith() {
    const { question, photo } = this.#asked;
    const known = question.item && this.item?.item_id === question.item;
    const url = photo ? photo.width > 0 && photo.url : known && firstPicture(this.item);
    byId("with").hidden = !url;
    byId("with").replaceChildren(
      ...(url ? [make("img", { src: url, alt: photo ? t("side.photo") : this.item.title })] : []),
    );
  }
}
