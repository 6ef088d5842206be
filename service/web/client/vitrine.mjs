// A client of Vitrine's HTTP API in one file, for browsers and for Node 18 or newer.
//
//   import { Vitrine } from "http://localhost:8000/web/client/vitrine.mjs";
//   const shop = new Vitrine("http://localhost:8000");
//   const { hits } = await shop.searchImage(file, { limit: 5, filter: "price < 50" });
//
// The methods take what the routes take, with the same names, and return the JSON of the reply;
// /docs of a service lists every field. A page that everybody can read must only have a key of the
// scope `read`, and its origin must be in VITRINE_CORS_ORIGINS.

const RETRIED = [429, 503]; // replies that say when to try again; the service has done nothing then

/**
 * A photo: a file of a form, or bytes (a Buffer of Node is a Uint8Array).
 * @typedef {Blob | ArrayBuffer | Uint8Array} Photo
 */

/**
 * A corner and the one across, as shares of the photo's width and height.
 * @typedef {[x0: number, y0: number, x1: number, y1: number]} Box
 */

/**
 * A part of a query: one of `image`, `text`, `item_id`, `embedding` and `user_id`. A negative
 * weight finds items unlike it.
 * @typedef {object} Part
 * @property {Photo | string} [image] A photo, or its base64.
 * @property {Box} [box] The part of the photo that counts.
 * @property {string} [text]
 * @property {string} [item_id]
 * @property {number[]} [embedding]
 * @property {string} [user_id]
 * @property {number} [weight] 1 by default.
 */

/**
 * @typedef {object} CallOptions
 * @property {AbortSignal} [signal] Ends the call; it then throws the reason of the signal.
 */

/**
 * What every search takes.
 * @typedef {object} SearchFields
 * @property {number} [limit]
 * @property {string | object} [filter] Such as `price < 50 and in_stock = true`, or its JSON form.
 * @property {"product" | "item"} [group]
 * @property {string[]} [facets] The fields whose values are counted: `facets` of the reply.
 * @property {string} [cursor] `next_cursor` of the page before.
 * @property {string} [sort] Such as `price`, `-price`, `newest`.
 * @property {number} [min_score]
 * @property {number} [min_confidence]
 * @property {number} [collapse]
 * @property {string[] | object} [exclude]
 * @property {string} [swatches] An attribute such as color: `swatches` of each hit has an item of each value.
 * @typedef {SearchFields & CallOptions} SearchOptions
 */

/**
 * What a search with a photo takes besides.
 * @typedef {object} PhotoFields
 * @property {string} [text] Words beside the photo.
 * @property {Box[]} [boxes] Several things of the photo; `groups` of the reply has the hits of each.
 * @property {boolean} [auto_crop] Whether the service chooses the thing that is meant.
 * @property {boolean} [explain]
 * @property {boolean} [verify]
 * @typedef {SearchFields & PhotoFields & CallOptions} PhotoOptions
 */

/**
 * What recommendations take.
 * @typedef {object} RecommendFields
 * @property {number} [limit]
 * @property {string} [filter]
 * @property {string} [item] The item that the user looks at.
 * @property {boolean} [seen] Whether items may come that the user has met before.
 * @property {boolean} [explain]
 * @property {number} [diversity]
 * @property {string} [style] The style of the pictures; by default the one that the user reacts to most.
 * @typedef {RecommendFields & CallOptions} RecommendOptions
 */

/**
 * @typedef {object} Hit
 * @property {string} item_id
 * @property {string} product_id
 * @property {string} title
 * @property {number} score Larger is better.
 * @property {number | null} confidence The probability that the hit is what the photo shows.
 * @property {number | null} price
 * @property {string} currency
 * @property {boolean} in_stock
 * @property {string} image_url A path of the service; see `Vitrine.address`.
 */

