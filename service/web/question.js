// A question is what the shopper searches for. It is stored in the URL.
//
// {text, item, photo, box, second, share, fields: {name: [value]}, min, max, stock}
//
// `second` is a second photo, and `share` the percentage by which the first one counts. The photos and
// the crop box are in history.state, not in the URL, since nobody else has the photo.
// "Back" restores them. Everything else can be shared as a link.

export const EMPTY = Object.freeze({
  text: "",
  item: "",
  photo: null,
  box: null,
  second: null,
  share: 50,
  fields: {},
  min: null,
  max: null,
  stock: false,
});

const FIELD = "f.";

const number = (text) =>
  text !== null && text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : null;

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
      photo: state?.photo ?? null,
      box: state?.box ?? null,
      second: state?.second ?? null,
      share: state?.share ?? 50,
      fields,
      min: number(params.get("min")),
      max: number(params.get("max")),
      stock: params.get("stock") === "1",
    },
    open: params.get("open") ?? "",
  };
}

/** Return the URL of a question, with an open item if given. */
export function write(question, open = "") {
  const params = new URLSearchParams();
  if (question.text) params.set("q", question.text);
  if (question.item) params.set("item", question.item);
  for (const [name, values] of Object.entries(question.fields)) {
    for (const value of values) params.append(FIELD + name, value);
  }
  if (question.min !== null) params.set("min", question.min);
  if (question.max !== null) params.set("max", question.max);
  if (question.stock) params.set("stock", "1");
  if (open) params.set("open", open);
  const text = params.toString();
  return text ? `?${text}` : "./";
}

/** Return true if there is something to search with; filters alone are not enough. */
export const asks = (question) => Boolean(question.photo || question.item || question.text);

/** Return a key that is equal for two questions if and only if they have the same answer. */
export const keyOf = (question) =>
  JSON.stringify([
    partsOf(question),
    question.box,
    question.share,
    Object.entries(question.fields).sort(),
    question.min,
    question.max,
    question.stock,
  ]);

/** Return a key that is equal for questions that differ only in filters or crop box. */
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
