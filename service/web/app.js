// The page as a whole. Its state is in the URL; everything else is derived from it.

import * as api from "./api.js";
import { firstPicture } from "./card.js";
import { CropBox } from "./cropbox.js";
import { byId, make } from "./dom.js";
import { Filters } from "./filters.js";
import { ForYou } from "./foryou.js";
import { startIntake } from "./intake.js";
import * as interest from "./interest.js";
import { Mix } from "./mix.js";
import { Offers } from "./offers.js";
import { Panel } from "./panel.js";
import { recall, takeIn } from "./photo.js";
import { EMPTY, asks, filtersIn, keyOf, partsOf, read, withoutFilters, write } from "./question.js";
import { Results } from "./results.js";
import { startStyles } from "./styles.js";
import { startTheme } from "./themes.js";
import { Welcome } from "./welcome.js";

const PAGE = 24;
const MOST = 240;
const REMEMBERED = 16;

const narrow = matchMedia("(max-width: 899px)");
const touch = matchMedia("(pointer: coarse)");

let question = EMPTY;
let limit = PAGE;
let photo = null; // the photo of `question`, if any
let second = null; // its second photo, if any
let source = null; // the item `question.item`, once fetched
let shownKey = ""; // key of the question whose answer is in the grid
let shownParts = "";
let drawnText = "";
let begun = 0; // photos started so far; they load in parallel, and only the newest is searched
let aborter = new AbortController();
const answers = new Map(); // key -> reply, so that "back" is instant

// --- Navigation ---------------------------------------------------------------------------

const stateNow = (extra = {}) => ({ photo: question.photo, box: question.box, second: question.second, share: question.share, limit, depth: 0, ...extra });
const opened = () => read(location.search, history.state).open;

/** Go to the question `next`, as a new history entry unless `replace`. */
function go(next, { replace = false } = {}) {
  if (keyOf(next) !== keyOf(question)) limit = PAGE;
  question = next;
  const method = replace ? "replaceState" : "pushState";
  history[method](stateNow(), "", write(question));
  follow();
}

function open(hit) {
  interest.note(hit.item_id, "view");
  const depth = opened() ? (history.state?.depth ?? 0) + 1 : 1;
  history.pushState(stateNow({ depth }), "", write(question, hit.item_id));
  panel.show(hit.item_id, { deep: depth > 1, hit });
}

function closePanel() {
  const depth = history.state?.depth ?? 0;
  if (depth > 0) history.go(-depth);
  else {
    history.replaceState(stateNow(), "", write(question));
    panel.show("", {});
  }
}

/** Start a new search from an item. Keep the price limits: they belong to the shopper. */
function alike(hit) {
  if (hit.title !== undefined) source = hit;
  interest.note(hit.item_id, "click");
  panel.show("", {});
  go({ ...EMPTY, item: hit.item_id, min: question.min, max: question.max, stock: question.stock });
  window.scrollTo(0, 0);
}

/** Update the page to match the URL. */
function arrive() {
  const { question: next, open: item } = read(location.search, history.state);
  question = next;
  limit = history.state?.limit ?? PAGE;
  follow();
  panel.show(item, { deep: (history.state?.depth ?? 0) > 1 });
}

// --- The question -------------------------------------------------------------------------

async function follow() {
  photo = question.photo ? await recall(question.photo) : null;
  second = photo && question.second ? await recall(question.second) : null;
  if (!second && question.second) question = { ...question, second: null, share: 50 };
  if (question.photo && !photo) {
    question = { ...question, photo: null, box: null };
    history.replaceState(stateNow({ depth: history.state?.depth ?? 0 }), "", location.href);
    if (!asks(question))
      welcome.say("That photo is no longer here", "Photos are not stored. Choose it again to search with it.");
  }
  if (question.text !== drawnText) byId("text").value = question.text; // otherwise keep what the shopper is typing
  drawnText = question.text;
  byId("text").placeholder =
    photo || question.item
      ? narrow.matches
        ? "Add words"
        : "Add words, like green"
      : "What are you looking for?";
  const asking = asks(question);
  document.body.dataset.view = asking ? "search" : "home";
  byId("hero").hidden = asking;
  byId("search").hidden = !asking;
  document.title = asking ? `${titleOf()} · Vitrine` : "Vitrine";
  drawSource();
  if (asking) await load();
  else {
    aborter.abort();
    shownKey = "";
    shownParts = "";
    welcome.show();
  }
}

