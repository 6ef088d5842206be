// Helpers to create elements. Data enters a page as text or attributes only, never as HTML.

/** Make an element. `props`: class, text, on: {event: handler}; others are attributes. */
export function make(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.className = value;
    else if (name === "text") element.textContent = value;
    else if (name === "on")
      for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";
const PATHS = {
  camera:
    "M4 8.5A2.5 2.5 0 0 1 6.5 6h1.2l1.2-1.7a1.8 1.8 0 0 1 1.5-.8h3.2a1.8 1.8 0 0 1 1.5.8L16.3 6h1.2A2.5 2.5 0 0 1 20 8.5v8a2.5 2.5 0 0 1-2.5 2.5h-11A2.5 2.5 0 0 1 4 16.5z M12 8.9a3.4 3.4 0 1 0 0 6.8a3.4 3.4 0 1 0 0-6.8",
  close: "m6.5 6.5 11 11m0-11-11 11",
};

/** Make an icon: "camera" or "close". */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** Make a button that contains these children. */
export const button = (kind, onClick, props, ...children) =>
  make("button", { class: kind, type: "button", part: kind, ...props, on: { click: onClick } }, ...children);
