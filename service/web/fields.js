// The names of fields and of their values, as shoppers read them.

import { make } from "./dom.js";
import { hasText, money, t } from "./texts.js";

const SUGGESTED = "suggested.";

/** Return the name of a field for shoppers: a text of the page, or the shop's own name. */
export const nameOf = (field) => {
  const plain = field.replace(/^attributes\./, "").toLowerCase();
  // An accepted suggestion is never shown as the shop's own word.
  if (plain.startsWith(SUGGESTED)) return t("filters.suggested", { name: nameOf(plain.slice(SUGGESTED.length)) });
  if (hasText(`field.${plain}`)) return t(`field.${plain}`);
  const words = field.replace(/^attributes\./, "").replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
};

/** Format "Women/Tops/Tees" for shoppers. */
export const readable = (field, value) => (field === "category" ? stepsOf(value).join(" \u203a ") : value);

/** Return the names of a category path; folders are often named with underscores for spaces. */
const stepsOf = (path) => path.replaceAll("_", " ").split("/");

/** Return the values of a hit in a field; of categories also those above them. */
export function valuesIn(hit, field) {
  if (field !== "category") return [hit.attributes[field.replace(/^attributes\./, "")] ?? []].flat().map(String);
  return hit.categories.flatMap((path) => path.split("/").map((_, index, steps) => steps.slice(0, index + 1).join("/")));
}

/** Compare two category paths, so that children follow their parents. */
export const byPath = (a, b) =>
  a.replaceAll("/", "\u0001").localeCompare(b.replaceAll("/", "\u0001"), undefined, { numeric: true });

/** Return the name of a value, and its depth below the parent categories that are shown too. */
export function named(field, value, among) {
  const steps = field === "category" ? value.split("/") : [value];
  const shown = steps
    .slice(0, -1)
    .filter((_, index) => among.includes(steps.slice(0, index + 1).join("/"))).length;
  const complete = shown === steps.length - 1;
  const names = field === "category" ? stepsOf(value) : steps;
  const way = complete
    ? ""
    : make("span", { class: "value-way", text: `${names.slice(0, -1).join(" \u203a ")} \u203a ` });
  const name = make(
    "span",
    { class: "value-name", dir: "auto", title: readable(field, value) },
    way,
    names.at(-1),
  );
  return { name, depth: complete ? Math.min(shown, 2) : 0 };
}

/** Return the words for price limits. `currency` may be empty or null. */
export function priceWords(min, max, currency) {
  const amount = (value) => (value === null ? "" : currency ? money(value, currency) : String(value));
  if (max === null) return t("filters.atLeast", { low: amount(min) });
  if (min === null) return t("filters.atMost", { high: amount(max) });
  return t("filters.range", { low: amount(min), high: amount(max) });
}
