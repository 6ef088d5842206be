// What was read from texts and pictures: suggested attributes, to accept or refuse.

import { make } from "../dom.js";
import { count, share } from "./format.js";
import { act, failure, missing, part, say, thumb } from "./parts.js";
import { ask, post } from "./session.js";

const LISTED = 50;
const STATES = { open: "Undecided", accepted: "Accepted", refused: "Refused" };
const FIELDS = { title: "title", description: "description", pictures: "pictures", items: "other items of the kind" };

/** Return the part with the suggestions; it draws itself again after each decision. */
export async function suggestions() {
  const body = make("div", { class: "suggestions" });
  const note = make("div", { role: "status" });
  let attribute = "";
  let state = "open";

  /** `focus`: selectors of what gets the focus, the first that is there. */
  const draw = async ({ focus = [] } = {}) => {
    const query = new URLSearchParams({ state, limit: LISTED, ...(attribute ? { attribute } : {}) });
    const reply = await ask(`v1/suggestions?${query}`);
    if (reply.attributes.length === 0) {
      body.replaceChildren(missing("Nothing is suggested yet. Run 'vitrine enrich' on the server."));
      return;
    }
    const list = make("ul", { class: "decisions", role: "list" }, ...reply.suggestions.map(drawn));
    body.replaceChildren(choices(reply.attributes), ...(reply.suggestions.length > 0 ? [tools(list), list] : [missing("Nothing of this kind.")]));
    focus.map((selector) => body.querySelector(selector)).find(Boolean)?.focus();
  };
  const redraw = (options) => draw(options).catch((problem) => note.replaceChildren(failure(problem)));

  const choices = (attributes) => {
    const total = attributes.reduce((sum, one) => sum + one[state], 0);
    const option = (value, text) => make("option", { value, text, selected: value === attribute });
    const which = make(
      "select",
      { id: "suggested-attribute", on: { change: () => ((attribute = which.value), redraw({ focus: ["#suggested-attribute"] })) } },
      option("", `All (${count(total)})`),
      ...attributes.map((one) => option(one.attribute, `${one.attribute} (${count(one[state])})`)),
    );
    const how = make(
      "select",
      { id: "suggested-state", on: { change: () => ((state = how.value), redraw({ focus: ["#suggested-state"] })) } },
      ...Object.entries(STATES).map(([value, text]) => make("option", { value, text, selected: value === state })),
    );
    return make("div", { class: "acts" }, make("label", {}, "Attribute", which), make("label", {}, "State", how));
  };

  const chosen = (list) => [...list.querySelectorAll("input:checked")].map((box) => box.closest("li").decision);

  const tools = (list) => {
    const all = make("input", { type: "checkbox", id: "suggested-all" });
    const accept = act("Accept the chosen", () => decide(chosen(list), true), "primary small");
    const refuse = act("Refuse the chosen", () => decide(chosen(list), false));
    const update = () => {
      const boxes = [...list.querySelectorAll("input")];
      const number = boxes.filter(({ checked }) => checked).length;
      all.checked = number === boxes.length;
      all.indeterminate = number > 0 && number < boxes.length;
      accept.disabled = refuse.disabled = number === 0;
    };
    all.addEventListener("change", () => {
      for (const box of list.querySelectorAll("input")) box.checked = all.checked;
      update();
    });
    list.addEventListener("change", update);
    update();
    return make(
      "div",
      { class: "acts deciding" },
      make("label", { class: "check", for: "suggested-all" }, all, ` All ${count(list.children.length)} shown`),
      accept,
      refuse,
    );
  };

  const drawn = ({ item_id: item, title, suggestion, accepted, by }, at) => {
    const { attribute: name, value, confidence, source, note: doubt } = suggestion;
    const id = `suggested-${at}`;
    const entry = make(
      "li",
      { class: "decision" },
      make("input", { type: "checkbox", id }),
      thumb(item),
      make(
        "div",
        {},
        make("label", { for: id }, make("span", { class: "soft", text: `${name}: ` }), make("strong", { text: value })),
        make("div", { text: title || item, dir: "auto" }),
        make("div", { class: "soft", text: `from the ${FIELDS[source.field] ?? source.field}: “${source.text}”` }),
        doubt ? make("div", { class: "bad", text: doubt }) : null,
      ),
      make(
        "div",
        { class: "decision-end" },
        make("span", { class: "soft", text: `${share(confidence, 0)} sure${by ? `, ${accepted ? "accepted" : "refused"} by the ${by}` : ""}` }),
        make(
          "div",
          { class: "acts" },
          accepted ? null : act("Accept", () => decide([entry.decision], true, at), "secondary small", { "data-act": "true", "aria-label": `Accept ${name} ${value} for ${title || item}` }),
          by === "operator" && !accepted ? null : act("Refuse", () => decide([entry.decision], false, at), "secondary small", { "data-act": "false", "aria-label": `Refuse ${name} ${value} for ${title || item}` }),
        ),
      ),
    );
    entry.decision = { item_id: item, attribute: name, value };
    return entry;
  };

  /** Store decisions. `at` is the place of a single one: the focus goes on with the next entry there. */
  const decide = async (decisions, accepted, at = -1) => {
    note.replaceChildren();
    try {
      await post("v1/suggestions", { decisions: decisions.map((one) => ({ ...one, accepted })) });
    } catch (problem) {
      note.replaceChildren(failure(problem));
      return;
    }
    const what = decisions.length === 1 ? `${decisions[0].attribute} ${decisions[0].value} is` : `${count(decisions.length)} values are`;
    say(`${what} ${accepted ? "accepted" : "refused"}.`);
    const next = [`:nth-child(${at + 1})`, ":last-child"].map((place) => `.decision${place} [data-act="${accepted}"]`);
    await redraw({ focus: [...(at < 0 ? [] : next), "#suggested-attribute"] });
  };

  await draw();
  return part(
    "Suggested attributes",
    make("p", {
      class: "lead",
      text: "Read from texts and pictures by rules. Shoppers do not see them. An accepted value can be filtered by, as an estimate; what the shop wrote stays as it is.",
    }),
    note,
    body,
  );
}
