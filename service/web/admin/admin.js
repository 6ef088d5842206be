// The start of the operator's page: the key, the sections, and what is refreshed.

import { byId, make } from "../dom.js";
import { startTheme } from "../themes.js";
import * as audit from "./audit.js";
import * as generations from "./generations.js";
import * as jobs from "./jobs.js";
import * as keys from "./keys.js";
import { Overview, every as overviewEvery } from "./overview.js";
import { failure, heading, missing } from "./parts.js";
import * as pictures from "./pictures.js";
import { ask, forgetKey, key, setKey } from "./session.js";
import { models, settings, storage } from "./shop.js";
import * as texts from "./texts.js";

const overview = new Overview();
const main = byId("main");
const SECTIONS = {
  overview: { title: "Overview", draw: () => overview.draw(main) },
  builds: { title: jobs.title, draw: () => jobs.draw(main) },
  generations: { title: generations.title, draw: () => generations.draw(main, show) },
  pictures: { title: pictures.title, draw: () => pictures.draw(main) },
  audit: { title: audit.title, draw: () => audit.draw(main) },
  texts: { title: texts.title, draw: () => texts.draw(main) },
  models: { title: models.title, draw: () => models.draw(main) },
  storage: { title: storage.title, draw: () => storage.draw(main) },
  keys: { title: keys.title, draw: () => keys.draw(main, show) },
  settings: { title: settings.title, draw: () => settings.draw(main) },
};

const current = () => (Object.hasOwn(SECTIONS, location.hash.slice(1)) ? location.hash.slice(1) : "overview");
let timers = [];

/** Draw the section that the address names. */
async function show() {
  const name = current();
  const { title, draw } = SECTIONS[name];
  document.title = `${title} - Vitrine`;
  for (const link of byId("nav").querySelectorAll("a")) {
    link.removeAttribute("aria-current");
    if (link.hash !== `#${name}`) continue;
    link.setAttribute("aria-current", "page");
    link.scrollIntoView({ block: "nearest", inline: "nearest" }); // on a phone, the row is wider than the screen
  }
  main.setAttribute("aria-busy", "true");
  try {
    await draw();
  } catch (problem) {
    if (!(await refused(problem)) && name === current()) main.replaceChildren(heading(title), failure(problem));
  } finally {
    main.removeAttribute("aria-busy");
  }
}

/** Ask for the key again if the problem is that it was refused; return whether it was. */
async function refused(problem) {
  if (problem.status !== 401 && problem.status !== 403) return false;
  signOut(problem.message);
  return true;
}

function signOut(reason = "") {
  for (const timer of timers) clearInterval(timer);
  timers = [];
  forgetKey();
  main.replaceChildren();
  byId("frame").hidden = true;
  byId("sign-out").hidden = true;
  byId("door").hidden = false;
  byId("key-problem").textContent = reason;
  byId("key-problem").hidden = reason === "";
  byId("key").focus();
}

/** Open the page with the key of this tab. */
async function open() {
  try {
    const { scope } = await ask("v1/key");
    if (scope !== "admin") {
      signOut(`This key has the scope ${scope}; the page needs admin.`);
      return;
    }
  } catch (problem) {
    signOut(problem.message);
    return;
  }
  byId("door").hidden = true;
  byId("frame").hidden = false;
  byId("sign-out").hidden = false;
  main.replaceChildren(missing("Loading"));
  repeat(() => overview.refresh(), overviewEvery);
  repeat(() => jobs.refresh(main), jobs.every);
  overview.refresh().catch(refused);
  await show();
}

/** Repeat some work while the page is visible. */
function repeat(work, pause) {
  let busy = false;
  timers.push(
    setInterval(async () => {
      if (busy || document.hidden) return;
      busy = true;
      try {
        await work();
      } catch (problem) {
        await refused(problem); // other problems are shown where they belong
      } finally {
        busy = false;
      }
    }, pause),
  );
}

byId("nav").append(
  ...Object.entries(SECTIONS).map(([name, { title }]) => make("li", {}, make("a", { href: `#${name}`, text: title }))),
);
byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  setKey(byId("key").value.trim());
  byId("key").value = "";
  open();
});
byId("sign-out").addEventListener("click", () => signOut());
window.addEventListener("hashchange", async () => {
  if (!key()) return;
  await show();
  main.focus({ preventScroll: true });
  window.scrollTo(0, 0);
});
startTheme(byId("theme"));
if (key()) open();
else signOut();
