// The title of a question.

import { t } from "./texts.js";

/** Return what a question searches for, in words. `item` is the fetched item of the question, or null. */
export function titleOf(question, { photo, second, item }) {
  const words = question.text ? t("results.quoted", { words: question.text }) : "";
  const like = likeOf(question, { photo, second, item });
  return like && words ? t("results.with", { like, words }) : like || words;
}

function likeOf(question, { photo, second, item }) {
  if (photo) return t(second ? "results.photos" : "results.photo");
  if (!question.item) return question.text ? "" : t("results");
  const name = item?.item_id === question.item && item.title ? item.title : t("results.thisItem");
  return t("results.item", { name });
}
