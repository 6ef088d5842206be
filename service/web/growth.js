// How many items are indexed, while a shop is filled for the first time.

import { status } from "./api.js";
import { byId } from "./dom.js";
import { plannedItems, t } from "./texts.js";

const PAUSE_MS = 2000;

/** Show the number of items, and how many are planned, until that many are indexed. */
export async function showGrowth() {
  const line = byId("growth");
  for (;;) {
    let now = null; // a status that fails is asked for again
    try {
      now = await status();
    } catch {}
    if (now) {
      const { items: count, products } = now;
      byId("foot-products").textContent = t("foot.products", { count: products });
      if (count >= plannedItems) break;
      line.textContent = t("hero.growth", { count, total: plannedItems });
      line.hidden = false;
    }
    await new Promise((go) => setTimeout(go, PAUSE_MS));
  }
  line.hidden = true;
}
