// Pictures of items: in the size that the screen needs, with their place kept while they load.

import { icon, make } from "./dom.js";
import { followStyle } from "./styles.js";

/** Return the URL of an item's first picture as photographed, given the URL of the matching one. */
export function firstPicture(hit) {
  if (!hit.image_url) return hit.image_urls?.[0];
  const url = new URL(hit.image_url, location.href);
  url.searchParams.set("index", "0");
  url.searchParams.delete("rendition");
  return url.pathname + url.search;
}

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

const DWELL = 120; // milliseconds that a mouse rests on a card before its product is lifted
const flat = new Set(); // URLs of pictures whose product has no cut-out

/**
 * Lift the product of a card off its background while a mouse rests on the card. The service cuts it
 * out; a picture whose background is not plain, and one in a style, stays as it is.
 */
export function liftOnHover(card) {
  let timer = 0;
  card.addEventListener("pointerenter", ({ pointerType }) => {
    if (pointerType === "mouse") timer = setTimeout(() => lift(card), DWELL);
  });
  card.addEventListener("pointerleave", () => {
    clearTimeout(timer);
    card.querySelector(".lifted")?.classList.remove("lifted");
  });
}

async function lift(card) {
  const holder = card.querySelector(".card-link > .picture");
  const plain = holder.querySelector("img:not(.cutout)")?.getAttribute("src");
  if (!plain || flat.has(plain)) return;
  const url = new URL(plain, location.href);
  if (url.origin !== location.origin || url.searchParams.has("style")) return;
  url.searchParams.set("cutout", "true");
  let product = holder.querySelector(".cutout");
  if (product?.getAttribute("src") !== url.pathname + url.search) {
    product?.remove();
    product = make("img", { class: "cutout", src: url.pathname + url.search, alt: "", draggable: "false" });
    try {
      await product.decode();
    } catch {
      flat.add(plain);
      return;
    }
    holder.append(product);
  }
  if (card.matches(":hover")) holder.classList.add("lifted");
}
