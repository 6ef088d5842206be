// What the last build left out, by reason, and pictures that may show no product.

import { make } from "../dom.js";
import { count, time } from "./format.js";
import { heading, missing, part, table, thumb } from "./parts.js";
import { find } from "./session.js";

export const title = "Pictures";

const SHOWN = 24; // of a reason

export async function draw(main) {
  const stored = await find("v1/reports/index");
  if (stored === null) {
    main.replaceChildren(
      heading(title, "What a build left out, and why."),
      missing("No build has been reported yet. The next 'vitrine index' stores its report here."),
    );
    return;
  }
  const { report, at } = stored;
  const reasons = grouped(report.skipped);
  main.replaceChildren(
    heading(title, `The last build, ${time(at)}: generation ${report.generation}, ${count(report.items)} items, ${count(report.skipped.length)} rows, pictures and fields to look at.`),
    report.skipped.length === 0
      ? missing("Nothing was skipped.")
      : table("Skipped, by reason", [{ title: "Reason" }, { title: "How many", number: true }], reasons.map(([reason, entries]) => [reason, count(entries.length)])),
    ...reasons.map(([reason, entries]) =>
      part(
        reason,
        make("ul", { class: "pictures", role: "list" }, ...entries.slice(0, SHOWN).map(skipped)),
        entries.length > SHOWN ? missing(`and ${count(entries.length - SHOWN)} more`) : null,
      ),
    ),
    part("Pictures that may show no product", ...suspects(report.suspects ?? [])),
  );
}

/** Group by reason, the most frequent first. Parts of a reason that differ from row to row are cut. */
function grouped(entries) {
  const groups = new Map();
  for (const entry of entries) {
    const reason = entry.reason.replace(/'[^']*'/g, "'...'").replace(/, got .*/, "");
    groups.set(reason, [...(groups.get(reason) ?? []), entry]);
  }
  return [...groups].sort(([, a], [, b]) => b.length - a.length);
}

const skipped = (entry) =>
  make(
    "li",
    {},
    entry.item_id ? thumb(entry.item_id) : null,
    make("strong", { text: entry.item_id || entry.where || "a row" }),
    make("div", { class: "soft", text: [entry.where, entry.image, entry.reason].filter(Boolean).join(": ") }),
  );

function suspects(found) {
  if (found.length === 0) return [missing("None was found.")];
  return [
    make(
      "ul",
      { class: "pictures", role: "list" },
      ...found.slice(0, SHOWN).map((suspect) =>
        make(
          "li",
          {},
          thumb(suspect.items[0] ?? ""),
          make("strong", { text: suspect.kind }),
          make("div", { class: "soft", text: `${suspect.image}, under ${count(suspect.products)} products` }),
        ),
      ),
    ),
  ];
}
