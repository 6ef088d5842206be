// The base of every component: its client, its texts, and a shadow root that the page cannot disturb.

import { clientOf } from "./client.js";
import { consent, note } from "./consent.js";
import { sharedStyles } from "./styles.js";
import { Texts, textsFor } from "./texts.js";
import { LANGUAGES } from "./languages.js";

// Known only while the script itself runs.
const script = document.currentScript;
const HOME = script?.src ? new URL("../", script.src).href : location.origin;
const SHARED = { api: script?.dataset.api ?? HOME, key: script?.dataset.key ?? "" };

const reported = new Set();

/** Attributes: api, key, lang, texts, item-url. The script's data-api and data-key are the defaults. */
export class VitrineElement extends HTMLElement {
  static observedAttributes = ["api", "key", "lang", "texts", "item-url", "item", "limit", "filter", "swatches"];

  texts = new Texts("en", LANGUAGES.en);
  #round = 0;

  constructor() {
    super();
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = [sharedStyles()];
  }

  /** The client of the service that the attributes name. */
  get client() {
    return clientOf(this.getAttribute("api") ?? SHARED.api, this.getAttribute("key") ?? SHARED.key);
  }

  /** How many items to show. */
  get limit() {
    const given = Number(this.getAttribute("limit"));
    return Number.isInteger(given) && given > 0 ? Math.min(given, 100) : this.usualLimit;
  }

  connectedCallback() {
    this.#start();
  }

  attributeChangedCallback() {
    if (this.isConnected) this.#start();
  }

  async #start() {
    this.#round += 1;
    const round = this.#round;
    await null; // attributes that are set one after the other start it once
    if (round !== this.#round) return;
    const texts = await textsFor(this);
    if (round !== this.#round || !this.isConnected) return;
    this.texts = texts;
    this.draw();
  }

  /** Return the address of an item's page: of `item-url`, such as "/p/{item_id}", or its own; or "". */
  linkOf(item) {
    const pattern = this.getAttribute("item-url");
    const link = pattern
      ? pattern.replaceAll(/\{(item_id|product_id)\}/g, (_, name) => encodeURIComponent(item[name]))
      : (item.url ?? "");
    if (!link) return "";
    const address = new URL(link, document.baseURI);
    return ["https:", "http:"].includes(address.protocol) ? address.href : "";
  }

  /** Remember what the shopper did, with consent. */
  remember(item, type) {
    if (consent()) note(item, type);
  }

  /** Return the text of a problem, and log its cause once, for the makers of the page. */
  explain(problem) {
    const code = problem.code ?? "other";
    if (!reported.has(problem.message)) {
      reported.add(problem.message);
      console.error(`Vitrine: ${problem.message}`);
    }
    return this.texts.t(`problem.${code}`);
  }
}
