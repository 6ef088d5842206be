// The switch between light and dark; by default as the system (see theme.js for the first paint).

import { store } from "./storage.js";

const KEY = "vitrine-theme";
const system = matchMedia("(prefers-color-scheme: dark)");

const now = () => document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light");

export function startTheme(button) {
  const draw = () => button.setAttribute("aria-pressed", String(now() === "dark"));
  button.addEventListener("click", () => {
    const next = now() === "dark" ? "light" : "dark";
    const follows = next === (system.matches ? "dark" : "light");
    if (follows) delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    store(KEY, follows ? null : next);
    draw();
  });
  system.addEventListener("change", draw);
  draw();
}
