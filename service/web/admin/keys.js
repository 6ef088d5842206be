// The keys of the shop: list, make, rotate and remove.

import { make } from "../dom.js";
import { MISSING, time } from "./format.js";
import { act, confirmed, failure, heading, part, say, table } from "./parts.js";
import { ask, post } from "./session.js";

export const title = "Keys";

export async function draw(main, redraw) {
  const [{ keys }, own] = await Promise.all([ask("v1/keys"), ask("v1/key")]);
  const note = make("div", { role: "status" });

  const shown = async (change) => {
    try {
      const made = await change();
      await redraw();
      main.querySelector("h1").parentElement.after(token(made));
      say(`A new key for ${made.name} was made. Copy it now.`);
    } catch (problem) {
      note.replaceChildren(failure(problem));
    }
  };
  const rotate = async (name) => {
    if (!(await confirmed(`Make a second key for ${name}? The old one is valid for 24 more hours.`, "Rotate"))) return;
    await shown(() => post(`v1/keys/${encodeURIComponent(name)}/rotate`, {}));
  };
  const remove = async (name) => {
    if (!(await confirmed(`Remove all keys of ${name}? They are refused at once.`, "Remove"))) return;
    try {
      await ask(`v1/keys/${encodeURIComponent(name)}`, { method: "DELETE" });
      await redraw();
      say(`The keys of ${name} are removed.`);
    } catch (problem) {
      note.replaceChildren(failure(problem));
    }
  };

  main.replaceChildren(
    heading(title, `A key is shown once, when it is made. You use the key ${own.name}.`),
    note,
    table(
      "Keys, oldest first",
      [{ title: "Name" }, { title: "Scope" }, { title: "Made" }, { title: "Expires" }, { title: "Searches a second", number: true }, { title: "Actions" }],
      keys.map((key) => [
        key.name,
        key.scope,
        time(key.created),
        key.expires ? `${time(key.expires)}${key.valid ? "" : " (expired)"}` : "never",
        key.searches_per_s === null ? "as the service" : String(key.searches_per_s),
        make(
          "div",
          { class: "acts" },
          act("Rotate", () => rotate(key.name), "secondary small", { "aria-label": `Rotate ${key.name}` }),
          key.name === own.name ? null : act("Remove", () => remove(key.name), "secondary small danger", { "aria-label": `Remove ${key.name}` }),
        ),
      ]),
    ),
    part("Make a key", form((body) => shown(() => post("v1/keys", body)))),
  );
}

const token = ({ name, key }) =>
  make(
    "div",
    { class: "token", role: "group", "aria-label": `The new key of ${name}` },
    make("p", { text: `The key of ${name}. It is not shown again.` }),
    make("pre", { tabindex: "0" }, make("code", { text: key ?? MISSING })),
    make("div", { class: "acts" }, act("Copy", () => copy(key))),
  );

async function copy(key) {
  try {
    await navigator.clipboard.writeText(key);
    say("The key is copied.");
  } catch {
    say("The browser does not allow copying. Select the key, and copy it by hand.");
  }
}

function form(onSubmit) {
  const name = make("input", { name: "name", required: true, pattern: "[A-Za-z0-9][A-Za-z0-9._\\-]{0,63}", autocomplete: "off" });
  const scope = make("select", { name: "scope" }, ...["read", "write", "admin"].map((value) => make("option", { value, text: value })));
  const days = make("input", { name: "days", type: "number", min: "1", step: "1", placeholder: "never" });
  return make(
    "form",
    {
      class: "acts",
      on: {
        submit: (event) => {
          event.preventDefault();
          onSubmit({ name: name.value, scope: scope.value, expires_days: days.value ? Number(days.value) : null });
        },
      },
    },
    make("label", {}, "Name", name),
    make("label", {}, "Scope", scope),
    make("label", {}, "Days until it expires", days),
    make("button", { class: "primary", type: "submit", text: "Make the key" }),
  );
}
