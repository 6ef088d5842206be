// A question is what the shopper asked for; the address bar is its written form.
//
// {text, item, photo, box, fields: {name: [value]}, min, max, stock}
//
// A photo and its crop box are not in the address (nobody else has the photo): they travel in
// history.state, so that "back" brings them back. All the rest can be shared as a link.

export const EMPTY = Object.freeze({
  text: "",
  item: "",
  photo: null,
  box: null,
  fields: {},
  min: null,
  max: null,
  stock: false,
});

const FIELD = "f.";

const number = (text) =>
  text !== null && text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : null;

/** The values of a field; none for what every object has by itself, such as "constructor". */
export const valuesOf = (fields, name) => (Object.hasOwn(fields, name) ? fields[name] : []);

/** The question and the opened item that an address and its history state stand for. */
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
      fields,
      min: number(params.get("min")),
      max: number(params.get("max")),
      stock: params.get("stock") === "1",
    },
    open: params.get("open") ?? "",
  };
}

/** The address of a question, with an item opened on top of it or not. */
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

/** Whether there is anything to search with; filters alone are not a question. */
export const asks = (question) => Boolean(question.photo || question.item || question.text);

/** Equal for two questions exactly when they have the same answer. */
export const keyOf = (question) =>
  JSON.stringify([
    partsOf(question),
    question.box,
    Object.entries(question.fields).sort(),
    question.min,
    question.max,
    question.stock,
  ]);

/** Equal for two questions that differ in their filter or crop box only. */
export const partsOf = (question) => JSON.stringify([question.text, question.item, question.photo]);

export const filtersIn = (question) =>
  Object.values(question.fields).reduce((sum, values) => sum + values.length, 0) +
  (question.min !== null || question.max !== null ? 1 : 0) +
  (question.stock ? 1 : 0);

export const withoutFilters = (question) => ({ ...question, fields: {}, min: null, max: null, stock: false });

/** The same question with one value of a field switched on or off. */
export function toggled(question, name, value) {
  const before = valuesOf(question.fields, name);
  const after = before.includes(value) ? before.filter((other) => other !== value) : [...before, value];
  const fields = { ...question.fields, [name]: after };
  if (after.length === 0) delete fields[name];
  return { ...question, fields };
}
