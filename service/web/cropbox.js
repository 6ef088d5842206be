// The crop box on the photo.

import { WHOLE, around, isWhole, moved, resized, spanned, within } from "./box.js";
import { icon, make } from "./dom.js";
import { t } from "./texts.js";

const STEP = 0.02;
const PAUSE = 350; // ms from the last arrow key to the next search
const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];

export class CropBox {
  #stage;
  #onRelease;
  #frame;
  #picture;
  #missing;
  #view;
  #box = WHOLE;
  #drag = null;
  #timer = 0;

  /** `onRelease(box)` is called when the shopper releases a changed box, which may be the whole photo. */
  constructor(stage, onRelease) {
    this.#stage = stage;
    this.#onRelease = onRelease;
    this.#picture = make("img", { alt: t("side.photo"), draggable: "false" });
    this.#view = make(
      "div",
      {
        class: "crop",
        tabindex: "0",
        role: "application",
        "aria-roledescription": t("crop.role"),
        "aria-describedby": "crop-help",
      },
      ...HANDLES.map((handle) => make("span", { class: `handle ${handle}`, data: { handle } })),
    );
    this.#missing = make("span", { class: "unshown", hidden: true }, icon("picture"));
    this.#frame = make("div", { class: "frame" }, this.#picture, this.#missing, this.#view);
    this.#stage.replaceChildren(
      this.#frame,
      make("p", {
        id: "crop-help",
        class: "unseen",
        text: t("crop.help"),
      }),
    );
    this.#frame.addEventListener("pointerdown", (event) => this.#down(event));
    this.#frame.addEventListener("pointermove", (event) => this.#move(event));
    this.#frame.addEventListener("pointerup", (event) => this.#up(event));
    this.#frame.addEventListener("pointercancel", () => this.#cancel());
    this.#frame.addEventListener("dblclick", () => this.#release(WHOLE));
    this.#view.addEventListener("keydown", (event) => this.#key(event));
  }

  /** The element that the photo fills; marks on the photo go into it. */
  get frame() {
    return this.#frame;
  }

  /** Give the box the focus of the keyboard. */
  focus() {
    this.#view.focus();
  }

  /** Show a photo with a box; `fixed` shows no box. A width of 0 means it cannot be displayed. */
  show({ url, width, height, alt }, box, { fixed = false } = {}) {
    if (this.#picture.getAttribute("src") !== url) this.#picture.src = url;
    this.#picture.hidden = width === 0;
    this.#missing.hidden = width > 0;
    this.#picture.alt = alt;
    this.#frame.style.setProperty("--ratio", String(width / height || 1));
    this.#frame.classList.toggle("fixed", fixed);
    this.#view.hidden = fixed;
    if (!this.#drag && !this.#timer) this.#draw(box ?? WHOLE); // an answer must not move a box during a drag
  }

  #draw(box) {
    this.#box = box;
    const percent = (value) => `${(value * 100).toFixed(2)}%`;
    Object.assign(this.#view.style, {
      left: percent(box.x0),
      top: percent(box.y0),
      width: percent(box.x1 - box.x0),
      height: percent(box.y1 - box.y0),
    });
    this.#view.classList.toggle("whole", isWhole(box));
    const [left, right, top, bottom] = [box.x0, box.x1, box.y0, box.y1].map((edge) => Math.round(edge * 100));
    const words = isWhole(box) ? t("crop.whole") : t("crop.box", { left, right, top, bottom });
    this.#view.setAttribute("aria-label", words);
  }

  #release(box) {
    this.#draw(box);
    this.#onRelease(isWhole(box) ? WHOLE : box);
  }

  #at(event) {
    const area = this.#frame.getBoundingClientRect();
    return {
      x: within((event.clientX - area.left) / area.width, 0, 1),
      y: within((event.clientY - area.top) / area.height, 0, 1),
    };
  }

  #down(event) {
    if (event.target.closest(".things")) return; // a dot is a button of its own
    if (event.button !== 0 || this.#frame.classList.contains("fixed") || this.#drag) return;
    const handle = event.target.dataset.handle ?? "";
    const inside = event.target === this.#view && !isWhole(this.#box);
    this.#drag = {
      id: event.pointerId,
      start: this.#at(event),
      from: this.#box,
      handle,
      moved: false,
      how: handle ? "resize" : inside ? "move" : event.pointerType === "mouse" ? "span" : "tap",
    };
    if (this.#drag.how !== "tap") {
      this.#frame.setPointerCapture(event.pointerId);
      event.preventDefault(); // no text selection, no dragging of the picture
      this.#view.focus({ preventScroll: true });
    }
  }

  #move(event) {
    const drag = this.#drag;
    if (drag?.id !== event.pointerId) return;
    const point = this.#at(event);
    const dx = point.x - drag.start.x;
    const dy = point.y - drag.start.y;
    if (Math.hypot(dx, dy) > 0.02) drag.moved = true;
    if (drag.how === "tap" || !drag.moved) return;
    if (drag.how === "resize") this.#draw(resized(drag.from, drag.handle, dx, dy));
    else if (drag.how === "move") this.#draw(moved(drag.from, dx, dy));
    else this.#draw(spanned(drag.start, point));
  }

  #up(event) {
    const drag = this.#drag;
    if (drag?.id !== event.pointerId) return;
    this.#drag = null;
    if (drag.moved && drag.how !== "tap") this.#release(this.#box);
    // A tap or click on the photo outside the box searches for what is there.
    else if (!drag.moved && (drag.how === "span" || drag.how === "tap")) this.#release(around(drag.start));
  }

  #cancel() {
    if (this.#drag) this.#draw(this.#drag.from);
    this.#drag = null;
  }

  #key(event) {
    const [dx, dy] = {
      ArrowLeft: [-STEP, 0],
      ArrowRight: [STEP, 0],
      ArrowUp: [0, -STEP],
      ArrowDown: [0, STEP],
    }[event.key] ?? [0, 0];
    let box = this.#box;
    if (event.key === "Escape" && !isWhole(box)) box = WHOLE;
    else if (dx === 0 && dy === 0) return;
    else box = event.shiftKey ? resized(box, "se", dx, dy) : moved(box, dx, dy);
    event.preventDefault();
    this.#draw(box);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#release(this.#box);
    }, PAUSE);
  }
}
