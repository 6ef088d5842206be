// What the shopper did. Only this browser keeps it, and only if the shopper agreed.

const CONSENT = "vitrine.consent";
const EVENTS = "vitrine.embed.events";
const MOST = 100;
const REPEATED_MS = 60_000; // the same event within this time is the same visit

const listeners = new Set();

function stored(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // storage is blocked: then nothing is remembered
  }
}

function store(name, value) {
  try {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, value);
  } catch {
    // as above
  }
}

/** Return true or false as the shopper chose, or null before that. */
export function consent() {
  return { yes: true, no: false }[stored(CONSENT)] ?? null;
}

/** Remember the shopper's choice; without consent, what was remembered is deleted. */
export function decide(agreed) {
  store(CONSENT, agreed ? "yes" : "no");
  if (!agreed) store(EVENTS, null);
  changed();
}

/** Delete what was remembered, and the choice. */
export function forget() {
  store(CONSENT, null);
  store(EVENTS, null);
  changed();
}

/** Return the events so far, oldest first; [] without consent. */
export function events() {
  if (!consent()) return [];
  try {
    const found = JSON.parse(stored(EVENTS) ?? "[]");
    return Array.isArray(found) ? found.slice(-MOST) : [];
  } catch {
    return [];
  }
}

/**
 * Remember an event, such as ("mug-1", "click"), and dispatch it on the document as `vitrine-event`,
 * so that the page can send it to its own server. Does nothing without consent.
 */
export function note(item, type) {
  if (!consent() || !item) return;
  const event = { item_id: item, type, time: Date.now() / 1000 };
  const before = events();
  const same = before.findLast((other) => other.item_id === item && other.type === type);
  if (same && (event.time - same.time) * 1000 < REPEATED_MS) return;
  store(EVENTS, JSON.stringify([...before, event].slice(-MOST)));
  document.dispatchEvent(new CustomEvent("vitrine-event", { detail: event }));
  changed();
}

/** Call `listener` after each change; return a function that ends this. */
export function onChange(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function changed() {
  for (const listener of listeners) listener();
}