async function load() {
  const asked = question;
  const fresh = partsOf(asked) !== shownParts;
  const key = `${keyOf(asked)} ${limit}`;
  aborter.abort();
  if (key === shownKey) {
    results.settle(); // a pending answer is no longer needed
    drawFilters(asked, answers.get(key)); // undo the tick that asked for it
    return;
  }
  const filtered = filtersIn(asked) > 0;
  const title = titleOf();
  const known = answers.get(key);
  aborter = new AbortController();
  const { signal } = aborter;
  if (!known) {
    results.wait(title, fresh);
    filters.wait();
    if (fresh) shownKey = ""; // the grid was cleared
  }
  try {
    const reply = known ?? (await offers.search(asked, { photo, second, limit, signal }));
    const most = Math.min(MOST, await offers.most());
    if (signal.aborted) return;
    remember(key, reply);
    shownKey = key;
    shownParts = partsOf(asked);
    const words = results.show(reply, { title, full: limit >= most, filtered });
    drawFilters(asked, reply);
    byId("show-found").textContent =
      reply.hits.length === 0 ? "Nothing found" : `Show ${reply.hits.length} products`;
    byId("say").textContent = words;
  } catch (error) {
    if (signal.aborted || error.name === "AbortError") return;
    if (!(error instanceof api.Problem)) throw error;
    shownKey = "";
    results.fail(error);
    filters.show(asked, {}, { parts: shownParts, currency: null });
  }
}

function drawFilters(asked, reply) {
  filters.show(asked, reply.facets, { parts: shownParts, currency: currencyOf(reply.hits) });
}

/** Return the currency of the hits, "" if there are several, or null if no hit has a price. */
function currencyOf(hits) {
  const found = new Set(hits.filter((hit) => hit.price !== null).map((hit) => hit.currency));
  return found.size === 0 ? null : found.size === 1 ? [...found][0] : "";
}

function remember(key, reply) {
  answers.delete(key);
  answers.set(key, reply);
  if (answers.size > REMEMBERED) answers.delete(answers.keys().next().value);
}

function titleOf() {
  const words = question.text ? `\u201c${question.text}\u201d` : "";
  if (photo) {
    const like = second ? "Like your two photos" : "Like your photo";
    return words ? `${like}, ${words}` : like;
  }
  if (question.item) {
    const name = source?.item_id === question.item && source.title ? source.title : "this item";
    return words ? `Like ${name}, ${words}` : `Like ${name}`;
  }
  return words;
}

// --- The photo or item to search with -----------------------------------------------------

function drawSource() {
  const shown = photo || question.item;
  byId("source").hidden = !shown;
  byId("change").hidden = !photo;
  byId("whole").hidden = !question.box;
  drawWith();
  mix.show(photo, second, question.share);
  if (photo) {
    byId("source-words").textContent =
      question.box || photo.width === 0 ? "" : touch.matches ? "Tap what you mean" : "Mark what you mean";
    crop.show({ url: photo.url, width: photo.width, height: photo.height, alt: "Your photo" }, question.box, {
      fixed: photo.width === 0,
    });
  } else if (question.item) {
    drawItemSource();
  }
}

async function drawItemSource() {
  const id = question.item;
  if (source?.item_id !== id) {
    try {
      source = await api.item(id);
    } catch {
      return; // the search reports the problem
    }
    if (question.item !== id) return;
    byId("found-title").textContent = titleOf();
    document.title = `${titleOf()} · Vitrine`;
  }
  byId("source-words").textContent = source.title;
  crop.show({ url: firstPicture(source), width: 1, height: 1, alt: source.title }, null, { fixed: true });
  drawWith();
}

/** Draw the small picture inside the text box, which shows that words are added to it. */
function drawWith() {
  const known = question.item && source?.item_id === question.item;
  const url = photo ? photo.width > 0 && photo.url : known && firstPicture(source);
  byId("with").hidden = !url;
  byId("with").replaceChildren(
    ...(url ? [make("img", { src: url, alt: photo ? "Your photo" : source.title })] : []),
  );
}

