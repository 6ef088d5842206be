// The generations of the index: what serves, what can serve, and how two compare.

import { make } from "../dom.js";
import { bytes, count, estimate, time } from "./format.js";
import { act, confirmed, failure, heading, missing, part, say, table } from "./parts.js";
import { ask, find, post } from "./session.js";

export const title = "Generations";

const KINDS = { current: "good", damaged: "wrong" };

export async function draw(main, redraw) {
  const [{ generations }, report] = await Promise.all([ask("v1/generations"), find("v1/reports/compare")]);
  const note = make("div", { role: "status" });

  const change = async (question, yes, path) => {
    if (!(await confirmed(question, yes))) return;
    try {
      const { generation } = await post(path);
      await redraw();
      say(`Generation ${generation} serves now. The service changes to it within a second.`);
    } catch (problem) {
      note.replaceChildren(failure(problem));
    }
  };

  const actions = (info) =>
    info.state === "current" || info.state === "damaged"
      ? ""
      : act("Promote", () => change(`Serve generation ${info.name}?`, "Promote", `v1/generations/${encodeURIComponent(info.name)}/promote`), "secondary small", { "aria-label": `Promote ${info.name}` });
  const canGoBack = generations.some(({ state, served }) => state === "kept" && served);
  main.replaceChildren(
    heading(title, "A candidate was built and checked, but has not served yet. Promoting and rolling back are instant, and keep all writes."),
    make(
      "div",
      { class: "acts" },
      act("Roll back", () => change("Serve the generation that served before?", "Roll back", "v1/rollback"), "secondary danger", { disabled: !canGoBack }),
      canGoBack ? null : missing("There is no earlier generation to go back to."),
    ),
    note,
    table(
      "Generations, newest first",
      [{ title: "Name" }, { title: "State" }, { title: "Built" }, { title: "Encoder" }, { title: "Recipe" }, { title: "Items", number: true }, { title: "Pictures", number: true }, { title: "Size", number: true }, { title: "Action" }],
      generations.map((info) => [
        info.name,
        make("span", { class: `state ${KINDS[info.state] ?? ""}`, text: info.state, title: info.problem || null }),
        info.created ? time(info.created) : info.problem,
        info.encoder,
        info.recipe,
        count(info.items),
        count(info.rows),
        bytes(info.bytes),
        actions(info),
      ]),
    ),
    part("The last comparison", ...comparison(report)),
  );
}

function comparison(stored) {
  if (stored === null)
    return [missing("Nothing has been compared yet. Run 'vitrine compare', or start a comparison under Builds.")];
  const { report, at } = stored;
  const { first, second } = report;
  const names = Object.keys(first.figures ?? {});
  return [
    make("p", { class: "lead", text: `${time(at)}: ${count(report.queries)} ${names.length > 0 ? "photos with known answers" : "items of the shop"}, ${count(report.skipped.length)} skipped.` }),
    table(
      "The last comparison of two generations",
      [{ title: "Figure" }, { title: `${first.generation} (${first.encoder})`, number: true }, { title: `${second.generation} (${second.encoder})`, number: true }, { title: "Gain", number: true }],
      [
        ...names.map((name) => [name, estimate(first.figures[name]), estimate(second.figures[name]), report.gain[name] ? estimate(report.gain[name]) : ""]),
        ["p50 of a photo", `${first.p50_ms} ms`, `${second.p50_ms} ms`, ""],
        ["p95 of a photo", `${first.p95_ms} ms`, `${second.p95_ms} ms`, ""],
        ["same first hit", "", estimate(report.same_first), ""],
        ["same of the first ten", "", estimate(report.overlap), ""],
      ],
    ),
  ];
}
