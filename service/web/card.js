// A product as a card: picture, title, price.

import { icon, make } from "./dom.js";
import { followStyle, readableStyle } from "./styles.js";

/** Format a price in the shopper's locale; "" if the item has none. */
export function priceOf({ price, currency }) {
  if (price === null || price === undefined) return "";
  try {
    return new Intl.NumberFormat(undefined, { style: "currency", currency }).format(price);
  } catch {
    return `${price.toFixed(2)} ${currency ?? ""}`.trim(); // no currency, or no ISO code
  }
}

/** Return the URL of an item's first picture as photographed, given the URL of the matching one. */
export function firstPicture(hit) {
  if (!hit.image_url) return hit.image_urls?.[0];
  const url = new URL(hit.image_url, location.href);
  url.searchParams.set("index", "0");
  url.searchParams.delete("rendition");
  return url.pathname + url.search;
}

/**
 * Make a picture that keeps its space while it loads, and shows an icon if it is missing.
 * `follows`: it is shown in the style that is chosen for the grid.
 */
export function picture(url, alt, { eager = false, follows = false } = {}) {
  const image = make("img", {
    src: follows ? null : url,
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
  if (follows) followStyle(image, url);
  return holder;
}

/** Say which picture of an item matches, for the picture in the corner. */
function matchWords({ image_index: index, variant }) {
  const styled = variant && variant !== "original" ? ` in ${readableStyle(variant)}` : "";
  return `Picture ${index + 1}${styled} matches`;
}

/**
 * Make a card. `rank` counts from 0; `closest`: it is marked as the closest of all; `handlers` are
 * open(item) and alike(item). It is a real link, so that a middle click opens a tab.
 */
export function card(hit, { href, rank = -1, closest = false, handlers }) {
  const title = hit.title || hit.item_id;
  const url = firstPicture(hit);
  // The card shows the product's first picture; if another picture matched, or this one in a style,
  // it is in the corner.
  const matched =
    hit.image_url && hit.image_url !== url
      ? make(
          "span",
          { class: "matched", title: matchWords(hit) },
          picture(hit.image_url, matchWords(hit)),
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
    picture(url, "", { eager: rank >= 0 && rank < 8, follows: true }),
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
    { class: "card", data: { item: hit.item_id } },
    link,
    closest ? make("span", { class: "badge first", text: "Closest" }) : null,
    hit.in_stock === false ? make("span", { class: "sold", text: "Out of stock" }) : null,
    handlers.alike === handlers.open
      ? null
      : make(
          "button",
          {
            class: "alike",
            type: "button",
            title: "Search with this item",
            "aria-label": `Search with ${title}`,
            on: { click: () => handlers.alike(hit) },
          },
          icon("alike"),
        ),
    under,
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
