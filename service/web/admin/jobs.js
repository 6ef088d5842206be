// Builds and other long tasks, with their progress.

import { make } from "../dom.js";
import { drawn as drawnChanges, isPreview, summary } from "./changes.js";
import { count, time } from "./format.js";
import { act, failure, heading, missing, part, say } from "./parts.js";
import { ask, find, post } from "./session.js";

export const title = "Builds";
export const every = 2000;

const ACTIVE = ["running", "canceling"];
const KINDS = { succeeded: "good", failed: "wrong", interrupted: "wrong" };
const NAMES = {
  build: "Build",
  rebuild: "Rebuild of the index",
  snapshot: "Snapshot",
  migration: "Migration",
  migration_plan: "Plan of a migration",
  migration_stop: "End of a migration",
  comparison: "Comparison",
  audit: "Audit",
  style_indexing: "Indexing in styles",
  style_removal: "Removal of styles",
};

const states = new Map(); // id -> state, to announce what ends
const reports = new Map(); // id -> the report of a dry run, which does not change
let offered = true; // whether this service starts tasks over HTTP

export async function draw(main) {
  const list = make("div", { class: "jobs" });
  const note = make("div", { class: "job-note", role: "status" });
  const start = async (path, body) => {
    try {
      const job = await post(path, body);
      note.replaceChildren();
      say(`${NAMES[job.kind] ?? job.kind} started.`);
      await refresh(main);
    } catch (problem) {
      note.replaceChildren(failure(problem));
    }
  };
  main.replaceChildren(
    heading(title, "One long task runs at a time, in a process of its own with a lower priority. The shop serves meanwhile."),
    part("Start", ...(await starters(start)).map((acts) => make("div", { class: "acts" }, ...acts)), note),
    part("Tasks", list),
  );
  await refresh(main);
}

/** Return two rows of actions: those for a catalog, and the others. */
async function starters(start) {
  const simple = [
    act("Rebuild the index", () => start("v1/rebuilds")),
    act("Take a snapshot", () => start("v1/snapshots", {})),
    act("Audit the items", () => start("v1/audits")),
    act("Compare with the newest candidate", () => start("v1/comparisons", {})),
  ];
  try {
    const { catalogs } = await ask("v1/catalogs");
    if (catalogs.length === 0) return [[missing("The folder of VITRINE_CATALOGS has no catalogs to build.")], simple];
    const chosen = make("select", {}, ...catalogs.map(({ name }) => make("option", { value: name, text: name })));
    const build = [
      make("label", {}, "Catalog", chosen),
      act("Build it", () => start("v1/builds", { catalog: chosen.value }), "primary small"),
      act("Only show what would change", () => start("v1/builds", { catalog: chosen.value, dry_run: true })),
    ];
    return [build, simple];
  } catch (problem) {
    offered = problem.status !== 404;
    return offered ? [[missing(problem.message)], simple] : [[missing("This service does not start tasks over HTTP.")]];
  }
}

/** Ask for the tasks and draw them. */
export async function refresh(main) {
  const list = main.querySelector(".jobs");
  if (!list || !offered) return;
  const found = await find("v1/jobs");
  offered = found !== null;
  if (!list.isConnected) return;
  const jobs = found?.jobs ?? [];
  for (const { id, kind, state } of jobs) {
    if (ACTIVE.includes(states.get(id)) && !ACTIVE.includes(state)) say(`${NAMES[kind] ?? kind} ${state}.`);
    states.set(id, state);
  }
  const focused = document.activeElement?.dataset.job;
  const cards = new Map([...list.children].map((card) => [card.dataset.id, card]));
  // What did not change stays as it is: scrolled, focused, opened.
  const next = jobs.map((job) => {
    const known = cards.get(job.id);
    const state = JSON.stringify(job);
    if (known?.dataset.state === state) return known;
    const card = drawn(job, main, known?.querySelector("details")?.open ?? false);
    Object.assign(card.dataset, { id: job.id, state });
    return card;
  });
  if (next.length === 0) list.replaceChildren(missing("Nothing has been started over HTTP yet."));
  else if (next.some((card, at) => card !== list.children[at]) || next.length !== list.children.length) list.replaceChildren(...next);
  if (focused && document.activeElement?.dataset.job !== focused) list.querySelector(`[data-job="${CSS.escape(focused)}"]`)?.focus();
}

function drawn(job, main, open) {
  const active = ACTIVE.includes(job.state);
  const { progress } = job;
  const name = `${NAMES[job.kind] ?? job.kind}${job.subject ? ` of ${job.subject}` : ""}`;
  const cancel = async () => {
    const note = main.querySelector(".job-note");
    try {
      await post(`v1/jobs/${job.id}/cancel`);
      note?.replaceChildren();
    } catch (problem) {
      note?.replaceChildren(failure(problem));
    }
    await refresh(main);
  };
  return make(
    "article",
    { class: "job", "aria-label": name },
    make(
      "div",
      { class: "job-head" },
      make("strong", { text: name }),
      make("span", { class: `state ${KINDS[job.state] ?? ""}`, text: job.state }),
      make("span", { class: "soft", text: `${time(job.created_at)}${job.ended_at ? ` to ${time(job.ended_at)}` : ""}, by ${job.started_by}` }),
      active ? act("Cancel", cancel, "secondary small danger", { "data-job": job.id, "aria-label": `Cancel ${name}` }) : null,
    ),
    active && progress
      ? make(
          "label",
          {},
          `${progress.stage}: ${count(progress.done)} of ${count(progress.total)}${progress.skipped ? `, ${count(progress.skipped)} skipped` : ""}`,
          make("progress", { value: String(progress.done), max: String(Math.max(progress.total, 1)) }),
        )
      : null,
    active && !progress ? missing("It has not reported any progress yet.") : null,
    job.problem ? make("p", { class: "bad", text: job.problem.detail }) : null,
    job.summary?.published
      ? make("p", { class: "soft", text: "Canary passed: rows, vectors, scores and recall were checked before it served." })
      : null,
    job.summary ? report(job, open) : null,
  );
}

/** Make the report of a task. What a catalog would change is fetched when it is opened. */
function report(job, open) {
  const shows = isPreview(job.summary);
  const box = make("div", { class: "report" }, shows ? missing("Loading") : summary(job.summary));
  const details = make("details", { open }, make("summary", { text: shows ? "What would change" : "Report" }), box);
  if (!shows) return details;
  const show = async () => {
    if (!details.open) return;
    try {
      if (!reports.has(job.id)) reports.set(job.id, await ask(`v1/jobs/${job.id}/report`));
      box.replaceChildren(...drawnChanges(reports.get(job.id)).filter(Boolean));
    } catch (problem) {
      box.replaceChildren(failure(problem));
    }
  };
  details.addEventListener("toggle", show);
  return details;
}
