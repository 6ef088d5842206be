// One product as a card: picture, title, price, likeness.

import { icon, make } from "./dom.js";

/** A price in the shopper's own way of writing; "" when the item has none. */
export function priceOf({ price, currency }) {
  if (price === null || price === undefined) return "";
  try {
    return new Intl.NumberFormat(undefined, { style: "currency", currency }).format(price);
  } catch {
    return `${price.toFixed(2)} ${currency ?? ""}`.trim(); // no currency, or not an ISO code
  }
}

/**
 * How a score is shown: the number itself, and the filled part of the bar from 0 to 1.
 * A cosine and a fused score have 1 as their best. Scores of words alone have no such scale: there
 * the best hit of the answer fills the bar.
 */
export function likenessOf(score, mode, best) {
  const lexical = mode === "lexical";
  const share = lexical ? score / (best > 0 ? best : 1) : score;
  const number = score.toFixed(lexical ? 1 : 2);
  const words = lexical
    ? `Word score ${number}`
    : mode === "fused"
      ? `Photo and words score ${number} of 1`
      : `Likeness ${number} of 1`;
  return { number, words, share: Math.min(Math.max(share, 0), 1) };
}

/** The address of an item's first picture, by that of the one that matched. */
export function firstPicture(hit) {
  if (!hit.image_url) return hit.image_urls?.[0];
  if (!hit.image_index || (hit.variant && hit.variant !== "original")) return hit.image_url;
  const url = new URL(hit.image_url, location.href);
  url.searchParams.set("index", "0");
  return url.pathname + url.search;
}

/** A picture that keeps its place while it loads and says so when it is missing. */
export function picture(url, alt, { eager = false } = {}) {
  const image = make("img", {
    src: url,
    alt,
    loading: eager ? null : "lazy",
    decoding: "async",
    draggable: "false",
  });
  const holder = make("span", { class: "picture" }, image);
  image.addEventListener(
    "error",
    () => {
      image.remove();
      holder.classList.add("missing");
      holder.append(icon("picture"));
    },
    { once: true },
  );
  return holder;
}

function badgeOf(hit, rank, mode) {
  if (rank === 0 && mode !== "lexical") return "Closest";
  return hit.variant && hit.variant !== "original" ? hit.variant : "";
}

/**
 * A card. `rank` counts from 0; `handlers` are open(item) and alike(item). The link is a real
 * one, so that a middle click opens a tab.
 */
export function card(hit, { href, rank = -1, mode = "exact", best = 1, handlers }) {
  const title = hit.title || hit.item_id;
  const url = firstPicture(hit);
  // The grid shows every product from its best side; where another picture matched, it stands in the corner.
  const matched =
    hit.image_url && hit.image_url !== url
      ? make(
          "span",
          { class: "matched", title: `Picture ${hit.image_index + 1} is the one that matches` },
          picture(hit.image_url, `Matches by picture ${hit.image_index + 1}`),
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
    picture(url, "", { eager: rank >= 0 && rank < 8 }),
    matched,
    make("span", { class: "card-title", dir: "auto", text: title }),
  );

  const under = make(
    "span",
    { class: "card-under" },
    make("span", { class: "card-price", text: priceOf(hit) }),
  );
  if (hit.score !== undefined) under.append(likeness(likenessOf(hit.score, mode, best)));
  const badge = hit.score === undefined ? "" : badgeOf(hit, rank, mode);
  return make(
    "li",
    { class: "card", data: { item: hit.item_id } },
    link,
    badge ? make("span", { class: rank === 0 ? "badge first" : "badge", text: badge }) : null,
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

function likeness({ number, words, share }) {
  const fill = make("span", { class: "likeness-fill" });
  fill.style.width = `${(share * 100).toFixed(1)}%`;
  return make(
    "span",
    { class: "likeness", title: words },
    make("span", { class: "likeness-bar", "aria-hidden": "true" }, fill),
    make("span", { class: "likeness-number", "aria-hidden": "true", text: number }),
    make("span", { class: "unseen", text: words }),
  );
}

/** A card's place while its data is on the way. */
export const skeleton = () =>
  make(
    "li",
    { class: "card skeleton", "aria-hidden": "true" },
    make("span", { class: "picture" }),
    make("span", { class: "card-title" }),
    make("span", { class: "card-under" }),
  );
