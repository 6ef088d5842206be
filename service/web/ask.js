// A box for questions: what the shop says is quoted, and shown as text.

import { askShop } from "./api.js";
import { make } from "./dom.js";

const WORDS = {
  en: {
    title: "Ask a question",
    label: "Your question",
    hint: "Does it come in green? How long is delivery?",
    send: "Ask",
    yes: "Yes.",
    no: "No.",
    faq: "From the answers of the shop",
    policy: "From the terms of the shop",
    fact: "From the catalog",
    review: "From a customer",
    search: "These items fit",
    unknown: "The shop has no answer to this yet.",
    contact: "Ask the shop:",
    failed: "The question could not be answered. Try again.",
  },
  zh: {
    title: "提问",
    label: "您的问题",
    hint: "有绿色的吗？多久能送到？",
    send: "提问",
    yes: "是。",
    no: "不是。",
    faq: "来自商店的常见问题",
    policy: "来自商店的条款",
    fact: "来自商品目录",
    review: "来自顾客评价",
    search: "符合的商品",
    unknown: "商店还没有这个问题的答案。",
    contact: "请联系商店：",
    failed: "无法回答，请重试。",
  },
};

const words = () => WORDS[document.documentElement.lang.startsWith("zh") ? "zh" : "en"];

/** Make a box for questions, about the item with this id, or about the shop if it is "". */
export function askBox(itemId = "") {
  const text = words();
  const input = make("input", {
    type: "text", maxlength: "500", required: true, dir: "auto", autocomplete: "off",
    placeholder: text.hint, "aria-label": text.label, class: "field",
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
      if (!signal.aborted) found.replaceChildren(...shown(reply, text));
    } catch {
      if (!signal.aborted) found.replaceChildren(make("p", { text: text.failed }));
    }
  };
  return make(
    "details",
    { class: "ask" },
    make("summary", { text: text.title }),
    make(
      "form",
      { class: "ask-form", on: { submit: send } },
      input,
      make("button", { type: "submit", class: "secondary", text: text.send }),
    ),
    found,
  );
}

function shown(reply, text) {
  if (reply.kind === "unknown") {
    const contact = reply.contact ? `${text.contact} ${reply.contact}` : "";
    return [make("p", { text: text.unknown }), make("p", { dir: "auto", text: contact })];
  }
  const verdict = reply.holds === null ? "" : reply.holds ? text.yes : text.no;
  return [
    verdict ? make("p", { text: verdict }) : "",
    reply.answer ? make("blockquote", { dir: "auto", text: reply.answer }) : "",
    make("p", { class: "ask-source", text: text[reply.kind] }),
    make("ul", { role: "list" }, ...reply.items.map(item)),
  ];
}

const item = ({ item_id: id, title }) =>
  make("li", {}, make("a", { href: `?open=${encodeURIComponent(id)}`, dir: "auto", text: title || id }));
