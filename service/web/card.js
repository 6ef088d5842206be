// A product as a card: picture, title, price.

import { colors } from "./colors.js";
import { leadOf } from "./description.js";
import { icon, make } from "./dom.js";
import { isSaved, toggleSaved } from "./kept.js";
import { firstPicture, liftOnHover, picture } from "./picture.js";
import { readableStyle } from "./styles.js";
import { money, t } from "./texts.js";

/** Format the price of an item in the shopper's locale; "" if it has none. */
export const priceOf = ({ price, currency }) => money(price, currency);

const WIDE = 220; // CSS pixels of a picture in the grid
/** CSS pixels of a picture in a compact grid, or in a row of tiles. */
export const COMPACT = 150;

/** Say which picture of an item matches, for the picture in the corner. */
function matchWords({ image_index: index, variant }) {
  const number = index + 1;
  if (!variant || variant === "original") return t("card.matches", { number });
  return t("card.matchesStyle", { number, style: readableStyle(variant) });
}

/**
 * Make a card. `rank` counts from 0; `closest`: it is marked as the closest of all; `handlers` are
 * open(item), alike(item) and href(item); `width` is that of the picture, in CSS pixels. It is a real
 * link, so that a middle click opens a tab. A hit with swatches can be shown in another color.
 */
export function card(hit, { href, rank = -1, closest = false, width = WIDE, handlers }) {
  const entry = make("li", { class: "card", data: { item: hit.item_id, picture: hit.image_url ?? "", href } });
  const first = picture(firstPicture(hit), "", { eager: rank >= 0 && rank < 8, follows: true, width });
  let shown = hit;
  const palette = colors(hit, {
    href,
    open: (event) => opens(event, () => handlers.open(hit)),
    onChoose: (swatch) => {
      shown = swatch.item_id === hit.item_id ? hit : swatch;
      const before = entry.querySelector(".card-link > .picture");
      dress(shown, before);
      const url = firstPicture(shown);
      loaded(picture(url, "", { eager: true, follows: true, width })).then((ready) => {
        if (firstPicture(shown) === url) entry.querySelector(".card-link > .picture").replaceWith(ready);
      });
    },
  });
  const dress = (item, holder) => {
    for (const child of [...entry.children]) if (child !== palette) child.remove();
    entry.prepend(...partsOf(item, holder, { hit, closest, handlers, href: item === hit ? href : handlers.href(item) }));
  };
  if (palette) entry.append(palette);
  dress(hit, first);
  liftOnHover(entry);
  return entry;
}

/** Wait until a picture is there, or known to be missing, so that none flickers when it is replaced. */
async function loaded(holder) {
  await holder.querySelector("img").decode().catch(() => {});
  return holder;
}

/** Do something instead of following a link, unless the shopper wants it in a tab of its own. */
function opens(event, run) {
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  run();
}

/** Return the parts of a card that shows `item`, the hit itself or its product in another color. */
function partsOf(item, holder, { hit, closest, handlers, href }) {
  const title = item.title || item.item_id;
  // The card shows the product's first picture; if another picture matched, or this one in a style,
  // it is in the corner.
  const matched =
    item === hit && hit.image_url && hit.image_url !== firstPicture(hit)
      ? make(
          "span",
          { class: "matched", title: matchWords(hit) },
          picture(hit.image_url, matchWords(hit), { width: 46 }),
        )
      : null;
  const link = make(
    "a",
    { class: "card-link", href, title, on: { click: (event) => opens(event, () => handlers.open(item)) } },
    holder,
    matched,
    make("span", { class: "card-title", dir: "auto", text: title }),
  );
  const alike = make(
    "button",
    {
      class: "alike",
      type: "button",
      title: t("card.alike"),
      "aria-label": t("card.alikeNamed", { name: title }),
      on: { click: () => handlers.alike(item) },
    },
    icon("alike"),
  );
  const acts = handlers.alike === handlers.open ? [] : [alike, saveButton(item.item_id, title)];
  return [
    link,
    closest ? make("span", { class: "badge first", text: t("card.closest") }) : null,
    closest && hit.description ? make("span", { class: "card-words", dir: "auto", text: leadOf(hit.description) }) : null,
    item.in_stock === false ? make("span", { class: "sold", text: t("card.sold") }) : null,
    ...acts,
    make("span", { class: "card-under" }, make("span", { class: "card-price", text: priceOf(item) })),
  ].filter(Boolean);
}

/** Make the heart that saves a product; `watchSaved` keeps it up to date. */
function saveButton(id, title) {
  return make(
    "button",
    {
      class: "save",
      type: "button",
      title: t("card.save"),
      "aria-label": t("card.saveNamed", { name: title }),
      "aria-pressed": String(isSaved(id)),
      data: { save: id, name: title },
      on: { click: () => toggleSaved(id) },
    },
    icon("like"),
  );
}

/** Make a placeholder for a card while its data loads. */
export const skeleton = () =>
  make(
    "li",
    { class: "card skeleton", "aria-hidden": "true" },
    make("span", { class: "picture" }),
    make("span", { class: "card-title" }),
    make("span", { class: "card-under" }),
  );
