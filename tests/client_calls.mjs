// What test_service_client_js.py calls, in Node and in a browser: every method of the client, and its errors.

/** Call a service; return what the test compares. */
export async function callAll({ Vitrine, VitrineError }, url, key, base64) {
  const photo = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const shop = new Vitrine(`${url}/`, { key });
  const ids = (reply) => reply.hits.map((hit) => hit.item_id);
  const done = {};
  const first = await shop.searchImage(new Blob([photo]), { limit: 2, filter: "in_stock = true", facets: ["color"] });
  done.photo = ids(first);
  done.facets = first.facets.color.map((counted) => counted.value);
  const next = await shop.searchImage(photo, { limit: 2, filter: "in_stock = true", cursor: first.next_cursor });
  done.isNextPage = ids(next).every((id) => !done.photo.includes(id));
  const halves = [[0, 0, 0.5, 1], [0.5, 0, 1, 1]];
  done.groups = (await shop.searchImage(photo.buffer, { boxes: halves, limit: 1 })).groups.length;
  done.words = ids(await shop.searchText("red mug", { limit: 1 }));
  const parts = [{ image: photo, box: [0, 0, 1, 1] }, { text: "mug", weight: 0.5 }];
  done.mixed = ids(await shop.search(parts, { limit: 1, exclude: ["red-shoe"] }));
  const batch = await shop.searchBatch([{ parts: [{ image: base64 }], limit: 1 }, { parts: [{ item_id: "none" }] }]);
  done.batch = batch.results.map(({ reply, problem }) => (reply ? ids(reply) : problem.code));
  done.similar = ids(await shop.similar("red-mug", { limit: 1, exclude: { color: "blue" } }));
  done.things = (await shop.recognize(photo, { search: true, limit: 1 })).things.every(({ hits }) => hits.length === 1);
  const item = await shop.item("red-mug");
  done.price = item.price;
  const picture = await fetch(shop.address(item.image_urls[0], { size: 80 }), { headers: { authorization: `Bearer ${key}` } });
  done.picture = picture.headers.get("content-type");
  done.items = [];
  for await (const { item_id } of shop.items({ page: 5 })) done.items.push(item_id);
  done.stored = (await shop.sendEvents([{ user_id: "ann", item_id: "red-shoe", type: "view" }])).stored;
  done.recommended = (await shop.recommend("ann", { limit: 1 })).items[0].item_id;
  done.session = (await shop.recommendSession([{ item_id: "red-shoe" }], { limit: 1 })).items[0].item_id;
  done.suggested = (await shop.suggestions("blue-mug")).suggestions.map(({ suggestion }) => suggestion.value);
  const red = { item_id: "red-mug", attribute: "taxonomy", value: "Drinkware > Mugs" };
  const accepted = async () => (await shop.allSuggestions({ state: "accepted" })).suggestions.map(({ item_id: id }) => id);
  await shop.decide("red-mug", { attribute: red.attribute, value: red.value });
  done.accepted = await accepted();
  done.decided = (await shop.decideAll([{ ...red, accepted: false }])).decided;
  done.refused = await accepted();
  const draft = await shop.draft("red-mug", { tone: "short", seed: 1 });
  done.draft = [draft.tone, draft.text.length > 0];
  done.reviews = (await shop.reviews("red-mug", { limit: 1 })).reviews.map(({ text }) => text);
  done.answer = (await shop.ask("Is it red?", { item: "red-mug" })).kind;
  done.status = (await shop.status()).items;
  const failed = (call) => call.then(() => "no error", (error) => (error instanceof VitrineError ? facts(error) : error.name));
  done.unknown = await failed(shop.item("no/such item"));
  done.invalid = await failed(shop.searchText("mug", { limit: -1 }));
  done.unauthorized = await failed(new Vitrine(url, { key: "wrong" }).sendEvents([]));
  const stopper = new AbortController();
  const stopped = failed(shop.searchImage(photo, { signal: stopper.signal }));
  stopper.abort();
  done.stopped = await stopped;
  done.stoppedBefore = await failed(shop.status({ signal: stopper.signal }));
  return done;
}

const facts = ({ status, code, param, retryAfter, requestId }) => ({ status, code, param, retryAfter, hasId: requestId !== null });

/** Call services that fail; return how often each was asked, and what the client threw or returned. */
export async function fail({ Vitrine, VitrineError }) {
  const json = (body, init) => new Response(JSON.stringify(body), init);
  const busy = (status, wait) => json({ code: "overloaded", detail: "wait" }, { status, headers: wait ? { "retry-after": wait } : {} });
  const services = {
    busyTwice: [busy(503, "0"), busy(429, "0"), json({ items: 3 })],
    busyAlways: [busy(503, "0"), busy(503, "0"), busy(503, "0"), json({ items: 3 })],
    busyForLong: [busy(503, "600"), json({})],
    busyForUnknown: [busy(503), json({})],
    away: [new TypeError("fetch failed")],
    proxy: [new Response("<h1>Bad gateway</h1>", { status: 502 })],
    otherPage: [new Response("<html>")],
  };
  const done = {};
  for (const [name, replies] of Object.entries(services)) {
    let asked = 0;
    const fetch = async () => {
      const reply = replies[asked++];
      if (reply instanceof Error) throw reply;
      return reply;
    };
    try {
      done[name] = [await new Vitrine("http://shop", { fetch }).status(), asked];
    } catch (error) {
      if (!(error instanceof VitrineError)) throw error;
      done[name] = [{ ...facts(error), message: error.message }, asked];
    }
  }
  const never = (_, { signal }) => new Promise((_, no) => signal.addEventListener("abort", () => no(signal.reason)));
  const slow = new Vitrine("http://shop", { fetch: never, timeout: 1 }).status();
  done.slow = await slow.catch((error) => error.message);
  const stopper = new AbortController();
  const wait = async () => (setTimeout(() => stopper.abort(new Error("the shopper left"))), busy(503, "9"));
  const waiting = new Vitrine("http://shop", { fetch: wait }).status({ signal: stopper.signal });
  done.leftWhileWaiting = await waiting.catch((error) => error.message);
  return done;
}
