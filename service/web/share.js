// Shares a link: with the device's own dialog on a phone, else through the clipboard.

import { byId } from "./dom.js";
import { t } from "./texts.js";

const touch = matchMedia("(pointer: coarse)");
const SHOWN = 2500; // ms that the confirmation stays

/** Share the address `path` of this page. */
export async function share(path, title) {
  const url = new URL(path, location.href).href;
  if (touch.matches && navigator.share) {
    await navigator.share({ title, url }).catch(() => {}); // the shopper may have changed their mind
    return;
  }
  try {
    await navigator.clipboard.writeText(url);
    confirm(t("share.copied"));
  } catch {
    confirm(t("share.manual", { link: url }), { stays: true }); // a page without https has no clipboard
  }
}

/** Show a short confirmation, which a screen reader reads too. */
export function confirm(words, { stays = false } = {}) {
  const toast = byId("toast");
  toast.textContent = words;
  toast.hidden = false;
  // A dialog is above everything else, so the words go into the one that is open.
  const dialog = [...document.querySelectorAll("dialog[open]")].at(-1);
  (dialog ?? document.body).append(toast);
  clearTimeout(Number(toast.dataset.timer));
  if (!stays) toast.dataset.timer = String(setTimeout(() => (toast.hidden = true), SHOWN));
}
