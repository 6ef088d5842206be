// What customers say about an item: how many are happy, by aspect, and sentences of both sides.

import * as api from "./api.js";
import { make } from "./dom.js";

const percent = (share) => `${Math.round(100 * share)} %`;

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
    `${summary.count} ${summary.count === 1 ? "review" : "reviews"}`,
    summary.stars === null ? null : `${summary.stars.toFixed(1)} of 5 stars`,
    summary.positive === null ? null : `${percent(summary.positive)} of ${known} seem happy`,
  ];
  section.replaceChildren(
    make("h3", { id: "reviews-title", text: "What customers say" }),
    make("p", { class: "reviews-count", text: facts.filter(Boolean).join(" · ") }),
    make("ul", { class: "aspects" }, ...summary.aspects.slice(0, 7).map(aspect)),
    make("div", { class: "voices" }, side("For", summary.pros), side("Against", summary.cons)),
  );
  section.hidden = false;
}

function aspect({ aspect: name, count, positive }) {
  const share = positive === null ? "unclear" : `${percent(positive)} happy`;
  return make("li", {}, make("span", { text: name }), make("span", { text: `${share} (${count})` }));
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
