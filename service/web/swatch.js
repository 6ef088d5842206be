// CSS colors for the color names of shops.

import { make } from "./dom.js";

// Names that CSS does not know, and plain names whose CSS color is unlike any product.
const SHOP = {
  red: "#c9302c",
  blue: "#2f5fc4",
  green: "#3a8f4c",
  yellow: "#efc93d",
  orange: "#e8833a",
  purple: "#7b4ba8",
  pink: "#eca0b5",
  brown: "#7a5033",
  black: "#16181a",
  navy: "#22305e",
  olive: "#7d7b3a",
  teal: "#1f7a78",
  maroon: "#702333",
  lime: "#a4c639",
  beige: "#e3d6bd",
  gray: "#8c9294",
  grey: "#8c9294",
  white: "#ffffff",
  amber: "#e6a532",
  blush: "#e9b8b4",
  bordeaux: "#6b1f33",
  burgundy: "#6d1a36",
  camel: "#b98b57",
  charcoal: "#3c4043",
  cobalt: "#1f4fbf",
  copper: "#b4693f",
  cream: "#f4ead5",
  denim: "#3f5f8a",
  ecru: "#e6dcc3",
  emerald: "#15795a",
  forest: "#265c3a",
  graphite: "#4a4d52",
  honey: "#e0a73f",
  ink: "#1c2438",
  lavender: "#b3a4dc",
  lemon: "#f3df4d",
  lilac: "#b9a0d6",
  mint: "#a5dcc3",
  mustard: "#cf9b2b",
  nude: "#dcb99d",
  ochre: "#c2812e",
  petrol: "#1f5a66",
  powder: "#c9d9e8",
  rose: "#d98896",
  rust: "#a94b27",
  sage: "#98a98b",
  sand: "#d8c3a0",
  sky: "#8ec1e8",
  slate: "#5d6b78",
  terracotta: "#c0613f",
  wine: "#6b2036",
};

/** Return the CSS color for a shop's color name, or "" if it is unknown. */
function cssOf(name) {
  const words = name.toLowerCase();
  const known = SHOP[words] ?? words.replaceAll(/[\s_-]/g, "");
  if (CSS.supports("color", known)) return known;
  const last = words.split(/[\s_/-]+/).at(-1); // "dusty pink" is a pink
  return SHOP[last] ?? (CSS.supports("color", last) ? last : "");
}

/** Make a dot of this color, or return null if it is unknown. */
export function swatch(name) {
  const color = cssOf(name);
  if (!color) return null;
  const dot = make("span", { class: "swatch", "aria-hidden": "true" });
  dot.style.background = color;
  return dot;
}
