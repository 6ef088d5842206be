// What customers say about an item: how many are happy, by aspect, and sentences of both sides.

import * as api from "./api.js";
import { make } from "./dom.js";
import { locale, t } from "./texts.js";

const ENOUGH = 5; // reviews with a mood from which their share is shown
const ENOUGH_OF_ASPECT = 3;

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
    known < ENOUGH ? null : t("reviews.happy", { share: percent(summary.positive), count: known }),
  ];
  const aspects = summary.aspects.filter(({ count, positive }) => count >= ENOUGH_OF_ASPECT && positive !== null);
  section.replaceChildren(
    make("h3", { id: "reviews-title", text: t("reviews.title") }),
    make("p", { class: "reviews-count", text: facts.filter(Boolean).join(" · ") }),
    ...(aspects.length > 0 ? [make("ul", { class: "aspects" }, ...aspects.map(aspect))] : []),
    make("div", { class: "voices" }, side(t("reviews.for"), summary.pros), side(t("reviews.against"), summary.cons)),
  );
  section.hidden = false;
}

function aspect({ aspect: name, count, positive }) {
  const words = t("reviews.aspect", { share: percent(positive), count });
  return make("li", {}, make("span", { text: t(`aspect.${name}`) }), make("span", { text: words }));
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
