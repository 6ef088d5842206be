// Calls to the service. Every failure is thrown as a Problem, with words for shoppers.

import { isWhole } from "./box.js";
import { Problem, problemIn } from "./problem.js";

/** The base path of the service: "/", or the path prefix of a proxy. */
export const ROOT = new URL("../", import.meta.url).pathname;

const LIKED = 0.5; // weight of an item to find more of, beside the question with 1
const UNLIKED = -0.4;
const PATIENCE = 30_000; // ms until a call is given up
const TRIES = 4; // of a call that finds the service busy
const LONGEST_WAIT = 10_000; // ms between two of them

const pause = (time, signal) =>
  new Promise((done, failed) => {
    const stop = () => {
      clearTimeout(timer);
      failed(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      done();
    }, time);
    signal?.addEventListener("abort", stop, { once: true });
  });

/**
 * Call the service and return its JSON. While it is busy, the call is repeated when the service asks
 * for that, after `onBusy()`. Throws Problem, or AbortError after `init.signal`.
 */
async function ask(path, { onBusy = () => {}, ...init } = {}) {
  for (let tried = 1; ; tried += 1) {
    const { response, body } = await once(path, init);
    if (response.ok && body !== null) return body;
    if (response.ok) throw new Problem("garbled");
    const problem = problemIn(response.status, body ?? {});
    const wait = Number(response.headers.get("retry-after")) * 1000;
    const busy = response.status === 503 || response.status === 429;
    if (!busy || !wait || wait > LONGEST_WAIT || tried === TRIES) throw problem;
    onBusy();
    await pause(wait, init.signal);
  }
}

/** Send a request; return the reply and its JSON, or null if it is not JSON. */
async function once(path, { signal, ...init }) {
  const limit = new AbortController();
  const stop = () => limit.abort(signal.reason);
  const timer = setTimeout(() => limit.abort(new Problem("slow")), PATIENCE);
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop);
  try {
    const headers = { accept: "application/json" };
    const response = await fetch(ROOT + path, { headers, ...init, signal: limit.signal });
    return { response, body: parsed(await response.text()) };
  } catch (error) {
    if (limit.signal.aborted) throw limit.signal.reason;
    if (error.name === "AbortError") throw error;
    throw new Problem(navigator.onLine ? "away" : "offline");
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

function parsed(text) {
  try {
    const body = JSON.parse(text);
    return typeof body === "object" ? body : null;
  } catch {
    return null; // the page of a proxy or of a network's sign-in
  }
}

/** Return the filter of a question in the service's JSON form, or null without filters. */
function filterOf(question) {
  const must = Object.entries(question.fields).map(([key, values]) => ({ key, match: { any: values } }));
  const range = {};
  if (question.min !== null) range.gte = question.min;
  if (question.max !== null) range.lte = question.max;
  if (Object.keys(range).length > 0) must.push({ key: "price", range });
  if (question.stock) must.push({ key: "in_stock", match: { value: true } });
  return must.length > 0 ? { must } : null;
}

const joined = (box) => [box.x0, box.y0, box.x1, box.y1].map((edge) => edge.toFixed(4)).join(",");

const base64 = (blob) =>
  new Promise((done, failed) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => done(reader.result.slice(reader.result.indexOf(",") + 1)));
    reader.addEventListener("error", () => failed(reader.error));
    reader.readAsDataURL(blob);
  });

const region = (box) => (isWhole(box) ? {} : { box: [box.x0, box.y0, box.x1, box.y1] });

/** Return the parts of the photos of a question; two together count twice as much as one. */
async function photoParts(question, photo, second) {
  if (!photo) return [];
  const first = { image: await base64(photo.blob), ...region(question.box) };
  if (!second) return [first];
  return [
    { ...first, weight: question.share / 50 },
    { image: await base64(second.blob), weight: (100 - question.share) / 50 },
  ];
}

/** Return the items to search for more of, and for less of, as parts. */
const wishes = (question) => [
  ...question.like.map((id) => ({ item_id: id, weight: LIKED })),
  ...question.unlike.map((id) => ({ item_id: id, weight: UNLIKED })),
];