/**
 * @typedef {object} SearchReply
 * @property {Hit[]} hits Best first.
 * @property {number} total
 * @property {string | null} next_cursor
 * @property {boolean} no_close_match Whether even the best hit is probably not what the photo shows.
 * @property {Object<string, {value: string, count: number}[]>} [facets]
 * @property {{box: Box, hits: Hit[]}[]} [groups]
 */

/**
 * What is sent besides the address.
 * @typedef {{headers?: Record<string, string>, body?: BodyInit, signal?: AbortSignal}} Sent
 */

/**
 * @typedef {object} Item
 * @property {string} item_id
 * @property {string} product_id
 * @property {string} title
 * @property {string} description
 * @property {string[]} categories
 * @property {number | null} price
 * @property {string} currency
 * @property {boolean} in_stock
 * @property {string} url The page to buy it, or empty.
 * @property {Object<string, unknown>} attributes
 * @property {string[]} image_urls Paths of the service; see `Vitrine.address`.
 */

/**
 * A value that an item seems to have: read by a rule, not the shop's own word.
 * @typedef {object} Suggested
 * @property {{attribute: string, value: string, confidence: number, source: object, note: string}} suggestion
 * @property {boolean} accepted
 * @property {"" | "rule" | "operator"} by Who decided.
 */

/** A call that failed. */
export class VitrineError extends Error {
  /**
   * @param {string} message
   * @param {{status?: number, code?: string, param?: string | null, requestId?: string | null,
   *   retryAfter?: number | null, cause?: unknown}} [facts]
   */
  constructor(message, { status = 0, code = "unreachable", param, requestId, retryAfter, cause } = {}) {
    super(message, { cause });
    this.name = "VitrineError";
    /** The HTTP status; 0 if there was no reply. */
    this.status = status;
    /** For programs, such as `unknown_item`; `unreachable` if no reply came, or none of Vitrine's. */
    this.code = code;
    /** The field of the request that is wrong, or null. */
    this.param = param ?? null;
    /** Finds the request in the log of the service. */
    this.requestId = requestId ?? null;
    /** Seconds until it makes sense to try again, or null. */
    this.retryAfter = retryAfter ?? null;
  }
}

/** A client of one service. */
export class Vitrine {
  #url;
  #key;
  #timeout;
  #tries;
  #longestWait;
  #fetch;

  /**
   * A call is sent again, up to `tries` times in all, if the service says when to (429, 503) and that
   * is within `longestWait` ms. `timeout` is the time for each try, in ms.
   * @param {string} url The address of the service.
   * @param {{key?: string, timeout?: number, tries?: number, longestWait?: number,
   *   fetch?: typeof globalThis.fetch}} [options]
   */
  constructor(url, { key = "", timeout = 30_000, tries = 3, longestWait = 10_000, fetch } = {}) {
    this.#url = url.replace(/\/+$/, "");
    this.#key = key;
    this.#timeout = timeout;
    this.#tries = tries;
    this.#longestWait = longestWait;
    this.#fetch = fetch ?? ((...given) => globalThis.fetch(...given));
  }

  /**
   * Search by a combination of photos, words, items and users.
   * @param {Part[]} parts
   * @param {SearchOptions} [options]
   * @returns {Promise<SearchReply>}
   */
  async search(parts, { signal, ...fields } = {}) {
    return this.#post("/v1/search", { ...fields, parts: await Promise.all(parts.map(partOf)) }, signal);
  }

  /**
   * Search by words.
   * @param {string} text
   * @param {SearchOptions} [options]
   * @returns {Promise<SearchReply>}
   */
  searchText(text, options) {
    return this.search([{ text }], options);
  }

  /**
   * Search by a photo.
   * @param {Photo} photo
   * @param {PhotoOptions} [options]
   * @returns {Promise<SearchReply>}
   */
  searchImage(photo, { signal, boxes = [], ...fields } = {}) {
    const form = formOf(photo, fields);
    for (const box of boxes) form.append("box", asText(box));
    return this.#send("POST", "/v1/search/image", { body: form, signal });
  }

