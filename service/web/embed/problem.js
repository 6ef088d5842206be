// What goes wrong, by a code that has a text in every language.

/** A failed call. `code` is the end of the key of a text: "away", "busy", "key", "photo", "other". */
export class Problem extends Error {
  constructor(code, detail = "") {
    super(detail || code);
    this.name = "Problem";
    this.code = code;
  }

  /** Whether the same call may succeed a moment later. */
  get mayPass() {
    return this.code === "away" || this.code === "busy";
  }
}

/** Return the problem of a reply that is not a success. */
export function problemOf(status, body) {
  const detail = typeof body?.detail === "string" ? body.detail : `the server answered ${status}`;
  if (status === 401 || status === 403) return new Problem("refused", detail);
  if (status === 429 || status === 503) return new Problem("busy", detail);
  if ([413, 415, 422].includes(status)) return new Problem("photo", detail);
  return new Problem("other", detail);
}
