// The styles of pictures: the list, the choice for the whole grid, and the URLs of styled pictures.

import * as api from "./api.js";
import { make } from "./dom.js";
import { store, stored } from "./storage.js";
import { t } from "./texts.js";

const KEY = "vitrine-style";
const KINDS = ["tone", "texture"];

let chosen = ""; // "" shows pictures as they were photographed
let asked = null;

/** Return all styles; [] if the service does not answer. */
export function styles() {
  asked ??= api.styles().then(
    (reply) => reply.styles,
    () => {
      asked = null; // the next call asks again
      return [];
    },
  );
  return asked;
}

/** Return the style that pictures are shown in, or "". */
export const currentStyle = () => chosen;

/** Return the URL of a picture in a style; of the picture itself if `style` is "". */
export function inStyle(url, style, strength = null) {
  if (!url || !style) return url;
  const styled = new URL(url, location.href);
  styled.searchParams.delete("rendition");
  styled.searchParams.set("style", style);
  if (strength !== null) styled.searchParams.set("strength", strength.toFixed(2));
  return styled.pathname + styled.search;
}

/** Make an image that changes its style with the switch, and falls back to the plain picture. */
export function followStyle(image, url) {
  image.dataset.plain = url;
  image.src = inStyle(url, chosen);
}

/** Make the options of a select of styles, grouped by kind. */
export function styleOptions(list, none) {
  const groups = KINDS.map((kind) =>
    make(
      "optgroup",
      { label: t(`style.${kind}`) },
      ...list
        .filter((style) => style.kind === kind)
        .map((style) => make("option", { value: style.name, text: readableStyle(style.name) })),
    ),
  );
  return [make("option", { value: "", text: none }), ...groups.filter((group) => group.children.length > 0)];
}

/** Return the name of a style as shoppers read it. */
export function readableStyle(name) {
  const words = name.replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Fill the switch above the grid, and apply what was chosen last. */
export async function startStyles(select, note) {
  select.addEventListener("change", () => choose(select.value, note));
  const list = await styles();
  select.replaceChildren(...styleOptions(list, t("style.none")));
  const last = list.some((style) => style.name === stored(KEY)) ? stored(KEY) : "";
  select.value = last;
  select.disabled = list.length === 0;
  if (last) choose(last, () => {});
}

function choose(style, note) {
  chosen = style;
  store(KEY, style || null);
  for (const image of document.querySelectorAll("img[data-plain]")) image.src = inStyle(image.dataset.plain, style);
  note(style ? t("style.shown", { style: readableStyle(style) }) : t("style.plain"));
}
