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
