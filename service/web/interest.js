// What the shopper did on this page. Only this browser keeps it, and only if the shopper agreed.

import { store, stored, storedList } from "./storage.js";

const CONSENT = "vitrine.foryou";
const EVENTS = "vitrine.events";
const MOST = 100;

const listeners = new Set();

/** Return "yes", "no", or "" if the shopper has not been asked. */
export const consent = () => stored(CONSENT) ?? "";

/** Remember the shopper's choice; without consent, what was remembered is deleted. */
export function decide(agreed) {
  store(CONSENT, agreed ? "yes" : "no");
  if (!agreed) store(EVENTS, null);
  changed();
}

/** Forget a refusal, so that the shopper is asked again. */
export function reconsider() {
  store(CONSENT, null);
  changed();
}

/** Return the events so far, the oldest first. */
export function events() {
  return consent() === "yes" ? storedList(EVENTS).slice(-MOST) : [];
}

/** Return the time in seconds since 1970. */
export const now = () => Date.now() / 1000;

/**
 * Add an event, such as ("mug-1", "click"). `rendition` is the style of the picture if the shopper
 * chose it. Does nothing without consent.
 */
export function note(item, type, { rendition = "", time = now() } = {}) {
  if (consent() !== "yes") return;
  const event = { item_id: item, type, time };
  if (rendition) event.rendition = rendition;
  if (type === "rating") event.value = 5;
  store(EVENTS, JSON.stringify([...events(), event].slice(-MOST)));
  changed();
}

/** Delete the newest event. */
export function undo() {
  store(EVENTS, JSON.stringify(events().slice(0, -1)));
  changed();
}

/** Delete all events; the consent stays. */
export function forget() {
  store(EVENTS, null);
  changed();
}

/** Call `listener` after each change. */
export const onChange = (listener) => listeners.add(listener);

function changed() {
  for (const listener of listeners) listener();
}
