// Elements that several sections share.

import { byId, make } from "../dom.js";
import { MISSING } from "./format.js";
import { picture } from "./session.js";

/** Announce something to a screen reader. */
export const say = (text) => {
  byId("say").textContent = text;
};

export const heading = (title, lead = "") =>
  make("div", {}, make("h1", { text: title }), lead ? make("p", { class: "lead", text: lead }) : null);

/** Make a part of a section with a heading of its own. */
export const part = (title, ...children) => make("section", {}, make("h2", { text: title }), ...children);

export const missing = (text) => make("p", { class: "soft", text });
export const failure = (problem) => make("p", { class: "bad", role: "alert", text: problem.message });

export const act = (text, onClick, kind = "secondary small", props = {}) =>
  make("button", { class: kind, type: "button", text, ...props, on: { click: onClick } });

/**
 * Make a table. `columns`: [{title, number}]; rows are lists of texts or elements. On a phone, each row
 * of a table with many columns is a block of named values; the roles keep it a table for screen readers.
 */
export function table(caption, columns, rows) {
  const cell = (value, at) =>
    make(
      at === 0 ? "th" : "td",
      {
        class: columns[at].number ? "number" : "",
        role: at === 0 ? "rowheader" : "cell",
        scope: at === 0 ? "row" : null,
        data: { title: columns[at].title },
      },
      value ?? "",
    );
  const heads = columns.map(({ title, number }) =>
    make("th", { scope: "col", role: "columnheader", class: number ? "number" : "", text: title }),
  );
  return make(
    "div",
    { class: columns.length > 3 ? "scroll wide" : "scroll", tabindex: "0", role: "region", "aria-label": caption },
    make(
      "table",
      { role: "table" },
      make("caption", { class: "unseen", text: caption }),
      make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...heads)),
      make("tbody", { role: "rowgroup" }, ...rows.map((row) => make("tr", { role: "row" }, ...row.map(cell)))),
    ),
  );
}

/** Make a number with its name: `note` explains it, null is shown as missing. */
export function tile(name, value, note = "") {
  const unknown = value === null || value === undefined || value === MISSING;
  return make(
    "div",
    { class: "tile" },
    make("dt", { text: name }),
    make("dd", { class: unknown ? "missing" : "", text: unknown ? "no value yet" : value }),
    note ? make("dd", { class: "note", text: note }) : null,
  );
}

export const tiles = (...children) => make("dl", { class: "tiles" }, ...children);

/** Make the picture of an item, or a note if the shop has none. */
export function thumb(item, index = 0) {
  const holder = make("span", { class: "thumb", text: "..." });
  picture(item, index).then((blob) => {
    if (blob === null) {
      holder.textContent = "no picture stored";
      return;
    }
    const url = URL.createObjectURL(blob);
    const release = () => URL.revokeObjectURL(url); // otherwise the browser keeps it until the page is closed
    holder.replaceChildren(
      make("img", { src: url, alt: `Picture ${index + 1} of ${item}`, on: { load: release, error: release } }),
    );
  });
  return holder;
}

/** Ask before something that is hard to undo. Returns a promise of true or false. */
export function confirmed(question, yes) {
  const dialog = make("dialog", { class: "sure", "aria-labelledby": "sure-title" });
  const answer = new Promise((done) => {
    const close = (value) => () => {
      dialog.close();
      done(value);
    };
    dialog.addEventListener("cancel", close(false));
    dialog.append(
      make("h2", { id: "sure-title", text: question }),
      make("div", { class: "acts" }, act(yes, close(true), "primary"), act("Cancel", close(false), "secondary", { autofocus: true })),
    );
  });
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
  return answer;
}
