// The ways to give a photo: choose, take, drop or paste one, or drag a product from the grid.

import { Viewfinder, hasCamera } from "./camera.js";
import { byId } from "./dom.js";
import { pictureIn } from "./photo.js";

const ITEM = "application/x-vitrine-item";
const touch = matchMedia("(pointer: coarse)");

/** `handlers`: photo(file), item(item_id), neither() for anything else that is dropped. */
export function startIntake(handlers) {
  startPicking(handlers.photo);
  startDropping(handlers);
  window.addEventListener("paste", (event) => {
    if (event.clipboardData.files.length === 0) return; // text goes to the text box
    event.preventDefault();
    take(event.clipboardData, handlers);
  });
}

function take(transfer, handlers) {
  const file = pictureIn(transfer);
  if (file) handlers.photo(file);
  else if (transfer.types.includes(ITEM)) handlers.item(transfer.getData(ITEM));
  else handlers.neither();
}

function startPicking(onPhoto) {
  const viewfinder = new Viewfinder(onPhoto);
  for (const id of ["pick", "pick-top", "change"])
    byId(id).addEventListener("click", () => byId("file").click());
  for (const id of ["file", "file-camera"]) {
    byId(id).addEventListener("change", ({ target }) => {
      if (target.files.length > 0) onPhoto(target.files[0]);
      target.value = ""; // so that the same photo can be chosen again
    });
  }
  // A phone's camera app takes better photos than a page can.
  byId("camera").addEventListener("click", () =>
    touch.matches ? byId("file-camera").click() : viewfinder.open(),
  );
  hasCamera().then((has) => {
    byId("camera").hidden = !(has || touch.matches);
  });
}

function startDropping(handlers) {
  let over = 0; // elements entered but not left; above 0 while something is dragged over the page
  const cover = (on) => {
    byId("drop-anywhere").hidden = !on || document.body.dataset.view === "home";
    byId("dropzone").classList.toggle("over", on);
  };
  window.addEventListener("dragenter", (event) => {
    event.preventDefault();
    over += 1;
    cover(event.dataTransfer.types.some((type) => type === "Files" || type === ITEM));
  });
  window.addEventListener("dragleave", () => {
    over = Math.max(0, over - 1);
    if (over === 0) cover(false);
  });
  window.addEventListener("dragover", (event) => event.preventDefault());
  window.addEventListener("drop", (event) => {
    event.preventDefault();
    over = 0;
    cover(false);
    take(event.dataTransfer, handlers);
  });
  byId("grid").addEventListener("dragstart", (event) => {
    const id = event.target.closest?.(".card")?.dataset.item;
    if (id) event.dataTransfer.setData(ITEM, id);
  });
}