async function begin(file) {
  const turn = ++begun;
  welcome.say("", "");
  // The photo replaces words already searched for; words that were only typed are added to it.
  const typed = byId("text").value.trim();
  const text = question.photo || typed !== question.text ? typed : "";
  const taken = await takeIn(file);
  if (turn !== begun) return;
  panel.show("", {});
  const hadFocus = document.activeElement;
  go({ ...EMPTY, photo: taken.id, text, min: question.min, max: question.max, stock: question.stock });
  window.scrollTo(0, 0);
  if (hadFocus === document.body || !hadFocus?.checkVisibility?.())
    byId("results").focus({ preventScroll: true });
}

// --- Parts --------------------------------------------------------------------------------

const href = (hit) => write(question, hit.item_id);
const results = new Results({
  open,
  alike,
  href,
  more: async () => {
    limit = Math.min(limit + PAGE, MOST);
    history.replaceState({ ...history.state, limit }, "");
    const before = byId("grid").children.length;
    await load();
    byId("grid").children[before]?.querySelector("a").focus({ preventScroll: true });
  },
  retry: () => load(),
  clear: () => go(withoutFilters(question)),
});
// Apply the change to the newest question; the drawn filters may be older.
const filters = new Filters((change) => go(change(question)));
const panel = new Panel({ open, alike, href, back: () => history.back(), close: closePanel });
const crop = new CropBox(byId("stage"), (box) => go({ ...question, box }, { replace: true }));
const mix = new Mix({
  add: async (file) => {
    const taken = await takeIn(file);
    go({ ...question, second: taken.id, share: 50 });
  },
  weigh: (share) => go({ ...question, share }, { replace: true }),
  remove: () => go({ ...question, second: null, share: 50 }),
});
const welcome = new Welcome(alike);
const offers = new Offers();
const foryou = new ForYou({ open, alike, href });
startTheme(byId("theme"));
startStyles(byId("style"), (words) => (byId("say").textContent = words));

// --- Inputs -------------------------------------------------------------------------------

startIntake({
  photo: begin,
  item: (id) => alike({ item_id: id }),
  neither: () => {
    const words = [
      "That was a link, not a picture",
      "Save the picture first, or copy the picture itself and paste it here.",
    ];
    if (asks(question)) results.fail(new api.Problem(...words, { status: 422 }));
    else welcome.say(...words);
  },
});

byId("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  submitText();
});
byId("text").addEventListener("search", submitText); // the clear button of the search field
function submitText() {
  const text = byId("text").value.trim();
  if (text === question.text) return;
  if (touch.matches) byId("text").blur(); // hides the keyboard, so that the results are visible
  go({ ...question, text });
}

byId("remove").addEventListener("click", () => {
  go({ ...question, photo: null, item: "", box: null, second: null, share: 50 });
  byId("text").focus();
});
byId("whole").addEventListener("click", () => {
  go({ ...question, box: null }, { replace: true });
  byId("stage").querySelector(".crop").focus();
});

// --- The frame ----------------------------------------------------------------------------

byId("home").addEventListener("click", (event) => {
  if (event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  go(EMPTY);
  window.scrollTo(0, 0);
});

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId(asks(question) ? "results" : "pick").focus();
});

// On a narrow screen, the same filters element is moved into a sheet.
function placeFilters() {
  (narrow.matches ? byId("sheet-body") : byId("filters-home")).append(byId("filters"));
  if (!narrow.matches) byId("sheet").close();
}
narrow.addEventListener("change", placeFilters);
placeFilters();
byId("open-filters").addEventListener("click", () => byId("sheet").showModal());
for (const id of ["close-sheet", "show-found"])
  byId(id).addEventListener("click", () => byId("sheet").close());
byId("sheet").addEventListener("click", (event) => {
  if (event.target === byId("sheet")) byId("sheet").close();
});

window.addEventListener("popstate", arrive);
window.addEventListener("online", () => {
  if (asks(question)) load();
  else welcome.show();
});
arrive();
foryou.show();