  /**
   * Search several times; one that fails has a problem in place of its reply.
   * @param {(SearchFields & {parts: Part[]})[]} searches
   * @param {CallOptions} [options]
   * @returns {Promise<{results: {reply: SearchReply | null, problem: object | null}[]}>}
   */
  async searchBatch(searches, { signal } = {}) {
    const bodies = searches.map(async (search) => ({ ...search, parts: await Promise.all(search.parts.map(partOf)) }));
    return this.#post("/v1/search/batch", { searches: await Promise.all(bodies) }, signal);
  }

  /**
   * Find items like an item.
   * @param {string} itemId
   * @param {SearchOptions} [options]
   * @returns {Promise<SearchReply>}
   */
  similar(itemId, options) {
    return this.#get(`${itemPath(itemId)}/similar`, options);
  }

  /**
   * Find the things in a photo, and with `search` the items that look like each.
   * @param {Photo} photo
   * @param {{search?: boolean, most?: number, limit?: number} & CallOptions} [options]
   * @returns {Promise<{things: {box: Box, name: string | null, score: number, sold: boolean, hits: Hit[]}[]}>}
   */
  recognize(photo, { signal, ...fields } = {}) {
    return this.#send("POST", "/v1/recognize", { body: formOf(photo, fields), signal });
  }

  /**
   * Return an item.
   * @param {string} itemId
   * @param {CallOptions} [options]
   * @returns {Promise<Item>}
   */
  item(itemId, options) {
    return this.#get(itemPath(itemId), options);
  }

  /**
   * Go through all items in the order of their ids, `page` of them a request.
   * @param {{page?: number} & CallOptions} [options]
   * @returns {AsyncGenerator<Item>}
   */
  async *items({ page = 100, signal } = {}) {
    let cursor = null;
    do {
      const reply = await this.#get("/v1/items", { order: "id", limit: page, cursor, signal });
      yield* reply.items;
      cursor = reply.next_cursor;
    } while (cursor !== null);
  }

  /**
   * Return the attributes that the texts and pictures of an item suggest, the surest first.
   * @param {string} itemId
   * @param {CallOptions} [options]
   * @returns {Promise<{item_id: string, suggestions: Suggested[]}>}
   */
  suggestions(itemId, options) {
    return this.#get(`${itemPath(itemId)}/suggestions`, options);
  }

  /**
   * Accept or refuse a suggested value of an item; needs a key that may write. Returns all that is
   * suggested for the item.
   * @param {string} itemId
   * @param {{attribute: string, value: string, accepted?: boolean}} decision
   * @param {CallOptions} [options]
   * @returns {Promise<{item_id: string, suggestions: Suggested[]}>}
   */
  decide(itemId, decision, { signal } = {}) {
    return this.#post(`${itemPath(itemId)}/suggestions`, decision, signal);
  }

  /**
   * List the suggestions of the shop, the surest first, and count them by attribute; needs a key that
   * may write.
   * @param {{attribute?: string, state?: "open" | "accepted" | "refused", limit?: number} & CallOptions} [options]
   * @returns {Promise<{attributes: {attribute: string, open: number, accepted: number, refused: number}[],
   *   suggestions: ({item_id: string, title: string} & Suggested)[]}>}
   */
  allSuggestions(options) {
    return this.#get("/v1/suggestions", options);
  }

  /**
   * Accept or refuse suggested values of several items, all or none; needs a key that may write.
   * @param {{item_id: string, attribute: string, value: string, accepted?: boolean}[]} decisions
   * @param {CallOptions} [options]
   * @returns {Promise<{decided: number}>}
   */
  decideAll(decisions, { signal } = {}) {
    return this.#post("/v1/suggestions", { decisions }, signal);
  }

