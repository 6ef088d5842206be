// What texts of items say and lack: suggestions, drafts, and texts that contradict the pictures.

import { make } from "../dom.js";
import { drawn } from "./audit.js";
import { drafts } from "./drafts.js";
import { heading, missing, part } from "./parts.js";
import { find } from "./session.js";
import { suggestions } from "./suggestions.js";

export const title = "Texts";

const KINDS = ["title", "color", "pattern", "category"];
const SHOWN = 20; // contradictions

export async function draw(main) {
  const [suggested, drafted, stored] = await Promise.all([suggestions(), drafts(), find("v1/reports/audit")]);
  main.replaceChildren(
    heading(title, "What was read from the texts of items, what can be written, and what contradicts the pictures."),
    suggested,
    drafted,
    part("Texts that contradict their pictures", ...contradictions(stored?.report)),
  );
}

function contradictions(report) {
  if (!report) return [missing("The shop has not been audited yet. Start an audit under Builds.")];
  const found = report.findings.filter(({ kind }) => KINDS.includes(kind)).sort((a, b) => b.confidence - a.confidence);
  if (found.length === 0) return [missing("The last audit found none.")];
  return [
    ...found.slice(0, SHOWN).map(drawn),
    make("p", { class: "soft" }, make("a", { href: "#audit", text: "All findings of the last audit" })),
  ];
}