/**
 * Search with a question. `photo` is the stored photo with the id `question.photo`, or null, and
 * `second` that with the id `question.second`. Without a box, the service chooses one; the reply has
 * it as `cropped`. `swatches` is the attribute whose values each hit comes in, or undefined.
 */
export async function search(question, { photo, second, limit, facets, swatches, signal, onBusy }) {
  const filter = filterOf(question);
  const wanted = wishes(question);
  if (photo && !second && wanted.length === 0) {
    const form = photoForm(question, photo, filter);
    form.set("limit", String(limit));
    form.set("group", "product");
    form.set("facets", facets.join(","));
    if (swatches) form.set("swatches", swatches);
    if (question.sort) form.set("sort", question.sort);
    return ask("v1/search/image", { method: "POST", body: form, signal, onBusy });
  }
  const parts = [...(await photoParts(question, photo, second)), ...wanted];
  if (question.item) parts.push({ item_id: question.item });
  if (question.text) parts.push({ text: question.text });
  const sort = question.sort || undefined;
  return post("v1/search", { parts, filter, limit, group: "product", facets, sort, swatches }, { signal, onBusy });
}

function photoForm(question, photo, filter) {
  const form = new FormData();
  form.set("image", photo.blob, photo.name);
  if (question.text) form.set("text", question.text);
  if (!question.box) form.set("auto_crop", "true");
  else if (!isWhole(question.box)) form.set("box", joined(question.box));
  if (filter) form.set("filter", JSON.stringify(filter));
  return form;
}

const post = (path, body, options) =>
  ask(path, {
    method: "POST",
    headers: { accept: "application/json", "content-type": "application/json" },
    body: JSON.stringify(body),
    ...options,
  });

/** Return the things in a photo, each with its first hits. */
export function recognize(photo, { most, limit, signal }) {
  const form = new FormData();
  form.set("image", photo.blob, photo.name);
  form.set("search", "true");
  form.set("most", String(most));
  form.set("limit", String(limit));
  return ask("v1/recognize", { method: "POST", body: form, signal });
}

const only = (id) => JSON.stringify({ must: [{ key: "item_id", match: { value: id } }] });

/** Return why an item matches the question: {query, hit} heat maps, or null if that is unknown. */
export async function explain(question, photo, id, signal) {
  let reply = null;
  if (photo) {
    const form = photoForm({ ...question, text: "" }, photo, null);
    for (const [name, value] of Object.entries({ filter: only(id), limit: 1, group: "item", explain: true }))
      form.set(name, String(value));
    reply = await ask("v1/search/image", { method: "POST", body: form, signal });
  } else if (question.item) {
    const params = new URLSearchParams({ filter: only(id), limit: 1, group: "item", explain: true });
    reply = await ask(`${itemPath(question.item)}/similar?${params}`, { signal });
  }
  const found = reply?.explanations?.find((explanation) => explanation.item_id === id);
  return found ? { ...found, picture: reply.hits[0].image_url } : null;
}

/** Return the items of a product, at most `limit`, with fewer fields than `item` gives. */
export async function variants(product, title, limit, signal) {
  const filter = { must: [{ key: "product_id", match: { value: product } }] };
  const { hits } = await post("v1/search", { parts: [{ text: title }], filter, limit, group: "item" }, { signal });
  return hits;
}

const itemPath = (id) => `v1/items/${encodeURIComponent(id)}`;

export const styles = () => ask("v1/styles");
export const status = () => ask("v1/status");
export const sample = (limit) => ask(`v1/items?limit=${limit}`);
export const item = (id, signal) => ask(itemPath(id), { signal });
export const similar = (id, limit, signal) => ask(`${itemPath(id)}/similar?limit=${limit}`, { signal });

/** Answer a question about an item, or about the shop if the id is "". */
export const askShop = (question, id, signal) =>
  post("v1/ask", id ? { question, item_id: id } : { question }, { signal });

export const reviews = (id, signal) => ask(`${itemPath(id)}/reviews?limit=0`, { signal });

/** Return items for a shopper, from what was done on this page. Nothing of it is stored. */
export const forYou = (events, limit, signal) =>
  post("v1/sessions/recommend", { events, limit }, { signal });
