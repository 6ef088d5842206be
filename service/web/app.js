// The page as a whole. Its state is in the URL; everything else is derived from it.

import { Answers } from "./answers.js";
import { askBox } from "./ask.js";
import { byId } from "./dom.js";
import { Filters } from "./filters.js";
import { rescueFocus } from "./focus.js";
import { ForYou } from "./foryou.js";
import { startFrame } from "./frame.js";
import { Infinite } from "./infinite.js";
import { showGrowth } from "./growth.js";
import { startIntake } from "./intake.js";
import * as interest from "./interest.js";
import { noteWords } from "./kept.js";
import { Offers } from "./offers.js";
import { Panel } from "./panel.js";
import { recall, takeIn } from "./photo.js";
import { Problem } from "./problem.js";
import { EMPTY, asks, filtersIn, keyOf, partsOf, read, stateOf, wishing, withoutFilters, write } from "./question.js";
import { Quick } from "./quick.js";
import { Results } from "./results.js";
import { share } from "./share.js";
import { Shelf } from "./shelf.js";
import { Source } from "./source.js";
import { currentStyle, startStyles } from "./styles.js";
import { plannedItems, shopName, t } from "./texts.js";
import { titleOf } from "./title.js";
import { Welcome } from "./welcome.js";

const PAGE = 24;
const MOST = 240;

const narrow = matchMedia("(max-width: 899px)");

let question = EMPTY;
let limit = PAGE;
let photo = null; // the photo of `question`, if any
let second = null; // its second photo, if any
let lost = false; // whether the link or the history names a photo that is not here
let shownKey = ""; // key of the question whose answer is in the grid
let shownParts = "";
let drawnText = "";
let begun = 0; // photos started so far; they load in parallel, and only the newest is searched
let hasBegun = false; // the first view of the page must not take the focus
let aborter = new AbortController();
const answers = new Answers(); // so that "back" is instant

const stateNow = (extra = {}) => ({ ...stateOf(question), limit, depth: 0, ...extra });
const opened = () => read(location.search, history.state).open;

/** Go to the question `next`, as a new history entry unless `replace`. */
function go(next, { replace = false } = {}) {
  if (keyOf(next) !== keyOf(question)) {
    limit = PAGE;
    infinite.restart();
  }
  question = next;
  const method = replace ? "replaceState" : "pushState";
  history[method](stateNow(), "", write(question));
  return follow();
}

/** Go to a change of the newest question; what is drawn may belong to an older one. */
const change = (changed, options) => go(changed(question), options);

/** Open the panel of an item. Its picture is in the style that the shopper chose, or in one `picked` for them. */
function open(hit, { picked = false } = {}) {
  interest.note(hit.item_id, "view", picked ? {} : { rendition: currentStyle() || "original" });
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
  if (hit.title !== undefined) source.item = hit;
  interest.note(hit.item_id, "click", { rendition: currentStyle() || "original" });
  panel.show("", {});
  go({ ...EMPTY, item: hit.item_id, min: question.min, max: question.max, stock: question.stock });
  window.scrollTo(0, 0);
}

/** Search on, for more of an item or less of it (`name` is "like" or "unlike"). */
function wish(name, item) {
  answers.name(item);
  panel.show("", {});
  go(wishing(question, name, item.item_id));
  window.scrollTo(0, 0);
}

function home() {
  panel.show("", {});
  go(EMPTY);
  window.scrollTo(0, 0);
}

/** Update the page to match the URL. */
function arrive() {
  const { question: next, open: item } = read(location.search, history.state);
  question = next;
  limit = history.state?.limit ?? PAGE;
  panel.show(item, { deep: (history.state?.depth ?? 0) > 1, hit: answers.hit(item) });
  return follow();
}

async function follow() {
  if (!(await recallPhotos())) return;
  if (question.text !== drawnText) byId("text").value = question.text; // otherwise keep what the shopper is typing
  drawnText = question.text;
  const adds = photo || question.item;
  byId("text").placeholder = t(adds ? (narrow.matches ? "search.addShort" : "search.add") : "search.placeholder");
  byId("sort").value = question.sort;
  byId("share").hidden = Boolean(question.photo); // nobody else has the photo
  const asking = asks(question);
  document.body.dataset.view = asking ? "search" : "home";
  byId("hero").hidden = asking;
  byId("search").hidden = !asking;
  source.draw(question, photo, second);
  retitle();
  if (!document.querySelector("dialog[open]") && hasBegun) rescueFocus(byId("results"), byId("pick"));
  hasBegun = true;
  if (asking) await load();
  else {
    aborter.abort();
    shownKey = "";
    shownParts = "";
    welcome.show();
  }
}

/** Find the photos of the question; return false if the shopper went on meanwhile. */
async function recallPhotos() {
  const asked = question;
  const [first, other] = await Promise.all([asked.photo, asked.second].map((id) => id && recall(id)));
  if (asked !== question) return false;
  photo = first || null;
  second = (photo && other) || null;
  lost = Boolean(asked.photo) && !photo;
  if (!second && question.second) question = { ...question, second: null, share: 50 };
  if (!lost) return true;
  question = { ...question, photo: null, box: null };
  const extra = { depth: history.state?.depth ?? 0 };
  history.replaceState(stateNow(extra), "", write(question, opened()));
  if (!asks(question)) welcome.say(t("lost.title"), t("lost.detail"), { calm: true });
  return true;
}

