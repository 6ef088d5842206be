// The main picture of the panel in a style: a choice, a strength, and the original to compare with.

import { make } from "./dom.js";
import { picture } from "./picture.js";
import { currentStyle, inStyle, readableStyle, styleOptions, styles } from "./styles.js";
import { t } from "./texts.js";

const PAUSE = 180; // ms without a move of the slider before a picture is asked for

export class Restyle {
  #select = make("select", { class: "select", disabled: true });
  #slider = make("input", { type: "range", min: "0", max: "100", step: "5", disabled: true });
  #number = make("output", { class: "strength-number", text: "\u00a0" });
  #before = make("button", {
    class: "secondary small",
    type: "button",
    "aria-pressed": "false",
    disabled: true,
    hidden: true,
    text: t("style.original"),
  });
  #list = [];
  #usual = "0"; // the slider's value at the default strength of the style
  #main = null; // where the picture is shown
  #url = "";
  #alt = "";
  #timer = 0;
  #turn = 0; // pictures asked for so far; only the newest is shown

  #strength = make(
    "label",
    { class: "restyle-strength", hidden: true },
    make("span", { text: t("style.strength") }),
    this.#slider,
    this.#number,
  );

  /** The controls. The choice has its size before the styles are known; the others follow a choice. */
  element = make(
    "div",
    { class: "restyle", role: "group", "aria-label": t("style.group") },
    make("label", { class: "restyle-style" }, make("span", { text: t("style.label") }), this.#select),
    this.#strength,
    this.#before,
  );

  constructor() {
    this.#select.append(...styleOptions([], t("style.none")));
    this.#select.addEventListener("change", () => this.#choose());
    this.#slider.addEventListener("input", () => {
      this.#name();
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#draw(), PAUSE);
    });
    this.#before.addEventListener("click", () => {
      this.#before.setAttribute("aria-pressed", String(!this.#comparing));
      this.#draw();
    });
    this.#fill();
  }

  /** Show a picture of the product in `main`. */
  show(main, url, alt) {
    this.#main = main;
    this.#url = url;
    this.#alt = alt;
    main.replaceChildren(picture(url, alt, { eager: true }));
    this.#draw();
  }

  get #comparing() {
    return this.#before.getAttribute("aria-pressed") === "true";
  }

  async #fill() {
    this.#list = await styles();
    this.#select.replaceChildren(...styleOptions(this.#list, t("style.none")));
    this.#select.disabled = this.#list.length === 0;
    this.#select.value = currentStyle();
    this.#choose();
  }

  #choose() {
    const style = this.#list.find(({ name }) => name === this.#select.value);
    this.#slider.disabled = this.#before.disabled = !style;
    this.#strength.hidden = this.#before.hidden = !style;
    this.#before.setAttribute("aria-pressed", "false");
    this.#usual = style ? String(Math.round(style.strength * 20) * 5) : "0";
    this.#slider.value = this.#usual;
    this.#name();
    this.#draw();
  }

  #name() {
    const on = !this.#slider.disabled;
    this.#number.textContent = on ? `${this.#slider.value} %` : "\u00a0";
    this.#slider.setAttribute("aria-valuetext", on ? t("style.percent", { percent: this.#slider.value }) : t("style.off"));
  }

  /** Load the picture as it is wanted now, and only then put it in place of the one shown. */
  #draw() {
    if (!this.#main) return;
    const turn = ++this.#turn;
    const style = this.#comparing ? "" : this.#select.value;
    // Without a strength the service sends the stored picture, if there is one.
    const strength = this.#slider.value === this.#usual ? null : Number(this.#slider.value) / 100;
    const url = inStyle(this.#url, style, strength);
    const image = this.#main.querySelector("img");
    if (!image || image.getAttribute("src") === url) return;
    this.#main.setAttribute("aria-busy", "true");
    const next = new Image();
    const settle = (src) => {
      if (turn !== this.#turn) return;
      if (src) image.src = src;
      this.#main.removeAttribute("aria-busy");
    };
    next.addEventListener("load", () => settle(url));
    next.addEventListener("error", () => settle("")); // the picture before stays
    next.src = url;
    image.alt = style ? t("style.alt", { name: this.#alt, style: readableStyle(style) }) : this.#alt;
  }
}