  /**
   * Draft a text of an item from its own fields; nothing is stored.
   * @param {string} itemId
   * @param {{language?: "en" | "zh", tone?: "plain" | "friendly" | "short", length?: number,
   *   seed?: number} & CallOptions} [options]
   * @returns {Promise<{text: string, [name: string]: unknown}>}
   */
  draft(itemId, { signal, ...fields } = {}) {
    return this.#post(`${itemPath(itemId)}/draft`, fields, signal);
  }

  /**
   * Return what customers write about an item, summed up, and its newest reviews.
   * @param {string} itemId
   * @param {{limit?: number} & CallOptions} [options]
   * @returns {Promise<{[name: string]: any}>}
   */
  reviews(itemId, options) {
    return this.#get(`${itemPath(itemId)}/reviews`, options);
  }

  /**
   * Answer a customer's question, about an item or in general, by a quotation.
   * @param {string} question
   * @param {{item?: string} & CallOptions} [options]
   * @returns {Promise<{kind: string, answer: string, items: object[], [name: string]: unknown}>}
   */
  ask(question, { item, signal } = {}) {
    return this.#post("/v1/ask", item === undefined ? { question } : { question, item_id: item }, signal);
  }

  /**
   * Store what users did; needs a key that may write, so it is not for public pages.
   * @param {{user_id: string, item_id: string, type: string, event_id?: string}[]} events
   * @param {CallOptions} [options]
   * @returns {Promise<{stored: number, repeated: number, no_consent: number, unknown_items: number,
   *   refused: object[]}>}
   */
  sendEvents(events, { signal } = {}) {
    return this.#post("/v1/events", { events }, signal);
  }

  /**
   * Recommend items for a user; needs a key that may write.
   * @param {string} userId
   * @param {RecommendOptions} [options]
   * @returns {Promise<{items: (Item & {reason: {code: string}, image_url: string})[]}>}
   */
  recommend(userId, options) {
    return this.#get(`/v1/users/${encodeURIComponent(userId)}/recommendations`, options);
  }

  /**
   * Recommend items for the events of a session, newest last; nothing of them is stored.
   * @param {{item_id: string, type?: string}[]} events
   * @param {RecommendOptions} [options]
   * @returns {Promise<{items: (Item & {reason: {code: string}, image_url: string})[]}>}
   */
  recommendSession(events, { signal, ...fields } = {}) {
    return this.#post("/v1/sessions/recommend", { ...fields, events }, signal);
  }

  /**
   * Return what the service serves.
   * @param {CallOptions} [options]
   * @returns {Promise<{items: number, facets: string[], generation: string, [name: string]: unknown}>}
   */
  status(options) {
    return this.#get("/v1/status", options);
  }

  /**
   * Return the full address of a path of a reply, such as `image_url`; `size` (80, 120, 160, 240, 320
   * or 400) makes a picture smaller.
   * @param {string} path
   * @param {{size?: number}} [options]
   */
  address(path, { size } = {}) {
    const query = size ? `${path.includes("?") ? "&" : "?"}size=${size}` : "";
    return this.#url + path + query;
  }

