// What a catalog would change, from the report of a dry run, and what a task did.

import { make } from "../dom.js";
import { count } from "./format.js";
import { missing, part, table, tile, tiles } from "./parts.js";

const SHOWN = 100; // rows of a table

const FIELDS = {
  product_id: "product",
  in_stock: "in stock",
  images: "pictures",
  url: "link",
};
const NAMES = {
  generation: "Generation",
  published: "Serves",
  items: "Items",
  products: "Products",
  rows: "Pictures searched",
  added: "Items added",
  changed: "Items changed",
  unchanged: "Items unchanged",
  removed: "Items removed",
  encoded: "Pictures encoded",
  reused: "Pictures known already",
  to_encode: "Pictures to encode",
  encoder: "Encoder",
  recipe: "Recipe",
  promise: "Recall",
  bytes: "Bytes",
  name: "Name",
  path: "File",
  seconds: "Seconds",
};

const field = (name) => FIELDS[name] ?? name.replace(/^attributes\./, "");

/** Return whether the summary of a task is that of a dry run. */
export const isPreview = (fields) => fields.to_encode !== undefined;

/** Draw what a catalog would change. */
export function drawn({ items, added, changed, values, removed, kept, skipped, unchanged, to_encode: toEncode, stops }) {
  const changes = added.length + changed.length + removed.length;
  return [
    stops
      ? make("p", { class: "bad", text: `The build would stop: it would remove ${count(removed.length)} of ${count(items)} items. Check that the catalog is whole. 'vitrine index --accept' removes them.` })
      : null,
    tiles(
      tile("Added", count(added.length)),
      tile("Changed", count(changed.length)),
      tile("Removed", count(removed.length), removed.length > 0 ? `of ${count(items)}` : ""),
      tile("Unchanged", count(unchanged + kept.length), kept.length > 0 ? `${count(kept.length)} of them cannot be read` : ""),
      tile("Left out", count(skipped.length), "rows, pictures and fields"),
      tile("Pictures to encode", count(toEncode)),
    ),
    changes === 0 ? missing("The catalog changes nothing.") : null,
    ...(changed.length > 0 ? fields(changed, values) : []),
    ...listed("Added", added),
    ...listed("Removed", removed),
    ...(skipped.length > 0
      ? [part("Left out", table("What would be left out", [{ title: "Where" }, { title: "Item" }, { title: "Reason" }], skipped.slice(0, SHOWN).map(({ where, item_id: id, image, reason }) => [where || image || "", id || "", reason])), rest(skipped.length))]
      : []),
  ];
}

function fields(changed, values) {
  const counts = new Map();
  for (const change of changed) for (const name of change.fields) counts.set(name, (counts.get(name) ?? 0) + 1);
  const most = [...counts].sort(([, a], [, b]) => b - a);
  return [
    part(
      "Changed",
      make("p", { class: "lead", text: most.map(([name, number]) => `${field(name)} (${count(number)})`).join(", ") }),
      table(
        "What would change",
        [{ title: "Item" }, { title: "Field" }, { title: "Now" }, { title: "Then" }],
        values.slice(0, SHOWN).map(({ item_id: id, title, field: name, before, after }) => [
          make("span", { class: "two-lines" }, make("strong", { text: title || id }), title ? make("span", { class: "soft", text: id }) : null),
          field(name),
          before === "" ? make("span", { class: "soft", text: "empty" }) : make("del", { text: before }),
          after === "" ? make("span", { class: "soft", text: "empty" }) : make("ins", { text: after }),
        ]),
      ),
      rest([...counts.values()].reduce((sum, number) => sum + number, 0)),
    ),
  ];
}

const listed = (title, ids) =>
  ids.length === 0 ? [] : [part(title, make("p", { class: "ids", text: ids.slice(0, SHOWN).join(", ") }), rest(ids.length))];

const rest = (number) => (number > SHOWN ? missing(`and ${count(number - SHOWN)} more. 'vitrine index --dry-run --json' lists all.`) : null);

/** Draw the numbers and names of a task's report. */
export function summary(fields) {
  const given = Object.entries(fields).filter(([, value]) => value !== null && value !== "");
  return make(
    "dl",
    { class: "summary" },
    ...given.flatMap(([name, value]) => [
      make("dt", { text: NAMES[name] ?? name.replaceAll("_", " ") }),
      make("dd", { text: typeof value === "number" ? count(value) : value === true ? "yes" : value === false ? "no" : String(value) }),
    ]),
  );
}
