// The texts of a component: in its language, or from a file that the page names.

import { LANGUAGES } from "./languages.js";

const files = new Map(); // address -> promise of its texts

/** The texts in one language, and how it writes numbers and prices. */
export class Texts {
  #texts;

  constructor(language, texts) {
    this.language = language;
    this.#texts = texts;
  }

  /** Return a text with its {slots} filled. */
  t(key, values = {}) {
    const text = this.#texts[key] ?? LANGUAGES.en[key] ?? key;
    return text.replaceAll(/\{(\w+)\}/g, (slot, name) => {
      const value = values[name] ?? slot;
      return typeof value === "number" ? value.toLocaleString(this.language) : value;
    });
  }

  /** Format the price of an item; "" if it has none. */
  price({ price, currency }) {
    if (price === null || price === undefined) return "";
    try {
      return new Intl.NumberFormat(this.language, { style: "currency", currency }).format(price);
    } catch {
      return `${price.toFixed(2)} ${currency ?? ""}`.trim(); // no currency, or no ISO code
    }
  }
}

/**
 * Return the texts for an element: of its attribute `lang`, or that of the page. Its attribute
 * `texts` names a JSON file that replaces some or all of them.
 */
export async function textsFor(element) {
  const language = known(element.closest("[lang]")?.lang || document.documentElement.lang || navigator.language);
  const own = LANGUAGES[language.split("-")[0].toLowerCase()] ?? LANGUAGES.en;
  const file = element.getAttribute("texts");
  if (!file) return new Texts(language, own);
  const address = new URL(file, document.baseURI).href;
  if (!files.has(address)) files.set(address, read(address));
  return new Texts(language, { ...own, ...(await files.get(address)) });
}

/** Return the language, or English if it is no valid tag. */
function known(language) {
  try {
    return Intl.getCanonicalLocales(language)[0] ?? "en";
  } catch {
    return "en";
  }
}

async function read(address) {
  try {
    const reply = await fetch(address);
    if (!reply.ok) throw new Error(`the reply is ${reply.status}`);
    return await reply.json();
  } catch (error) {
    console.error(`Vitrine: the texts ${address} cannot be read: ${error.message}`);
    return {};
  }
}