function retitle() {
  const title = titleOf(question, { photo, second, item: source.item });
  const asking = asks(question);
  document.title = asking ? `${title} · ${shopName}` : shopName;
  if (asking) byId("found-title").textContent = title;
}

async function load() {
  const asked = question;
  const fresh = partsOf(asked) !== shownParts;
  const key = `${keyOf(asked)} ${limit}`;
  aborter.abort();
  if (key === shownKey) {
    results.settle({ calm: true }); // a pending answer is no longer needed
    drawFilters(asked, answers.get(key)); // undo the tick that asked for it
    source.answered(answers.get(key));
    return;
  }
  const title = titleOf(asked, { photo, second, item: source.item });
  const known = answers.get(key);
  aborter = new AbortController();
  const { signal } = aborter;
  if (!known) {
    results.wait(title, fresh);
    filters.wait();
    if (fresh) {
      shownKey = ""; // the grid was cleared
      suggest(false);
    }
  }
  try {
    const onBusy = () => (byId("say").textContent = byId("found-meta").textContent = t("busy"));
    const reply = known ?? (await offers.search(asked, { photo, second, limit, signal, onBusy }));
    const most = Math.min(MOST, await offers.most());
    if (signal.aborted) return;
    answers.keep(key, reply);
    shownKey = key;
    shownParts = partsOf(asked);
    show(reply, asked, { title, full: limit >= most });
  } catch (error) {
    if (signal.aborted || error.name === "AbortError") return;
    if (!(error instanceof Problem)) throw error;
    failed(error, asked, fresh);
  }
}

function show(reply, asked, { title, full }) {
  const weak = reply.no_close_match || source.isUnsold(asked);
  const words = results.show({ ...reply, no_close_match: weak }, {
    title,
    full,
    filtered: filtersIn(asked) > 0,
    sort: asked.sort,
    remark: lost ? t("results.withoutPhoto") : "",
    withPhoto: Boolean(photo),
  });
  suggest(reply.hits.length === 0 && filtersIn(asked) === 0);
  drawFilters(asked, reply);
  source.answered(reply);
  byId("say").textContent = words;
  if (!document.querySelector("dialog[open]")) rescueFocus(byId("results"));
}

/** Show some items to start from below a search that leads to none. */
function suggest(is) {
  if (is) welcome.show(byId("results"));
  else welcome.hide();
}

/** Show a problem. The hits of a question with the same parts stay, with their counts. */
function failed(problem, asked, fresh) {
  const before = shownKey && !fresh ? answers.get(shownKey) : null;
  results.fail(problem, { keep: Boolean(before), clears: filtersIn(asked) > 0 || asked.sort !== "" });
  suggest(problem.kind === "gone");
  if (before) drawFilters(asked, before);
  else {
    shownKey = shownParts = ""; // the quick filters of the question before do not fit this one
    drawFilters(asked, { hits: [], facets: {} });
  }
}

function drawFilters(asked, reply) {
  const about = { parts: shownParts, currency: answers.currencyOf(reply.hits), hits: reply.hits };
  quick.show(asked, reply, about);
  filters.show(asked, reply.facets, about);
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
  go({ ...EMPTY, photo: taken.id, text, min: question.min, max: question.max, stock: question.stock });
  window.scrollTo(0, 0);
}

async function more({ focus = false } = {}) {
  if (focus) infinite.restart();
  limit = Math.min(limit + PAGE, MOST);
  history.replaceState({ ...history.state, limit }, "");
  const before = byId("grid").children.length;
  await load();
  if (focus) byId("grid").children[before]?.querySelector("a").focus({ preventScroll: true });
}

function search(text) {
  if (text === question.text) return;
  noteWords(text);
  go({ ...question, text });
}

const href = (hit) => write(question, hit.item_id);
const cards = { open, alike, href };
const results = new Results({
  ...cards,
  more,
  retry: () => load(),
  clear: () => go({ ...withoutFilters(question), sort: "" }),
  home,
  draw: () => source.focusBox(),
  word: () => byId("text").focus(),
  choose: () => byId("pick-top").click(),
});
const filters = new Filters(change, (id) => answers.hit(id)?.title ?? source.titleOf(id));
const quick = new Quick(change);
const source = new Source({ ...cards, change, retitle });
const panel = new Panel({
  ...cards,
  wish,
  home,
  share: (item) => share(write(EMPTY, item.item_id), item.title),
  back: () => history.back(),
  close: closePanel,
  asked: () => ({ question, photo, source: source.item }),
});
const welcome = new Welcome(alike);
const offers = new Offers();
const foryou = new ForYou({ href, open: (hit) => open(hit, { picked: true }) });
const infinite = new Infinite(() => more());
new Shelf(cards);
byId("foot").prepend(askBox());
startStyles(byId("style"), (words) => (byId("say").textContent = words));
startFrame({ question: () => question, go, home, search, load, arrive, welcome });
startIntake({
  photo: begin,
  item: (id) => alike({ item_id: id }),
  neither: () => {
    const words = { title: t("link.title"), detail: t("link.detail") };
    if (asks(question)) results.fail({ ...words, passes: false }, { keep: shownKey !== "" });
    else welcome.say(words.title, words.detail);
  },
});
arrive();
foryou.show();
if (plannedItems) showGrowth();
