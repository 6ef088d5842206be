// Line charts of what was seen since the page was opened, drawn as SVG.

import { make } from "../dom.js";

const SVG = "http://www.w3.org/2000/svg";
const USUAL = 400; // CSS pixels of a chart that is not on the page yet
const HEIGHT = 150;
const LEFT = 54;
const MOST = 240; // points: twenty minutes at one in five seconds

function draw(tag, attributes, text = "") {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  return element;
}

/** A chart of some series; a value of null leaves a gap. */
export class Chart {
  #series;
  #format;
  #points = [];
  #svg = draw("svg", { role: "img" });
  #legend = make("div", { class: "legend" });
  #range;

  /** `names`: of the series; `format(value)` writes a value; `range`: {low, high} to show at least. */
  constructor(title, names, format, range = {}) {
    this.#series = names;
    this.#format = format;
    this.#range = range;
    this.title = title;
    this.element = make(
      "figure",
      { class: "chart" },
      make("figcaption", {}, make("h3", { text: title }), this.#legend),
      this.#svg,
    );
    this.#draw();
    new ResizeObserver(() => this.#draw()).observe(this.#svg); // letters keep their shape at any width
  }

  /** Add the values at a time in seconds, in the order of the series. */
  add(at, values) {
    this.#points.push({ at, values });
    if (this.#points.length > MOST) this.#points.shift();
    this.#draw();
  }

  #draw() {
    const width = this.#svg.clientWidth || USUAL;
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    const known = this.#points.flatMap(({ values }) => values).filter((value) => value !== null);
    this.#legend.replaceChildren(
      ...this.#series.map((name, number) => {
        const value = this.#points.at(-1)?.values[number] ?? null;
        return make(
          "span",
          {},
          make("i", { class: `series-${number}${number === 2 ? " dashed" : ""}` }),
          `${name} ${value === null ? "none yet" : this.#format(value)}`,
        );
      }),
    );
    this.#svg.setAttribute("aria-label", `${this.title}: ${this.#legend.innerText || this.#legend.textContent}`);
    if (known.length === 0) {
      this.#svg.replaceChildren(draw("text", { x: width / 2, y: HEIGHT / 2, "text-anchor": "middle" }, "Nothing measured yet"));
      return;
    }
    const low = Math.min(this.#range.low ?? 0, ...known);
    const high = Math.max(this.#range.high ?? 0, ...known) || 1;
    const [first, last] = [this.#points[0].at, this.#points.at(-1).at];
    const x = (at) => LEFT + ((width - LEFT) * (at - first)) / Math.max(last - first, 1);
    const y = (value) => HEIGHT - 18 - ((HEIGHT - 30) * (value - low)) / (high - low || 1);
    const lines = [low, (low + high) / 2, high].flatMap((value) => [
      draw("line", { class: "axis", x1: LEFT, x2: width, y1: y(value), y2: y(value) }),
      draw("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, this.#format(value)),
    ]);
    const ago = Math.round((last - first) / 60);
    const ends = [
      draw("text", { x: LEFT, y: HEIGHT }, ago > 0 ? `${ago} min ago` : ""),
      draw("text", { x: width, y: HEIGHT, "text-anchor": "end" }, "now"),
    ];
    const paths = this.#series.map((_, number) =>
      draw("path", { class: `series-${number}`, d: this.#path(number, x, y) }),
    );
    this.#svg.replaceChildren(...lines, ...ends, ...paths);
  }

  #path(number, x, y) {
    let pen = "M";
    let path = "";
    for (const { at, values } of this.#points) {
      if (values[number] === null) {
        pen = "M";
        continue;
      }
      // A point between two gaps is drawn as a dot, by a line without length.
      path += `${pen}${x(at).toFixed(1)} ${y(values[number]).toFixed(1)}${pen === "M" ? "h0" : ""}`;
      pen = "L";
    }
    return path;
  }
}
