// What contradicts the catalog, from the last audit.

import { make } from "../dom.js";
import { count, share, time } from "./format.js";
import { heading, missing, part, thumb } from "./parts.js";
import { find } from "./session.js";

export const title = "Audit";

const SHOWN = 40; // findings of a kind
const PICTURES = 4; // of a finding
const KINDS = {
  category: "The category may be wrong",
  color: "The color may be wrong",
  pattern: "The pattern may be wrong",
  title: "The title may be wrong",
  nothing: "The picture shows nothing",
  "same-picture": "One picture of several products",
  "near-duplicate": "Two products that are nearly the same",
  "pictures-disagree": "A picture that does not fit its item",
};

export async function draw(main) {
  const stored = await find("v1/reports/audit");
  const lead = "Items whose pictures contradict the catalog, repeat each other, or show nothing. An audit changes nothing.";
  if (stored === null) {
    main.replaceChildren(heading(title, lead), missing("The shop has not been audited yet. Start an audit under Builds, or run 'vitrine audit'."));
    return;
  }
  const { report, at } = stored;
  const kinds = Object.keys(KINDS).filter((kind) => report.findings.some((finding) => finding.kind === kind));
  main.replaceChildren(
    heading(title, `${lead} The last one, ${time(at)}, looked at ${count(report.items)} items with ${count(report.pictures)} pictures.`),
    ...(report.findings.length === 0 ? [missing("Nothing was found.")] : []),
    ...report.notes.map(missing),
    ...kinds.map((kind) => {
      const found = report.findings.filter((finding) => finding.kind === kind);
      return part(
        `${KINDS[kind]} (${count(found.length)})`,
        ...found.slice(0, SHOWN).map(drawn),
        found.length > SHOWN ? missing(`and ${count(found.length - SHOWN)} more`) : null,
      );
    }),
  );
}

/** Draw a finding: its pictures, and what contradicts what. */
export const drawn = (finding) =>
  make(
    "article",
    { class: "finding" },
    make("div", { class: "thumbs" }, ...finding.pictures.slice(0, PICTURES).map(({ item_id: item, image_index: index }) => thumb(item, index))),
    make(
      "div",
      {},
      make("strong", { text: finding.items.slice(0, 3).join(", ") + (finding.items.length > 3 ? ` and ${finding.items.length - 3} more` : "") }),
      finding.given ? make("div", { text: `the catalog says ${finding.given}; the pictures show ${finding.suggested}` }) : null,
      make("div", { class: "soft", text: `${finding.reason}; ${share(finding.confidence, 0)} sure` }),
    ),
  );
