// Calls to the service, with a key that may only read.

import { Problem, problemOf } from "./problem.js";

const PATIENCE = 30_000; // ms until a call is given up
const clients = new Map();

/** Return the client of a service; components with the same `api` and `key` share it. */
export function clientOf(api, key) {
  const name = `${api} ${key}`;
  if (!clients.has(name)) clients.set(name, new Client(api, key));
  return clients.get(name);
}

class Client {
  #api;
  #key;
  #checked = null;
  #keyed = false; // whether pictures need the key too

  constructor(api, key) {
    this.#api = api.endsWith("/") ? api : `${api}/`;
    this.#key = key;
  }

  /** Search with a photo. Without a box, the service chooses the region, and replies with it. */
  search(photo, { box, filter, limit, swatches, signal }) {
    const form = photoForm(photo, { filter, limit, swatches, group: "product" });
    if (box) form.set("box", box.map((edge) => edge.toFixed(4)).join(","));
    else form.set("auto_crop", "true");
    return this.#ask("v1/search/image", { method: "POST", body: form, signal });
  }

  /** Find the things in a photo: [{box, name}], best first. */
  async things(photo, { most, signal }) {
    const form = photoForm(photo, { most, search: "true", limit: 5 });
    return (await this.#ask("v1/recognize", { method: "POST", body: form, signal })).things;
  }

  /** Return items like an item. */
  async similar(item, { limit, swatches, signal }) {
    const query = new URLSearchParams({ limit, ...(swatches ? { swatches } : {}) });
    return (await this.#ask(`v1/items/${encodeURIComponent(item)}/similar?${query}`, { signal })).hits;
  }

  /** Return items for a shopper who did this; nothing of it is stored by the service. */
  async recommended(events, { item, limit, signal }) {
    const reply = await this.#ask("v1/sessions/recommend", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ events, item: item || null, limit }),
      signal,
    });
    return reply.items;
  }

  /**
   * Show a picture of the service in an image, at most `size` pixels large (a size that the service
   * offers); `onMissing` is called if there is none.
   */
  async show(image, url, size, onMissing) {
    const found = new URL(url, this.#api);
    found.searchParams.set("size", String(size));
    const address = found.href;
    image.addEventListener("error", onMissing, { once: true });
    if (!this.#keyed) {
      image.src = address;
      return;
    }
    try {
      const headers = { accept: "image/webp,image/*", ...this.#headers() };
      const reply = await fetch(address, { headers }); // an <img> sends no key
      if (!reply.ok) throw problemOf(reply.status);
      image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
      image.src = URL.createObjectURL(await reply.blob());
    } catch {
      onMissing();
    }
  }

  #headers() {
    return this.#key ? { authorization: `Bearer ${this.#key}` } : {};
  }

  async #ask(path, init) {
    this.#checked ??= this.#check();
    await this.#checked;
    return this.#send(path, init);
  }

  /** Refuse a key that allows more than reading: everyone who visits the page can read it. */
  async #check() {
    if (!this.#key) return;
    try {
      const { scope, name, required } = await this.#send("v1/key");
      this.#keyed = required;
      if (scope === "read") return;
      throw new Problem(
        "key",
        `the key ${JSON.stringify(name)} has the scope ${scope}, and everyone who visits this page ` +
          `can read it; remove it with 'vitrine keys remove ${name}', and give the page a key made ` +
          "with 'vitrine keys add NAME --scope read'",
      );
    } catch (error) {
      if (error.mayPass) this.#checked = null;
      throw error;
    }
  }

  async #send(path, { headers = {}, signal, ...init } = {}) {
    const limit = AbortSignal.timeout(PATIENCE);
    let reply;
    let text;
    try {
      reply = await fetch(this.#api + path, {
        ...init,
        headers: { accept: "application/json", ...this.#headers(), ...headers },
        credentials: "omit",
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
      });
      text = await reply.text();
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Problem(
        "away",
        `${this.#api} did not answer; if it runs, VITRINE_CORS_ORIGINS must list ${location.origin}`,
      );
    }
    const body = parsed(text);
    if (!reply.ok) throw problemOf(reply.status, body);
    if (body === null) throw new Problem("other", "the server did not answer with JSON");
    return body;
  }
}

function photoForm(photo, fields) {
  const form = new FormData();
  form.set("image", photo.blob, photo.name);
  for (const [name, value] of Object.entries(fields)) if (value) form.set(name, String(value));
  return form;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // the page of a proxy
  }
}
