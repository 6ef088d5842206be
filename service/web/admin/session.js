// The key of the operator, and calls with it. The key is kept in this tab only.

const KEY = "vitrine.admin.key";
const PATIENCE = 30_000;

export const ROOT = new URL("../../", import.meta.url).pathname;

/** A failed call: `status` (0 without a reply), `code`, and the service's own words. */
export class Problem extends Error {
  constructor(detail, { status = 0, code = "" } = {}) {
    super(detail);
    Object.assign(this, { status, code });
  }
}

export const key = () => sessionStorage.getItem(KEY) ?? "";
export const setKey = (value) => sessionStorage.setItem(KEY, value);
export const forgetKey = () => sessionStorage.removeItem(KEY);

async function fetched(path, { body, ...init } = {}) {
  const headers = { authorization: `Bearer ${key()}`, accept: "application/json" };
  if (body !== undefined && !(body instanceof FormData)) headers["content-type"] = "application/json";
  try {
    return await fetch(ROOT + path, {
      ...init,
      headers,
      body: body === undefined || body instanceof FormData ? body : JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE),
    });
  } catch {
    throw new Problem("The service does not answer.");
  }
}

async function problemOf(reply) {
  const body = await reply.json().catch(() => ({}));
  const detail = typeof body.detail === "string" ? body.detail : `The service answered ${reply.status}.`;
  return new Problem(detail, { status: reply.status, code: body.code ?? "" });
}

/** Call the service and return its JSON. Throws Problem. */
export async function ask(path, init) {
  const reply = await fetched(path, init);
  if (!reply.ok) throw await problemOf(reply);
  return reply.json();
}

export const post = (path, body) => ask(path, { method: "POST", body });

/** Return the JSON, or null if the service has nothing there (404). */
export async function find(path) {
  try {
    return await ask(path);
  } catch (problem) {
    if (problem.status === 404) return null;
    throw problem;
  }
}

/** Return the metrics as text. */
export async function metricsText() {
  const reply = await fetched("metrics");
  if (!reply.ok) throw await problemOf(reply);
  return reply.text();
}

/** Return a picture as a Blob, fetched with the key; null if the shop does not have it. */
export async function picture(item, index = 0, size = 160) {
  const reply = await fetched(`v1/items/${encodeURIComponent(item)}/image?index=${index}&size=${size}`).catch(() => null);
  return reply?.ok ? reply.blob() : null;
}
