// The frame of the page: the header, the sheet of filters, the foot.

import { byId, icon, make } from "./dom.js";
import * as interest from "./interest.js";
import { forgetKept, onKept, recent } from "./kept.js";
import { EMPTY, asks, write } from "./question.js";
import { confirm, share } from "./share.js";
import { language, languages, t } from "./texts.js";
import { startTheme } from "./themes.js";

const touch = matchMedia("(pointer: coarse)");
const narrow = matchMedia("(max-width: 899px)");

/** `page`: question(), go(question), home(), search(text), load(), arrive(), and welcome. */
export function startFrame(page) {
  startTheme(byId("theme"));
  startHeader(page);
  startSheet();
  startFoot();
  byId("sort").addEventListener("change", ({ target }) => page.go({ ...page.question(), sort: target.value }));
  byId("share").addEventListener("click", () => share(location.href, document.title));
  byId("remove").addEventListener("click", () => {
    page.go({ ...page.question(), photo: null, item: "", box: null, second: null, share: 50 });
    byId("text").focus();
  });
  window.addEventListener("popstate", page.arrive);
  window.addEventListener("online", () => {
    if (asks(page.question())) page.load();
    else page.welcome.show();
  });
}

function startHeader({ question, home, search }) {
  const submitText = () => {
    if (touch.matches) byId("text").blur(); // hides the keyboard, so that the results are visible
    search(byId("text").value.trim());
  };
  byId("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    submitText();
  });
  byId("text").addEventListener("search", submitText); // the clear button of the search field
  byId("home").addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    home();
  });
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    byId(asks(question()) ? "results" : "pick").focus();
  });
  const drawRecent = () => {
    const again = (words) => () => search(words);
    byId("recent").replaceChildren(
      ...recent().map((words) =>
        make("li", {}, make("button", { class: "pick", type: "button", on: { click: again(words) } }, icon("search"), make("span", { text: words, dir: "auto" }))),
      ),
    );
    byId("recent").hidden = byId("recent").children.length === 0;
  };
  onKept(drawRecent);
  drawRecent();
}

// On a narrow screen, the filters and the choice of a style are moved into a sheet.
function startSheet() {
  const sheet = byId("sheet");
  const place = () => {
    const style = byId("style").parentElement;
    if (narrow.matches) byId("sheet-body").append(byId("filters"), style);
    else {
      byId("filters-home").append(byId("filters"));
      byId("share").before(style);
      sheet.close();
    }
  };
  narrow.addEventListener("change", place);
  place();
  byId("open-filters").addEventListener("click", () => sheet.showModal());
  for (const id of ["close-sheet", "show-found"]) byId(id).addEventListener("click", () => sheet.close());
  sheet.addEventListener("click", (event) => {
    if (event.target === sheet) sheet.close();
  });
}

/** Show the page as it is, with its search, in another language. A reload keeps the photo. */
function speak(event, code) {
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return; // opens a new tab
  event.preventDefault();
  const here = new URL(location.href);
  here.searchParams.set("lang", code);
  history.replaceState(history.state, "", here);
  location.reload();
}

function startFoot() {
  byId("languages").replaceChildren(
    ...Object.entries(languages).map(([code, name]) =>
      make("a", {
        href: `${write(EMPTY).split("?")[0]}?lang=${code}`,
        lang: code,
        hreflang: code,
        "aria-current": code === language ? "true" : null,
        text: name,
        on: { click: (event) => speak(event, code) },
      }),
    ),
  );
  byId("forget").addEventListener("click", () => {
    forgetKept();
    interest.forget();
    confirm(t("forget.done"));
  });
  byId("to-foot").addEventListener("click", (event) => {
    event.preventDefault();
    byId("foot").focus();
  });
}
