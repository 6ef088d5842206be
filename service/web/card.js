// A product as a card: picture, title, price.

import { icon, make } from "./dom.js";
import { isSaved, toggleSaved } from "./kept.js";
import { followStyle, readableStyle } from "./styles.js";
import { money, t } from "./texts.js";

/** Format the price of an item in the shopper's locale; "" if it has none. */
export const priceOf = ({ price, currency }) => money(price, currency);

/** Return the URL of an item's first picture as photographed, given the URL of the matching one. */
export function firstPicture(hit) {
  if (!hit.image_url) return hit.image_urls?.[0];
  const url = new URL(hit.image_url, location.href);
  url.searchParams.set("index", "0");
  url.searchParams.delete("rendition");
  return url.pathname + url.search;
}

const WIDE = 220; // CSS pixels of a picture in the grid
/** CSS pixels of a picture in a compact grid, or in a row of tiles. */
export const COMPACT = 150;
const SIZES = [80, 120, 160, 240, 320, 400]; // pixels of the longer side that the service makes

/** Return the URL of a picture that is shown `width` CSS pixels wide, no larger than this screen needs. */
function sized(url, width) {
  const size = SIZES.find((pixels) => pixels >= width * Math.min(devicePixelRatio, 2));
  if (!url || !size || size === SIZES.at(-1)) return url; // the stored picture is of that size
  const small = new URL(url, location.href);
  small.searchParams.set("size", String(size));
  return small.pathname + small.search;
}

/**
 * Make a picture that keeps its space while it loads, and shows an icon if it is missing.
 * `follows`: it is shown in the style that is chosen for the grid; `width`: CSS pixels, or 0 for the
 * picture as it is stored.
 */
export function picture(url, alt, { eager = false, follows = false, width = 0 } = {}) {
  const source = width > 0 ? sized(url, width) : url;
  const image = make("img", {
    src: follows ? null : source,
    alt,
    loading: eager ? null : "lazy",
    decoding: "async",
    draggable: "false",
  });
  const holder = make("span", { class: "picture" }, image);
  image.addEventListener("error", () => {
    const plain = image.dataset.plain;
    if (plain && image.getAttribute("src") !== plain) {
      image.src = plain; // the style cannot be rendered now; the product can be shown
      return;
    }
    image.remove();
    holder.classList.add("missing");
    holder.append(icon("picture"));
  });
  if (follows) followStyle(image, source);
  return holder;
}

/** Say which picture of an item matches, for the picture in the corner. */
function matchWords({ image_index: index, variant }) {
  const number = index + 1;
  if (!variant || variant === "original") return t("card.matches", { number });
  return t("card.matchesStyle", { number, style: readableStyle(variant) });
}

/**
 * Make a card. `rank` counts from 0; `closest`: it is marked as the closest of all; `handlers` are
 * open(item) and alike(item); `width` is that of the picture, in CSS pixels. It is a real link, so that a middle click opens a tab.
 */
export function card(hit, { href, rank = -1, closest = false, width = WIDE, handlers }) {
  const title = hit.title || hit.item_id;
  const url = firstPicture(hit);
  // The card shows the product's first picture; if another picture matched, or this one in a style,
  // it is in the corner.
  const matched =
    hit.image_url && hit.image_url !== url
      ? make(
          "span",
          { class: "matched", title: matchWords(hit) },
          picture(hit.image_url, matchWords(hit), { width: 46 }),
        )
      : null;
  const link = make(
    "a",
    {
      class: "card-link",
      href,
      title,
      on: {
        click: (event) => {
          if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
          event.preventDefault();
          handlers.open(hit);
        },
      },
    },
    picture(url, "", { eager: rank >= 0 && rank < 8, follows: true, width }),
    matched,
    make("span", { class: "card-title", dir: "auto", text: title }),
  );

  const under = make(
    "span",
    { class: "card-under" },
    make("span", { class: "card-price", text: priceOf(hit) }),
  );
  return make(
    "li",
    { class: "card", data: { item: hit.item_id, picture: hit.image_url ?? "" } },
    link,
    closest ? make("span", { class: "badge first", text: t("card.closest") }) : null,
    hit.in_stock === false ? make("span", { class: "sold", text: t("card.sold") }) : null,
    handlers.alike === handlers.open
      ? null
      : make(
          "button",
          {
            class: "alike",
            type: "button",
            title: t("card.alike"),
            "aria-label": t("card.alikeNamed", { name: title }),
            on: { click: () => handlers.alike(hit) },
          },
          icon("alike"),
        ),
    handlers.alike === handlers.open ? null : saveButton(hit.item_id, title),
    under,
  );
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
