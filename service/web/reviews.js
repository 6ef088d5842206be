// What customers say about an item: how many are happy, by aspect, and sentences of both sides.

import * as api from "./api.js";
import { make } from "./dom.js";
import { locale, t } from "./texts.js";

const percent = (share) => Math.round(100 * share);

const tenths = (stars) => stars.toLocaleString(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** Fill `section` with the reviews of an item; it stays hidden if there are none. */
export async function fillReviews(section, id, signal) {
  let summary;
  try {
    ({ summary } = await api.reviews(id, signal));
  } catch {
    return; // the panel is complete without them
  }
  if (signal.aborted || summary.count === 0) return;
  const known = summary.count - summary.unclear;
  const facts = [
    t("reviews.count", { count: summary.count }),
    summary.stars === null ? null : t("reviews.stars", { stars: tenths(summary.stars) }),
    summary.positive === null ? null : t("reviews.happy", { share: percent(summary.positive), count: known }),
  ];
  section.replaceChildren(
    make("h3", { id: "reviews-title", text: t("reviews.title") }),
    make("p", { class: "reviews-count", text: facts.filter(Boolean).join(" · ") }),
    make("ul", { class: "aspects" }, ...summary.aspects.slice(0, 7).map(aspect)),
    make("div", { class: "voices" }, side(t("reviews.for"), summary.pros), side(t("reviews.against"), summary.cons)),
  );
  section.hidden = false;
}

function aspect({ aspect: name, count, positive }) {
  const words =
    positive === null ? t("reviews.unclear", { count }) : t("reviews.aspect", { share: percent(positive), count });
  return make("li", {}, make("span", { text: name }), make("span", { text: words }));
}

function side(title, quotes) {
  if (quotes.length === 0) return null;
  return make(
    "div",
    {},
    make("h4", { text: title }),
    ...quotes.map(({ sentence }) => make("blockquote", { dir: "auto", text: sentence })),
  );
}
