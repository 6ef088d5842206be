// <vitrine-search>: a button with a camera, which opens the sheet.

import { button, icon, make } from "./dom.js";
import { VitrineElement } from "./element.js";
import { Sheet } from "./sheet.js";

/** Its text is the slot "label"; with the attribute `icon-only` it has a camera alone. */
export class Search extends VitrineElement {
  usualLimit = 24;
  #sheet = null;

  draw() {
    if (this.#sheet?.dialog.open) return; // the shopper is in the middle of something
    const words = this.texts.t("open");
    const iconOnly = this.hasAttribute("icon-only");
    this.#sheet = new Sheet(this);
    this.shadowRoot.replaceChildren(
      button(
        iconOnly ? "open icon-only" : "open",
        () => this.open(),
        { "aria-haspopup": "dialog", "aria-label": iconOnly ? words : null, title: iconOnly ? words : null },
        icon("camera"),
        iconOnly ? null : make("slot", { name: "label" }, words),
      ),
      this.#sheet.dialog,
    );
  }

  /** Open the sheet; with a photo (a File or Blob), search with it at once. */
  open(photo = null) {
    if (!this.#sheet) return;
    this.#sheet.open();
    if (photo) this.#sheet.take(photo);
  }
}
