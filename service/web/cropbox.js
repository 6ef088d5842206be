// The crop box on the photo: {x0, y0, x1, y1}, as shares from 0 to 1 of the upright picture.

import { icon, make } from "./dom.js";

export const WHOLE = Object.freeze({ x0: 0, y0: 0, x1: 1, y1: 1 });
const SMALLEST = 0.08;
const STEP = 0.02;
const TAPPED = 0.46; // side of the box that a tap on the photo makes
const PAUSE = 350; // ms from the last arrow key to the next search

const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];
const within = (value, low, high) => Math.min(Math.max(value, low), high);

export const isWhole = (box) => box.x0 <= 0 && box.y0 <= 0 && box.x1 >= 1 && box.y1 >= 1;

/** Return the box moved by (dx, dy) within the picture, with the same size. */
export function moved(box, dx, dy) {
  const x = within(dx, -box.x0, 1 - box.x1);
  const y = within(dy, -box.y0, 1 - box.y1);
  return { x0: box.x0 + x, y0: box.y0 + y, x1: box.x1 + x, y1: box.y1 + y };
}

/** Return the box with the edges of `handle` ("n", "se", ...) moved by (dx, dy). */
export function resized(box, handle, dx, dy) {
  const { x0, y0, x1, y1 } = box;
  return {
    x0: handle.includes("w") ? within(x0 + dx, 0, x1 - SMALLEST) : x0,
    y0: handle.includes("n") ? within(y0 + dy, 0, y1 - SMALLEST) : y0,
    x1: handle.includes("e") ? within(x1 + dx, x0 + SMALLEST, 1) : x1,
    y1: handle.includes("s") ? within(y1 + dy, y0 + SMALLEST, 1) : y1,
  };
}

/** Return the box between two points, enlarged to the smallest size if necessary. */
export function spanned(a, b) {
  const box = {
    x0: Math.min(a.x, b.x),
    y0: Math.min(a.y, b.y),
    x1: Math.max(a.x, b.x),
    y1: Math.max(a.y, b.y),
  };
  const x0 = Math.min(box.x0, 1 - SMALLEST);
  const y0 = Math.min(box.y0, 1 - SMALLEST);
  return { x0, y0, x1: Math.max(box.x1, x0 + SMALLEST), y1: Math.max(box.y1, y0 + SMALLEST) };
}

/** Return a box of the tapped size around a point, moved inside the picture. */
export function around({ x, y }) {
  const x0 = within(x - TAPPED / 2, 0, 1 - TAPPED);
  const y0 = within(y - TAPPED / 2, 0, 1 - TAPPED);
  return { x0, y0, x1: x0 + TAPPED, y1: y0 + TAPPED };
}

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

  /** `onRelease(box)` is called when the shopper releases a changed box; null is the whole photo. */
  constructor(stage, onRelease) {
    this.#stage = stage;
    this.#onRelease = onRelease;
    this.#picture = make("img", { alt: "Your photo", draggable: "false" });
    this.#view = make(
      "div",
      {
        class: "crop",
        tabindex: "0",
        role: "application",
        "aria-roledescription": "crop box",
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
        text: "Arrow keys move the box, Shift and arrow keys resize it, Escape selects the whole photo.",
      }),
    );
    this.#frame.addEventListener("pointerdown", (event) => this.#down(event));
    this.#frame.addEventListener("pointermove", (event) => this.#move(event));
    this.#frame.addEventListener("pointerup", (event) => this.#up(event));
    this.#frame.addEventListener("pointercancel", () => this.#cancel());
    this.#frame.addEventListener("dblclick", () => this.#release(WHOLE));
    this.#view.addEventListener("keydown", (event) => this.#key(event));
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
    const words = [box.x0, box.x1, box.y0, box.y1].map((value) => Math.round(value * 100));
    this.#view.setAttribute(
      "aria-label",
      isWhole(box)
        ? "Crop box: the whole photo"
        : `Crop box: ${words[0]} to ${words[1]} percent across, ${words[2]} to ${words[3]} percent down`,
    );
  }

  #release(box) {
    this.#draw(box);
    this.#onRelease(isWhole(box) ? null : box);
  }

  #at(event) {
    const area = this.#frame.getBoundingClientRect();
    return {
      x: within((event.clientX - area.left) / area.width, 0, 1),
      y: within((event.clientY - area.top) / area.height, 0, 1),
    };
  }

  #down(event) {
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
