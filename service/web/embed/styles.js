// The style sheet of the components. Shops change it by the custom properties, and by ::part().

const CSS = `
:host {
  --_ink: var(--vitrine-ink, light-dark(#14191a, #edf1f0));
  --_soft: var(--vitrine-soft, light-dark(#586364, #a0abaa));
  --_page: var(--vitrine-page, light-dark(#ffffff, #161a1a));
  --_tile: var(--vitrine-tile, light-dark(#f2f4f4, #e4e8e7));
  --_line: var(--vitrine-line, light-dark(#c9d1d1, #3c4545));
  --_accent: var(--vitrine-accent, light-dark(#0c6b58, #74d4ba));
  --_on-accent: var(--vitrine-on-accent, light-dark(#ffffff, #06231c));
  --_radius: var(--vitrine-radius, 10px);
  --_card: var(--vitrine-card-width, 170px);
  display: block;
  color: var(--_ink);
  font-family: var(--vitrine-font, inherit);
}
:host([hidden]), [hidden] { display: none !important; }
:host(vitrine-search) { display: inline-block; }
*, *::before, *::after { box-sizing: border-box; }
h2, h3, p, ul { margin: 0; padding: 0; }
ul { list-style: none; }
button { font: inherit; color: inherit; cursor: pointer; }
svg { width: 20px; height: 20px; flex: none; fill: none; stroke: currentcolor; stroke-width: 1.6; stroke-linecap: round; stroke-linejoin: round; }
:focus-visible { outline: 2px solid var(--_accent); outline-offset: 2px; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

.open, .primary, .secondary { display: inline-flex; align-items: center; justify-content: center; gap: 8px; min-height: 44px; padding: 0 18px; border: 1px solid var(--_line); border-radius: var(--vitrine-button-radius, 999px); background: var(--_page); font-weight: 600; }
.primary { border-color: transparent; background: var(--_accent); color: var(--_on-accent); }
.secondary:hover, .open:hover { border-color: var(--_ink); }
.small { min-height: 36px; padding: 0 14px; font-size: 14px; }
.open.icon-only { width: 44px; padding: 0; }
.close { display: grid; place-items: center; width: 44px; height: 44px; padding: 0; border: 0; border-radius: 50%; background: none; }

.sheet { width: min(960px, 100%); max-width: none; height: min(860px, 94dvh); max-height: none; padding: 0; overflow: hidden; border: 0; border-radius: calc(var(--_radius) * 1.6); background: var(--_page); color: var(--_ink); font-size: 15px; line-height: 1.5; text-align: start; }
.sheet::backdrop { background: rgb(10 14 14 / 55%); }
.sheet[open] { display: flex; flex-direction: column; }
.bar { display: flex; align-items: center; justify-content: space-between; padding: 8px 8px 8px 24px; border-bottom: 1px solid var(--_line); }
.bar h2 { font-size: 18px; line-height: 1.3; }
.body { flex: 1; overflow-y: auto; padding: 24px; overscroll-behavior: contain; }
.body:focus-visible { outline: none; } /* a script moves the focus there; nobody can act on it */

.drop { display: grid; justify-items: center; align-content: center; gap: 14px; min-height: min(440px, 56dvh); padding: 48px 20px; border: 2px dashed var(--_line); border-radius: var(--_radius); text-align: center; }
.over .drop, .over .stage { outline: 3px solid var(--_accent); outline-offset: 3px; }
.buttons { display: flex; flex-wrap: wrap; gap: 10px; justify-content: center; }
.fine { color: var(--_soft); font-size: 13px; }
@media (pointer: coarse) { .fine-pointer { display: none; } }
@media (pointer: fine) { .coarse-pointer { display: none; } }

.source { display: flex; flex-wrap: wrap; gap: 20px; align-items: flex-start; }
.stage { position: relative; flex: none; max-width: 100%; border-radius: var(--_radius); overflow: hidden; background: var(--_tile); }
.stage img { display: block; max-width: min(320px, 78vw); max-height: 260px; }
.dot { position: absolute; width: 44px; height: 44px; margin: -22px 0 0 -22px; padding: 0; border: 0; background: none; }
.dot::before { content: ""; position: absolute; inset: 12px; border: 3px solid #fff; border-radius: 50%; background: #14191a; box-shadow: 0 0 0 1px #14191a, 0 1px 5px rgb(0 0 0 / 60%); }
.dot[aria-pressed="true"]::before { inset: 8px; background: var(--_accent); }
.frame { position: absolute; border: 2px solid #fff; border-radius: 6px; box-shadow: 0 0 0 1px #14191a, 0 0 0 999px rgb(0 0 0 / 35%); pointer-events: none; }
.choices { display: grid; gap: 10px; justify-items: start; }

.notice { display: grid; gap: 10px; justify-items: start; margin-top: 20px; padding: 14px 18px; border: 1px solid var(--_line); border-radius: var(--_radius); }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(var(--_card), 44%), 1fr)); gap: 24px 16px; margin-top: 22px; }
.grid[aria-busy="true"] { opacity: 0.45; }
.cut { grid-column: 1 / -1; padding-top: 16px; border-top: 1px solid var(--_line); }
.cut h3, .row-title { font-size: 17px; line-height: 1.3; }

.row-title { margin-bottom: 14px; }
.row { scroll-padding-inline: 4px; display: grid; grid-auto-flow: column; grid-auto-columns: var(--_card); gap: 16px; overflow-x: auto; padding: 4px 4px 10px; margin: -4px; scroll-snap-type: x proximity; }
.row > li { scroll-snap-align: start; }
.ask { display: flex; flex-wrap: wrap; align-items: center; gap: 10px; margin-bottom: 16px; padding: 14px 18px; border: 1px solid var(--_line); border-radius: var(--_radius); }
.forget { padding: 8px 0; border: 0; background: none; color: var(--_soft); font-size: 13px; text-decoration: underline; }
.ask p { flex: 1 1 260px; font-size: 14px; }

.entry { min-width: 0; }
.card { display: block; width: 100%; padding: 0; border: 0; border-radius: var(--_radius); background: none; color: inherit; text-align: start; text-decoration: none; font-size: 14px; line-height: 20px; }
.picture { display: block; aspect-ratio: 1; overflow: hidden; border-radius: var(--_radius); background: var(--_tile); }
.picture img { width: 100%; height: 100%; object-fit: contain; mix-blend-mode: multiply; }
.card-title { display: -webkit-box; min-height: 40px; margin-top: 8px; overflow: hidden; -webkit-box-orient: vertical; -webkit-line-clamp: 2; }
.card:hover .card-title { text-decoration: underline; }
.card-price { display: block; font-weight: 600; }
.card-stock { display: block; color: var(--_soft); }
.swatches { display: flex; flex-wrap: wrap; align-items: center; gap: 6px; margin-top: 8px; }
.swatch { display: block; width: 28px; height: 28px; padding: 2px; overflow: hidden; border: 1px solid var(--_line); border-radius: 50%; background: var(--_page); }
.swatch[aria-current] { border: 2px solid var(--_ink); padding: 1px; }
.swatch img { display: block; width: 100%; height: 100%; border-radius: 50%; object-fit: cover; }

@media (pointer: coarse) { .swatches { gap: 3px; } .swatch { width: 31px; height: 31px; } } /* five are in a row */
@media (max-width: 699px) {
  .sheet { width: 100%; height: 94dvh; margin: auto 0 0; border-radius: 18px 18px 0 0; }
  .body { padding: 16px; }
  .bar { padding-left: 16px; }
  .choices { grid-auto-flow: column; }
}
@media (prefers-reduced-motion: no-preference) {
  .sheet[open] { animation: rise 200ms cubic-bezier(0.2, 0.8, 0.2, 1); }
  @keyframes rise { from { transform: translateY(24px); opacity: 0; } }
}
@media (forced-colors: active) {
  .primary, .card { border: 1px solid ButtonText; }
  .primary { background: ButtonFace; color: ButtonText; }
  .picture img { mix-blend-mode: normal; }
  .dot::before, .frame { forced-color-adjust: none; }
}
`;

let sheet = null;

/** Return the style sheet, which all components share; a policy against inline styles allows it. */
export function sharedStyles() {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
  }
  return sheet;
}
