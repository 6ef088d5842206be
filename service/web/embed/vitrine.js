// The start of the script that a shop puts into its own pages; see docs/embed.md.

import { consent, decide, forget, note } from "./consent.js";
import { ForYou, Similar } from "./rows.js";
import { Search } from "./search.js";

for (const [name, component] of Object.entries({
  "vitrine-search": Search,
  "vitrine-similar": Similar,
  "vitrine-for-you": ForYou,
}))
  if (!customElements.get(name)) customElements.define(name, component);

/**
 * For the shop's own scripts. `consent()` returns the shopper's choice, and `consent(true)` or
 * `consent(false)` stores it; `note(item_id, type)` remembers an event, such as "cart"; `forget()`
 * deletes everything.
 */
window.Vitrine ??= {
  consent: (agreed) => (agreed === undefined ? consent() : decide(Boolean(agreed))),
  note,
  forget,
};
