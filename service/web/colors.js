// The colors of a product on its card: radio buttons that show the product in another color.

import { make } from "./dom.js";
import { picture } from "./picture.js";
import { swatch as dot } from "./swatch.js";
import { t } from "./texts.js";

const SHOWN = 6; // on a card; a seventh place would begin a second row on phones
let groups = 0; // radio buttons belong together by a name

/**
 * Make the colors of a hit, or return null if there is only one. `onChoose(swatch)` is called with
 * the entry of `hit.swatches` that is chosen; `href` is the link to the item, which has all of them.
 */
export function colors(hit, { href, open, onChoose }) {
  const all = hit.swatches ?? [];
  if (all.length < 2) return null;
  const own = all.findIndex(({ item_id: id }) => id === hit.item_id);
  const room = all.length > SHOWN ? SHOWN - 1 : SHOWN;
  const shown = own < room ? all.slice(0, room) : [...all.slice(0, room - 1), all[own]];
  const group = `colors-${(groups += 1)}`;
  const name = hit.title || hit.item_id;
  const rest = all.length - shown.length;
  return make(
    "fieldset",
    { class: "card-colors" },
    make("legend", { text: t("card.colors", { name }) }),
    ...shown.map((swatch) => choice(swatch, group, swatch.item_id === hit.item_id, onChoose)),
    rest > 0
      ? make("a", {
          class: "card-more",
          href,
          text: `+${rest}`,
          "aria-label": t("card.moreColors", { count: rest, name }),
          on: { click: (event) => open(event) },
        })
      : null,
  );
}

function choice(swatch, group, checked, onChoose) {
  const { value, in_stock: inStock } = swatch;
  const words = inStock === false ? t("card.colorSold", { color: value }) : value;
  return make(
    "label",
    { class: inStock === false ? "card-color sold-out" : "card-color", title: words },
    make("input", {
      type: "radio",
      name: group,
      checked,
      "aria-label": words,
      on: { change: () => onChoose(swatch) },
    }),
    dot(value) ?? picture(swatch.image_url, "", { width: 20 }),
  );
}
