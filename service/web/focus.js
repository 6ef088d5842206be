// Keeps the place of the keyboard and of a screen reader when the page changes under it.

/** Return true if the element with the focus is gone or hidden. */
function focusIsLost() {
  const here = document.activeElement;
  return !here || here === document.body || !here.checkVisibility();
}

/** If the focus is lost, give it to the first of these elements that is visible. */
export function rescueFocus(...places) {
  if (!focusIsLost()) return;
  places.find((place) => place?.checkVisibility())?.focus({ preventScroll: true });
}

/**
 * Replace the children of an element. If one of its buttons had the focus, the one that takes its
 * place gets it, or else `other`.
 */
export function replaceKeepingFocus(element, children, other) {
  const at = [...element.querySelectorAll("button")].indexOf(document.activeElement);
  element.replaceChildren(...children);
  if (at < 0) return;
  const buttons = element.querySelectorAll("button");
  (buttons[Math.min(at, buttons.length - 1)] ?? other).focus({ preventScroll: true });
}