  /**
   * @param {string} path
   * @param {CallOptions & {[name: string]: any}} [options]
   * @returns {Promise<any>}
   */
  #get(path, { signal, ...fields } = {}) {
    const given = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);
    const query = new URLSearchParams(given.map(([name, value]) => [name, asText(value)]));
    return this.#send("GET", given.length ? `${path}?${query}` : path, { signal });
  }

  /**
   * @param {string} path
   * @param {object} body
   * @param {AbortSignal} [signal]
   * @returns {Promise<any>}
   */
  #post(path, body, signal) {
    const headers = { "content-type": "application/json" };
    return this.#send("POST", path, { headers, body: JSON.stringify(body), signal });
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {Sent} sent
   * @returns {Promise<any>}
   */
  async #send(method, path, { headers, body, signal }) {
    for (let left = this.#tries - 1; ; left -= 1) {
      const { reply, text } = await this.#once(path, { method, headers, body, signal });
      if (reply.ok) return parsed(reply, text);
      const error = errorOf(reply, text);
      const wait = error.retryAfter === null ? Infinity : error.retryAfter * 1000;
      if (!RETRIED.includes(reply.status) || wait > this.#longestWait || left <= 0) throw error;
      await pause(wait, signal);
    }
  }

  /**
   * Send a request; return the reply and its text.
   * @param {string} path
   * @param {Sent & {method: string}} sent
   */
  async #once(path, { signal, headers, ...init }) {
    signal?.throwIfAborted();
    const limit = new AbortController(); // AbortSignal.any is missing in browsers of 2023
    const stop = () => limit.abort(signal?.reason);
    const timer = setTimeout(() => limit.abort(), this.#timeout);
    signal?.addEventListener("abort", stop);
    /** @type {Record<string, string>} */
    const key = this.#key ? { authorization: `Bearer ${this.#key}` } : {};
    try {
      const reply = await this.#fetch(this.#url + path, {
        ...init,
        headers: { accept: "application/json", ...key, ...headers },
        credentials: "omit",
        signal: limit.signal,
      });
      return { reply, text: await reply.text() };
    } catch (cause) {
      if (signal?.aborted) throw signal.reason;
      const reason = limit.signal.aborted ? `no reply within ${this.#timeout} ms` : /** @type {Error} */ (cause).message;
      throw new VitrineError(`${this.#url} does not answer: ${reason}`, { cause });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    }
  }
}

/** @param {string} id */
const itemPath = (id) => `/v1/items/${encodeURIComponent(id)}`;

/**
 * Return a value as a form or a URL takes it: lists with commas, objects as JSON.
 * @param {unknown} value
 */
function asText(value) {
  if (Array.isArray(value)) return value.join(",");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/**
 * @param {Photo} photo
 * @param {object} fields
 */
function formOf(photo, fields) {
  const form = new FormData();
  form.set("image", photo instanceof Blob ? photo : new Blob([/** @type {BlobPart} */ (photo)]), "photo");
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined && value !== null) form.set(name, asText(value));
  }
  return form;
}

/**
 * Return a part of a query for JSON: a photo becomes base64.
 * @param {Part} part
 */
async function partOf(part) {
  const { image } = part;
  if (image === undefined || typeof image === "string") return part;
  const bytes = image instanceof Blob ? await image.arrayBuffer() : image;
  return { ...part, image: base64(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes)) };
}

/** @param {Uint8Array} bytes */
function base64(bytes) {
  const STEP = 0x8000; // as many arguments as every engine takes
  let text = "";
  for (let at = 0; at < bytes.length; at += STEP) {
    text += String.fromCharCode(...bytes.subarray(at, at + STEP));
  }
  return btoa(text);
}

/**
 * @param {Response} reply
 * @param {string} text
 */
function parsed(reply, text) {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new VitrineError(`${reply.url} sent no reply of Vitrine`, { status: reply.status, cause });
  }
}

/**
 * @param {Response} reply
 * @param {string} text
 */
function errorOf(reply, text) {
  const wait = reply.headers.get("retry-after") ?? "";
  const retryAfter = /^\d+(\.\d+)?$/.test(wait) ? Number(wait) : null;
  let problem = null;
  try {
    problem = JSON.parse(text);
  } catch {
    // the page of a proxy
  }
  const status = reply.status;
  if (typeof problem?.code !== "string") {
    return new VitrineError(`${reply.url} replied ${status}: ${text.slice(0, 200)}`, { status, retryAfter });
  }
  const { code, detail, param, request_id: requestId } = problem;
  return new VitrineError(detail, { status, code, param, requestId, retryAfter });
}

/**
 * Wait, unless the signal ends it; then throw its reason.
 * @param {number} ms
 * @param {AbortSignal} [signal]
 */
function pause(ms, signal) {
  return new Promise((done, failed) => {
    const stop = () => {
      clearTimeout(timer);
      failed(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      done(null);
    }, ms);
    signal?.addEventListener("abort", stop);
    if (signal?.aborted) stop();
  });
}
