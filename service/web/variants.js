// The other colors and sizes of a product, as a row of pictures in the panel.

import * as api from "./api.js";
import { make } from "./dom.js";
import { shown } from "./facts.js";
import { firstPicture, picture } from "./picture.js";
import { t } from "./texts.js";

const MOST = 24;
const NAMING = ["color", "colour", "size", "pattern"]; // attributes that tell variants apart, if they differ

/** Fill `place` with the variants of an item; it stays empty if there are none. */
export async function fillVariants(place, item, handlers, signal) {
  if (!item.product_id || item.product_id === item.item_id || !item.title) return;
  let hits;
  try {
    hits = await api.variants(item.product_id, item.title, MOST, signal);
  } catch {
    return; // the panel is complete without them
  }
  if (signal.aborted || hits.length < 2) return;
  hits.sort((a, b) => a.item_id.localeCompare(b.item_id, undefined, { numeric: true }));
  const names = namesOf(hits);
  place.replaceChildren(
    make(
      "h3",
      { class: "variants-title", id: "variants-title" },
      `${t("panel.variants")} `,
      make("span", { class: "variant-name", dir: "auto", text: nameNow(hits, names, item) }),
    ),
    make(
      "ul",
      { class: "variants", role: "list", "aria-labelledby": "variants-title" },
      ...hits.map((hit, at) => make("li", {}, variant(hit, names[at], hit.item_id === item.item_id, handlers))),
    ),
  );
}

function variant(hit, name, current, { href, open }) {
  return make(
    "a",
    {
      class: "variant",
      href: href(hit),
      title: name,
      "aria-label": name,
      "aria-current": current ? "true" : null,
      on: {
        click: (event) => {
          if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
          event.preventDefault();
          if (!current) open(hit);
        },
      },
    },
    picture(firstPicture(hit), "", { eager: true, width: 48 }),
  );
}

/** Return the name of the variant that is shown; "" if it is only its title, which stands above. */
const nameNow = (hits, names, item) => {
  const name = names[hits.findIndex((hit) => hit.item_id === item.item_id)] ?? "";
  return name === item.title ? "" : name;
};

/** Return a name for each variant: its values that differ between them, or its title. */
function namesOf(hits) {
  const values = (field) => hits.map((hit) => shown(hit.attributes?.[field]));
  const telling = NAMING.filter((field) => new Set(values(field)).size > 1);
  return hits.map((hit, at) => telling.map((field) => values(field)[at]).filter(Boolean).join(", ") || hit.title);
}
