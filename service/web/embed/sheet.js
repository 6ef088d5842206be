// The sheet of <vitrine-search>: the photo, the things in it, and the products like them.

import { Cards } from "./cards.js";
import { button, icon, make } from "./dom.js";
import { pictureIn, takeIn } from "./photo.js";

const MATCH = 0.5; // confidence from which a hit is shown as a match, and not as merely similar
const MOST_THINGS = 8;

export class Sheet {
  #owner;
  #cards;
  #photo = null;
  #taken = 0; // photos given so far: large ones load longer, and only the newest is searched with
  #aborter = new AbortController();

  /** `owner` is the component; its texts are read anew whenever it draws the sheet. */
  constructor(owner) {
    this.#owner = owner;
    this.#cards = new Cards(owner, "hit");
    const t = (key) => owner.texts.t(key);
    this.file = make("input", { type: "file", accept: "image/*", class: "unseen", tabindex: "-1", "aria-hidden": "true" });
    this.camera = make("input", { type: "file", accept: "image/*", capture: "environment", class: "unseen", tabindex: "-1", "aria-hidden": "true" });
    for (const input of [this.file, this.camera])
      input.addEventListener("change", () => {
        if (input.files.length > 0) this.take(input.files[0]);
        input.value = ""; // so that the same photo can be chosen again
      });
    this.drop = make(
      "div",
      { class: "drop", part: "drop" },
      make("p", { class: "fine-pointer", text: t("drop") }),
      make("p", { class: "coarse-pointer", text: t("start") }),
      make(
        "div",
        { class: "buttons" },
        button("primary", () => this.file.click(), { text: t("choose"), autofocus: true }),
        matchMedia("(pointer: coarse)").matches
          ? button("secondary", () => this.camera.click(), { text: t("take") })
          : null,
      ),
      make("p", { class: "fine", text: t("private") }),
    );
    this.stage = make("div", { class: "stage", role: "group", "aria-label": t("things") });
    this.whole = button("secondary small", () => this.#search(WHOLE), { text: t("whole"), "aria-pressed": "false", hidden: true });
    this.source = make(
      "div",
      { class: "source", hidden: true },
      this.stage,
      make("div", { class: "choices" }, button("secondary small", () => this.file.click(), { text: t("change") }), this.whole),
    );
    this.notice = make("div", { class: "notice", role: "alert", hidden: true });
    this.grid = make("ul", { class: "grid", part: "grid", role: "list", "aria-label": t("matches") });
    this.say = make("p", { class: "unseen", role: "status" });
    this.body = make("div", { class: "body", tabindex: "-1" }, this.drop, this.source, this.notice, this.grid);
    this.dialog = make(
      "dialog",
      { class: "sheet", part: "sheet", "aria-labelledby": "title" },
      make(
        "div",
        { class: "bar" },
        make("h2", { id: "title", text: t("title") }),
        button("close", () => this.dialog.close(), { "aria-label": t("close") }, icon("close")),
      ),
      this.say,
      this.body,
      this.file,
      this.camera,
    );
    this.#listen();
  }

  /** Open the sheet, as it was when it was closed. */
  open() {
    this.dialog.showModal();
  }

  /** Search with a file. */
  async take(file) {
    this.#taken += 1;
    const turn = this.#taken;
    const photo = await takeIn(file);
    if (turn !== this.#taken) {
      URL.revokeObjectURL(photo.url); // the shopper has given another photo meanwhile
      return;
    }
    if (this.#photo?.url) URL.revokeObjectURL(this.#photo.url);
    this.#photo = photo;
    this.drop.hidden = true;
    this.source.hidden = false;
    this.whole.hidden = true;
    this.stage.replaceChildren(
      photo.url
        ? make("img", { src: photo.url, alt: this.#owner.texts.t("photo") })
        : make("p", { class: "fine", text: this.#owner.texts.t("noPreview") }),
    );
    this.body.focus({ preventScroll: true }); // the button that had the focus is hidden now
    this.#search(null);
    this.#findThings(photo);
  }

  #listen() {
    const { dialog } = this;
    const over = (on) => dialog.classList.toggle("over", on);
    dialog.addEventListener("dragover", (event) => {
      event.preventDefault();
      over(true);
    });
    dialog.addEventListener("dragleave", () => over(false));
    dialog.addEventListener("drop", (event) => {
      event.preventDefault();
      over(false);
      const file = pictureIn(event.dataTransfer);
      if (file) this.take(file);
    });
    dialog.addEventListener("paste", (event) => {
      const file = pictureIn(event.clipboardData);
      if (!file) return;
      event.preventDefault();
      this.take(file);
    });
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close(); // the backdrop
    });
  }

  /** Search with a region of the photo; null lets the service choose it. */
  async #search(box) {
    this.#aborter.abort();
    this.#aborter = new AbortController();
    const { signal } = this.#aborter;
    const { texts, client, limit } = this.#owner;
    this.notice.hidden = true;
    this.grid.setAttribute("aria-busy", "true");
    this.say.textContent = texts.t("searching");
    this.#mark(box);
    try {
      const filter = this.#owner.getAttribute("filter");
      const swatches = this.#owner.getAttribute("swatches");
      const reply = await client.search(this.#photo, { box, filter, limit, swatches, signal });
      if (signal.aborted) return;
      if (!box) this.#mark(reply.cropped ?? WHOLE);
      this.#show(reply);
    } catch (problem) {
      if (!signal.aborted) this.#fail(problem, box);
    }
  }

  #show(reply) {
    const { texts } = this.#owner;
    const { hits } = reply;
    const entries = this.#cards.make(hits);
    const cut = hits.findIndex(({ confidence }) => confidence !== null && confidence < MATCH);
    if (cut > 0 && !reply.no_close_match)
      entries.splice(cut, 0, make("li", { class: "cut" }, make("h3", { text: texts.t("also") })));
    this.grid.replaceChildren(...entries);
    this.grid.removeAttribute("aria-busy");
    if (hits.length === 0) this.#warn(texts.t("none"));
    else if (reply.no_close_match) this.#warn(texts.t("noClose"));
    const count = texts.t("found", { count: hits.length });
    this.say.textContent = hits.length === 0 ? texts.t("none") : count;
    this.#owner.dispatchEvent(new CustomEvent("vitrine-results", { detail: reply, bubbles: true, composed: true }));
  }

  #fail(problem, box) {
    const { texts } = this.#owner;
    this.#cards.clear();
    this.grid.replaceChildren();
    this.grid.removeAttribute("aria-busy");
    this.say.textContent = "";
    const again = button("secondary small", () => this.#search(box), { text: texts.t("again") });
    this.#warn(this.#owner.explain(problem), problem.mayPass ? again : null);
  }

  #warn(text, action = null) {
    this.notice.replaceChildren(...[make("p", { text }), action].filter(Boolean));
    this.notice.hidden = false;
  }

  /** Add a dot for each thing; a photo without dots can be searched too. */
  async #findThings(photo) {
    if (!photo.url) return;
    const { texts, client } = this.#owner;
    let things = [];
    try {
      things = await client.things(photo, { most: MOST_THINGS });
    } catch {
      return; // the search reports the problem, if there is one
    }
    if (photo !== this.#photo || things.length === 0) return;
    const shown = this.stage.querySelector(".frame");
    things.forEach(({ box, name }, at) => {
      const label = name?.split("/").at(-1) ?? texts.t("unnamed", { number: at + 1 });
      const dot = button("dot", () => this.#search(box), {
        "aria-label": texts.t("thing", { name: label }),
        title: label,
        "aria-pressed": "false",
      });
      dot.style.left = `${((box[0] + box[2]) / 2) * 100}%`;
      dot.style.top = `${((box[1] + box[3]) / 2) * 100}%`;
      dot.box = box;
      this.stage.append(dot);
    });
    this.whole.hidden = false;
    if (shown) this.#mark(shown.box);
  }

  /** Frame a region of the photo, and press its dot. */
  #mark(box) {
    this.stage.querySelector(".frame")?.remove();
    for (const dot of this.stage.querySelectorAll(".dot"))
      dot.setAttribute("aria-pressed", String(box !== null && overlap(dot.box, box) > 0.7));
    const isWhole = box !== null && box.every((edge, at) => edge === WHOLE[at]);
    this.whole.setAttribute("aria-pressed", String(isWhole));
    if (box === null || isWhole || !this.#photo.url) return;
    const frame = make("div", { class: "frame" });
    const [x0, y0, x1, y1] = box.map((edge) => edge * 100);
    Object.assign(frame.style, { left: `${x0}%`, top: `${y0}%`, width: `${x1 - x0}%`, height: `${y1 - y0}%` });
    frame.box = box;
    this.stage.querySelector("img").after(frame);
  }
}

const WHOLE = [0, 0, 1, 1];

/** Return the area that both boxes have, as a share of the area that either has. */
function overlap(a, b) {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  const both = Math.max(width, 0) * Math.max(height, 0);
  const area = (box) => (box[2] - box[0]) * (box[3] - box[1]);
  return both / (area(a) + area(b) - both || 1);
}
