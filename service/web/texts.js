// The texts of the page in the shopper's language, and numbers and prices in the shopper's manner.
// The server puts the texts of one file of texts/ into the page.

const setup = JSON.parse(document.getElementById("setup").textContent);

export const language = document.documentElement.lang;

/** The languages that the page has: {code: its own name}. */
export const languages = setup.languages;

/** The name of the shop. */
export const shopName = setup.shop;

/** The address of an item's page in the shop, such as "/p/{item_id}", or "". */
export const itemUrl = setup.itemUrl;

/** The number of items that the shop will have, or 0. */
export const plannedItems = setup.planned;

/** The locale of numbers and prices: the browser's own, if it is of the page's language. */
export const locale = navigator.languages.find((tag) => tag.split("-")[0] === language) ?? language;

const plurals = new Intl.PluralRules(language);

/**
 * Return a text with its {slots} filled; numbers are formatted. A text with several forms is chosen
 * by `values.count`.
 */
export function t(key, values = {}) {
  let text = setup.texts[key] ?? key;
  if (typeof text === "object") text = text[plurals.select(values.count)] ?? text.other;
  return text.replaceAll(/\{(\w+)\}/g, (slot, name) => {
    const value = values[name] ?? slot;
    return typeof value === "number" ? value.toLocaleString(locale) : value;
  });
}

/** Join sentences; empty ones are left out. Chinese has no space between them. */
export const sentences = (...texts) => texts.filter(Boolean).join(language === "zh" ? "" : " ");

/** Return true if there is a text of this key. */
export const hasText = (key) => Object.hasOwn(setup.texts, key);

/** Format an amount of money; without cents if `round`. "" without an amount. */
export function money(amount, currency, { round = false } = {}) {
  if (amount === null || amount === undefined) return "";
  try {
    const digits = round ? { maximumFractionDigits: 0 } : {};
    return new Intl.NumberFormat(locale, { style: "currency", currency, ...digits }).format(amount);
  } catch {
    return `${amount.toFixed(round ? 0 : 2)} ${currency ?? ""}`.trim(); // no currency, or no ISO code
  }
}
