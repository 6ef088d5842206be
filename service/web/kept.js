// What this browser keeps for the shopper: saved products, and recent searches. The shop never sees it.

import { store, storedList } from "./storage.js";

const SAVED = "vitrine.saved";
const RECENT = "vitrine.recent";
const MOST_SAVED = 100;
const MOST_RECENT = 8;
const MOST_COMPARED = 4;

const listeners = new Set();

/** Store a list, and call the listeners. */
function keep(name, list) {
  store(name, list.length > 0 ? JSON.stringify(list) : null);
  for (const listener of listeners) listener();
}

/** Return the saved products, the newest first: [{id, compared}]. */
export const saved = () => storedList(SAVED).filter((entry) => typeof entry?.id === "string");

export const isSaved = (id) => saved().some((entry) => entry.id === id);

/** Save a product, or remove it; return true if it is saved now. */
export function toggleSaved(id) {
  const others = saved().filter((entry) => entry.id !== id);
  const had = isSaved(id);
  keep(SAVED, had ? others : [{ id, compared: false }, ...others].slice(0, MOST_SAVED));
  return !had;
}

/** Choose a product for comparing, which saves it. Beyond four, the one saved first is left out. */
export function compare(id, compared) {
  if (!isSaved(id)) toggleSaved(id);
  const chosen = saved().filter((entry) => entry.compared && entry.id !== id);
  const leftOut = compared && chosen.length >= MOST_COMPARED ? chosen.at(-1).id : null;
  keep(
    SAVED,
    saved().map((entry) =>
      entry.id === id ? { id, compared } : entry.id === leftOut ? { id: leftOut, compared: false } : entry,
    ),
  );
}

/** Return the words searched for, the newest first. */
export const recent = () => storedList(RECENT).filter((words) => typeof words === "string");

/** Remember the words of a search. */
export function noteWords(words) {
  if (words) keep(RECENT, [words, ...recent().filter((other) => other !== words)].slice(0, MOST_RECENT));
}

/** Delete all of it. */
export function forgetKept() {
  keep(SAVED, []);
  keep(RECENT, []);
}

/** Call `listener` after each change, also of another tab. */
export function onKept(listener) {
  listeners.add(listener);
  window.addEventListener("storage", ({ key }) => {
    if (key === SAVED || key === RECENT) listener();
  });
}
