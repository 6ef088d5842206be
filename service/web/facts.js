// The facts of an item in its panel: price, stock, what to do with it, description and details.

import { priceOf } from "./card.js";
import { leadOf, pointsOf } from "./description.js";
import { icon, make } from "./dom.js";
import { nameOf, readable } from "./fields.js";
import { compare, isSaved, saved, toggleSaved } from "./kept.js";
import { itemUrl, t } from "./texts.js";

const SAFE_LINK = /^(https?:\/\/|\/(?!\/))/i; // the service stores no other; a page must not run one

/**
 * Return the elements below the title of an item. `handlers`: alike(item), wish(name, item),
 * share(item), and why() or null; `less`: there is a question in which to find less of it.
 */
export function factsOf(item, handlers) {
  const sold = item.in_stock === false;
  return [
    make(
      "p",
      { class: "facts-price" },
      make("span", { text: priceOf(item) }),
      make("span", { class: sold ? "stock out" : "stock", text: t(sold ? "panel.sold" : "panel.stock") }),
    ),
    make("div", { id: "variants" }),
    actionsOf(item, handlers),
    actsOf(item, handlers),
    ...wordsOf(item.description ?? ""),
  ];
}

function wordsOf(text) {
  const lead = leadOf(text);
  const points = pointsOf(text);
  return [
    lead ? make("p", { class: "facts-words", dir: "auto", text: lead }) : null,
    points.length > 0
      ? make("ul", { class: "facts-words points", dir: "auto" }, ...points.map((point) => make("li", { text: point })))
      : null,
  ].filter(Boolean);
}

/** Return the address where an item can be bought: its own, or that of the shop's pattern; else "". */
function shopAddress(item) {
  if (item.url) return SAFE_LINK.test(item.url) ? item.url : "";
  return itemUrl.replaceAll(/\{(item_id|product_id)\}/g, (_, name) => encodeURIComponent(item[name]));
}

/** The link to the page where an item can be bought, and the search that starts from it. */
function actionsOf(item, { alike }) {
  const buys = shopAddress(item);
  const link = { href: buys, target: "_blank", rel: "noopener noreferrer" };
  return make(
    "div",
    { class: "facts-actions" },
    buys ? make("a", { class: "primary", ...link, text: t("panel.buy") }) : null,
    make(
      "button",
      { class: buys ? "secondary" : "primary", type: "button", on: { click: () => alike(item) } },
      icon("alike"),
      t("card.alike"),
    ),
  );
}

function actsOf(item, { wish, less, share, why }) {
  const id = item.item_id;
  const isCompared = () => saved().some((entry) => entry.id === id && entry.compared);
  const draw = () => {
    save.setAttribute("aria-pressed", String(isSaved(id)));
    save.lastChild.textContent = t(isSaved(id) ? "panel.saved" : "panel.save");
    versus.setAttribute("aria-pressed", String(isCompared()));
  };
  const act = (name, text, run) =>
    make("button", { class: "act", type: "button", on: { click: run } }, icon(name), make("span", { text }));
  const save = act("like", "", () => (toggleSaved(id), draw()));
  const versus = act("compare", t("panel.compare"), () => (compare(id, !isCompared()), draw()));
  draw();
  return make(
    "div",
    { class: "acts", role: "group", "aria-label": t("panel.acts") },
    save,
    versus,
    wish ? act("plus", t("panel.more"), () => wish("like", item)) : null,
    wish && less ? act("less", t("panel.less"), () => wish("unlike", item)) : null,
    share ? act("share", t("panel.share"), () => share(item)) : null,
    why ? act("why", t("panel.why"), why) : null,
  );
}

/** Fill the list of an item's fields. */
export function fillDetails(list, item) {
  const rows = [
    [t("field.category"), (item.categories ?? []).map((value) => readable("category", value)).join("\n")],
    ...Object.entries(item.attributes ?? {}).map(([name, value]) => [nameOf(name), shown(value)]),
    [t("field.item"), item.item_id],
  ];
  list.replaceChildren(
    ...rows
      .filter(([, value]) => value)
      .map(([name, value]) =>
        make("div", {}, make("dt", { text: name }), make("dd", { text: value, dir: "auto" })),
      ),
  );
}

/** Return the value of an attribute as text. */
export const shown = (value) => (Array.isArray(value) ? value.join(", ") : String(value ?? ""));

/**
 * Make the message about an item that cannot be fetched. `titled`: the panel shows the item's title,
 * so the message has its own. `retry()` tries again, `leave()` leads to other products.
 */
export function problemOf(problem, id, { titled, retry, leave }) {
  const gone = problem.kind === "gone";
  const detail = gone ? t("panel.gone", { id }) : (problem.detail ?? problem.message);
  const [text, run] = gone ? [t("panel.others"), leave] : [t("retry"), retry];
  return make(
    "div",
    { class: "facts-problem notice", role: "alert" },
    titled ? make("h3", { text: problem.title ?? t("problem.other.title") }) : null,
    make("p", { dir: "auto", text: detail }),
    make("button", { class: "secondary small", type: "button", text, on: { click: run } }),
  );
}
