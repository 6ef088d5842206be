// Calls to the service. Every failure is thrown as a Problem with a message for shoppers.

/** The base path of the service: "/", or the path prefix of a proxy. */
export const ROOT = new URL("../", import.meta.url).pathname;

/**
 * A failed call: `title` and `detail` to show, `status` (0 without a reply), and `param`, the field
 * of the question that is wrong.
 */
export class Problem extends Error {
  constructor(title, detail, { status = 0, code = "", param = "", requestId = "" } = {}) {
    super(detail);
    this.name = "Problem";
    Object.assign(this, { title, detail, status, code, param, requestId });
  }
}

async function ask(path, init = {}) {
  let response;
  try {
    response = await fetch(ROOT + path, { headers: { accept: "application/json" }, ...init });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw navigator.onLine
      ? new Problem("The shop does not answer", "Its search server cannot be reached right now.")
      : new Problem("You are offline", "The search continues when the connection is back.");
  }
  if (response.ok) return response.json();
  throw await problemOf(response);
}

async function problemOf(response) {
  const { status } = response;
  let body = {};
  try {
    body = await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    // A proxy may reply with an HTML page; the status is enough then.
  }
  const detail = typeof body.detail === "string" ? body.detail : `The server answered ${status}.`;
  const title =
    {
      404: "Not found",
      413: "That file is too large",
      422: "That cannot be searched",
      503: "The shop is busy",
    }[status] ?? "Something went wrong";
  const { code = "", param = "", request_id: requestId = "" } = body;
  return new Problem(title, detail, { status, code, param, requestId });
}

/** Return the filter of a question in the service's JSON form, or null without filters. */
export function filterOf(question) {
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

/** Return the parts of two photos; together they count twice as much as one. */
async function twoPhotos(photo, second, { share, box }) {
  const region = box ? { box: [box.x0, box.y0, box.x1, box.y1] } : {};
  return [
    { image: await base64(photo.blob), weight: share / 50, ...region },
    { image: await base64(second.blob), weight: (100 - share) / 50 },
  ];
}

/**
 * Search with a question. `photo` is the stored photo with the id `question.photo`, or null, and
 * `second` that with the id `question.second`.
 */
export async function search(question, { photo, second, limit, facets, signal }) {
  const filter = filterOf(question);
  if (photo && !second) {
    const form = new FormData();
    form.set("image", photo.blob, photo.name);
    if (question.text) form.set("text", question.text);
    if (question.box) form.set("box", joined(question.box));
    if (filter) form.set("filter", JSON.stringify(filter));
    form.set("limit", String(limit));
    form.set("group", "product");
    form.set("facets", facets.join(","));
    return ask("v1/search/image", { method: "POST", body: form, signal });
  }
  const parts = photo ? await twoPhotos(photo, second, question) : [];
  if (question.item) parts.push({ item_id: question.item });
  if (question.text) parts.push({ text: question.text });
  return ask("v1/search", {
    method: "POST",
    headers: { accept: "application/json", "content-type": "application/json" },
    body: JSON.stringify({ parts, filter, limit, group: "product", facets }),
    signal,
  });
}

const itemPath = (id) => `v1/items/${encodeURIComponent(id)}`;

export const styles = () => ask("v1/styles");
export const status = () => ask("v1/status");
export const sample = (limit) => ask(`v1/items?limit=${limit}`);
export const item = (id, signal) => ask(itemPath(id), { signal });
export const similar = (id, limit, signal) => ask(`${itemPath(id)}/similar?limit=${limit}`, { signal });

export const reviews = (id, signal) => ask(`${itemPath(id)}/reviews?limit=0`, { signal });

/** Return items for a shopper, from what was done on this page. Nothing of it is stored. */
export const forYou = (events, limit, signal) =>
  ask("v1/sessions/recommend", {
    method: "POST",
    headers: { accept: "application/json", "content-type": "application/json" },
    body: JSON.stringify({ events, limit }),
    signal,
  });
