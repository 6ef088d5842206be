// A question is what the shopper searches for. It is stored in the URL.
//
// {text, item, photo, box, second, share, like: [id], unlike: [id], fields: {name: [value]}, min, max,
// stock, sort}
//
// `second` is a second photo, and `share` the percentage by which the first one counts. `box` is the
// crop box, or null if the service is to choose it. `like` and `unlike` are items to find more of, and
// less of. The photos and the crop box are in history.state, not in the URL, since nobody else has the
// photo. "Back" restores them. Everything else can be shared as a link, which says that a photo is
// missing.

export const EMPTY = Object.freeze({
  text: "",
  item: "",
  photo: null,
  box: null,
  second: null,
  share: 50,
  like: [],
  unlike: [],
  fields: {},
  min: null,
  max: null,
  stock: false,
  sort: "",
});

const MOST_WISHES = 5; // of each kind
const MISSING = "missing"; // the photo of a link that somebody else has sent
const FIELD = "f.";
const LANGUAGE = new URLSearchParams(location.search).get("lang"); // if chosen, it stays in every link

const number = (text) =>
  text !== null && text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : null;

/** Return a lowest and a highest price; swapped if the first is the larger one. */
export const limits = (min, max) =>
  min !== null && max !== null && min > max ? { min: max, max: min } : { min, max };

/** Return the values of a field; none for inherited properties such as "constructor". */
export const valuesOf = (fields, name) => (Object.hasOwn(fields, name) ? fields[name] : []);

/** Return the question and the open item of a URL and its history state. */
export function read(search, state) {
  const params = new URLSearchParams(search);
  const fields = {};
  for (const [key, value] of params) {
    if (!key.startsWith(FIELD) || !value) continue;
    const name = key.slice(FIELD.length);
    fields[name] = [...valuesOf(fields, name), value];
  }
  return {
    question: {
      text: params.get("q")?.trim() ?? "",
      item: params.get("item") ?? "",
      photo: state?.photo ?? (params.has("photo") ? MISSING : null),
      box: state?.box ?? null,
      second: state?.second ?? null,
      share: state?.share ?? 50,
      like: params.getAll("like"),
      unlike: params.getAll("unlike"),
      fields,
      ...limits(number(params.get("min")), number(params.get("max"))),
      stock: params.get("stock") === "1",
      sort: params.get("sort") ?? "",
    },
    open: params.get("open") ?? "",
  };
}

/** Return the URL of a question, with an open item if given. */
export function write(question, open = "") {
  const params = new URLSearchParams();
  if (question.text) params.set("q", question.text);
  if (question.item) params.set("item", question.item);
  if (question.photo) params.set("photo", "1");
  for (const name of ["like", "unlike"]) for (const id of question[name]) params.append(name, id);
  for (const [name, values] of Object.entries(question.fields)) {
    for (const value of values) params.append(FIELD + name, value);
  }
  if (question.min !== null) params.set("min", question.min);
  if (question.max !== null) params.set("max", question.max);
  if (question.stock) params.set("stock", "1");
  if (question.sort) params.set("sort", question.sort);
  if (open) params.set("open", open);
  if (LANGUAGE) params.set("lang", LANGUAGE);
  const text = params.toString();
  return text ? `?${text}` : "./";
}

/** Return what the history keeps of a question, beside the URL. */
export const stateOf = ({ photo, box, second, share }) => ({ photo, box, second, share });

/** Return true if there is something to search with; filters alone are not enough. */
export const asks = (question) => Boolean(question.photo || question.item || question.text || question.like.length > 0);

/** Return a key that is equal for two questions if and only if they have the same answer. */
export const keyOf = (question) =>
  JSON.stringify([
    partsOf(question),
    question.box,
    question.share,
    question.like,
    question.unlike,
    question.sort,
    Object.entries(question.fields).sort(),
    question.min,
    question.max,
    question.stock,
  ]);

/** Return a key that is equal for questions that differ only in filters, crop box or wishes. */
export const partsOf = (question) => JSON.stringify([question.text, question.item, question.photo, question.second]);

export const filtersIn = (question) =>
  Object.values(question.fields).reduce((sum, values) => sum + values.length, 0) +
  (question.min !== null || question.max !== null ? 1 : 0) +
  (question.stock ? 1 : 0);

export const withoutFilters = (question) => ({ ...question, fields: {}, min: null, max: null, stock: false });

/** Return the question with a value of a field toggled. */
export function toggled(question, name, value) {
  const before = valuesOf(question.fields, name);
  const after = before.includes(value) ? before.filter((other) => other !== value) : [...before, value];
  const fields = { ...question.fields, [name]: after };
  if (after.length === 0) delete fields[name];
  return { ...question, fields };
}

/** Return the question with an item to find more of, or less of (`name` is "like" or "unlike"). */
export function wishing(question, name, id) {
  const without = withoutWish(question, id);
  return { ...without, [name]: [...without[name], id].slice(-MOST_WISHES) };
}

/** Return the question without the wish for more or less of an item. */
export const withoutWish = (question, id) => ({
  ...question,
  like: question.like.filter((other) => other !== id),
  unlike: question.unlike.filter((other) => other !== id),
});
