// Drafts of descriptions: made from an item's own fields, checked, and stored nowhere.

import { make } from "../dom.js";
import { act, failure, part, say, thumb } from "./parts.js";
import { ask, post } from "./session.js";

const OFFERED = 100; // ids that are offered while one is typed

/** Return the part that drafts a text of one item. */
export async function drafts() {
  const { items } = await ask(`v1/items?limit=${OFFERED}`);
  const names = make("datalist", { id: "draft-items" }, ...items.map((one) => make("option", { value: one.item_id, text: one.title })));
  const item = make("input", { required: true, autocomplete: "off", list: "draft-items", value: items[0]?.item_id });
  const language = select({ en: "English", zh: "Chinese" });
  const tone = select({ plain: "Plain", friendly: "Friendly", short: "Short" });
  const place = make("div", { role: "status" });
  let seed = 0;

  const write = async () => {
    try {
      const [draft, fields] = await Promise.all([
        post(`v1/items/${encodeURIComponent(item.value.trim())}/draft`, { language: language.value, tone: tone.value, seed }),
        ask(`v1/items/${encodeURIComponent(item.value.trim())}`),
      ]);
      place.replaceChildren(shown(draft, fields, () => ((seed += 1), write())));
    } catch (problem) {
      place.replaceChildren(failure(problem));
    }
  };

  return part(
    "Drafts of descriptions",
    make("p", {
      class: "lead",
      text: "A draft says only what the fields of the item say, and a checker reads it. It is stored nowhere: read it, and copy it into your shop program.",
    }),
    make(
      "form",
      {
        class: "acts",
        on: {
          submit: (event) => {
            event.preventDefault();
            seed = 0;
            write();
          },
        },
      },
      make("label", {}, "Item number", item, names),
      make("label", {}, "Language", language),
      make("label", {}, "Tone", tone),
      make("button", { class: "primary", type: "submit", text: "Draft a text" }),
    ),
    place,
  );
}

const select = (options) => make("select", {}, ...Object.entries(options).map(([value, text]) => make("option", { value, text })));

function shown(draft, item, another) {
  const { text, language, sentences, facts } = draft;
  return make(
    "article",
    { class: "draft", "aria-label": `Draft for ${item.title || item.item_id}` },
    make("div", { class: "thumbs" }, thumb(item.item_id)),
    make(
      "div",
      {},
      make("p", {}, make("span", { class: "state", text: "Draft, not published" }), ` ${item.title || item.item_id}`),
      make("p", { class: "draft-text", lang: language, text: text || "The item has no facts to write about." }),
      text
        ? make(
            "details",
            {},
            make("summary", { text: "What each sentence is from" }),
            make(
              "ul",
              {},
              ...sentences.map((sentence) =>
                make("li", { lang: language }, sentence.text, make("div", { class: "soft", lang: "en", text: sentence.facts.map((at) => `${facts[at].field}: ${facts[at].text}`).join("; ") || "says nothing by itself" })),
              ),
            ),
          )
        : null,
      make("h3", { class: "soft", text: "The shop’s own text" }),
      make("p", { dir: "auto", class: "soft", text: item.description || "none" }),
      make("div", { class: "acts" }, text ? act("Copy", () => copy(text)) : null, text ? act("Another draft", another) : null),
    ),
  );
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say("The draft is copied.");
  } catch {
    say("The browser does not allow copying. Select the text, and copy it by hand.");
  }
}
