// A failed call, in words for shoppers. The service's own words are for programmers.

import { t } from "./texts.js";

/**
 * A failed call: `title` and `detail` to show, `status` (0 without a reply), `code` of the service,
 * and `param`, the field of the question that is wrong. `kind` names the words.
 */
export class Problem extends Error {
  constructor(kind, { status = 0, code = "", param = "", requestId = "" } = {}) {
    super(kind);
    this.name = "Problem";
    this.title = t(`problem.${kind}.title`);
    this.detail = t(`problem.${kind}.detail`);
    // Whoever asks the shop for help can name the request; the shop finds it in its log.
    if (kind === "other" && requestId) this.detail += ` ${t("problem.reference", { id: requestId })}`;
    Object.assign(this, { kind, status, code, param, requestId });
  }

  /** True if the same question may be answered later. */
  get passes() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

const KINDS = { unknown_item: "gone", too_large: "large", cursor_expired: "expired", too_many_requests: "many" };
const PHOTOS = [
  [/^empty/, "empty"],
  [/^(not an image|this is)/, "image"],
  [/^too (large|much|long)/, "large"],
  [/truncated|broken/, "cut"],
  [/./, "photo"],
];

/** Return the problem that a reply of the service describes. `body` is its JSON, or {}. */
export function problemIn(status, body) {
  const { code = "", param = "", request_id: requestId = "" } = body;
  const facts = { status, code, param: param ?? "", requestId };
  return new Problem(kindOf(status, code, param ?? "", String(body.detail ?? "")), facts);
}

function kindOf(status, code, param, detail) {
  if (code === "bad_image") return PHOTOS.find(([words]) => words.test(detail))?.[1] ?? "photo";
  if (KINDS[code]) return KINDS[code];
  if (status === 413) return "large";
  if (status === 429) return "many";
  if (status === 503) return "busy";
  if (status >= 400 && status < 500) return param.startsWith("filter") ? "filter" : "query";
  return "other";
}
