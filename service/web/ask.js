// A box for questions: what the shop says is quoted, and shown as text.

import { askShop } from "./api.js";
import { priceOf } from "./card.js";
import { icon, make } from "./dom.js";
import { nameOf, readable } from "./fields.js";
import { EMPTY, write } from "./question.js";
import { t } from "./texts.js";

/** Make a box for questions, about the item with this id, or about the shop if it is "". */
export function askBox(itemId = "") {
  const input = make("input", {
    type: "text", maxlength: "500", required: true, dir: "auto", autocomplete: "off",
    placeholder: t("ask.hint"), "aria-label": t("ask.label"), class: "field",
  });
  const found = make("div", { class: "ask-found", "aria-live": "polite" });
  let aborter = new AbortController();
  const send = async (event) => {
    event.preventDefault();
    aborter.abort();
    aborter = new AbortController();
    const { signal } = aborter;
    try {
      const reply = await askShop(input.value, itemId, signal);
      if (signal.aborted) return;
      found.replaceChildren(...shown(reply));
      found.scrollIntoView({ block: "nearest" });
    } catch {
      if (!signal.aborted) found.replaceChildren(make("p", { text: t("ask.failed") }));
    }
  };
  return make(
    "details",
    { class: "ask" },
    make("summary", {}, make("span", { text: t("ask.title") }), icon("more")),
    make(
      "form",
      { class: "ask-form", on: { submit: send } },
      input,
      make("button", { type: "submit", class: "secondary", text: t("ask.send") }),
    ),
    found,
  );
}

function shown(reply) {
  if (reply.kind === "unknown") {
    const asked = reply.contact ? make("p", { dir: "auto" }, `${t("ask.contact")} `, contact(reply.contact)) : "";
    return [make("p", { text: t("ask.unknown") }), asked];
  }
  const several = reply.items.length > 1; // the quotation is of the first item only
  const verdict = reply.holds === null ? "" : reply.holds ? t("ask.yes") : t("ask.no");
  return [
    verdict ? make("p", { text: verdict }) : "",
    reply.answer && !several ? make("blockquote", { dir: "auto", text: quoted(reply) }) : "",
    make("p", { class: "ask-source", text: t(`ask.${reply.kind}`) }),
    make("ul", { role: "list" }, ...reply.items.map(item)),
  ];
}

/** Return a quotation with the names of fields, prices and stock as the page writes them. */
function quoted({ answer, kind, source, items }) {
  const field = kind === "fact" ? source?.field : "";
  if (!field || field === "description") return answer;
  if (field === "in_stock") return t(answer === "in stock" ? "panel.stock" : "panel.sold");
  const values = answer.slice(answer.indexOf(": ") + 2).split("; ");
  if (field === "price" && values.length === 1) return priceOf(items[0]);
  return `${nameOf(field)}: ${values.map((value) => readable(field, value)).join(", ")}`;
}

/** Return the contact of the shop, as a link if it is an address of a page or of mail. */
function contact(words) {
  const mail = /^[^\s@/]+@[^\s@/]+$/.test(words);
  return mail || /^https?:\/\/\S+$/.test(words) ? make("a", { href: mail ? `mailto:${words}` : words, text: words }) : words;
}

const item = ({ item_id: id, title }) =>
  make("li", {}, make("a", { href: write(EMPTY, id), dir: "auto", text: title || id }));
