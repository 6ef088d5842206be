// Photos from drop, paste, file or camera: large ones are scaled down, and recent ones are kept for
// the back button.

const LARGEST = 1600; // pixels on the longer side: more than any encoder needs
const READ = ["image/jpeg", "image/png", "image/webp", "image/gif", "image/avif"]; // formats that the server decodes
const KEPT = 12;
const STORED = "vitrine-photo";

const kept = new Map(); // id -> photo, oldest first

/** Prepare a photo: {id, blob, name, url, width, height}. Width 0: this browser cannot show it. */
export async function takeIn(file) {
  const { blob, width, height } = await fitted(file);
  const photo = {
    id: crypto.getRandomValues(new Uint32Array(1))[0].toString(36),
    blob,
    name: file.name || "photo",
    width,
    height,
  };
  return keep(photo);
}

/** Return the photo with this id, also after a reload of the page, or null if it is gone. */
export async function recall(id) {
  return kept.get(id) ?? (await restore(id));
}

/** Return the first picture in a drop or a paste, or null. */
export function pictureIn(transfer) {
  const files = [...(transfer?.files ?? [])];
  return files.find((file) => file.type.startsWith("image/")) ?? files[0] ?? null;
}

async function fitted(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    // HEIC, TIFF or not a picture: the server decides, and reports the reason if it refuses.
    return { blob: file, width: 0, height: 0 };
  }
  const { width, height } = bitmap;
  const scale = Math.min(LARGEST / Math.max(width, height), 1);
  if (scale === 1 && READ.includes(file.type)) {
    bitmap.close();
    return { blob: file, width, height };
  }
  const small = {
    width: Math.max(Math.round(width * scale), 1),
    height: Math.max(Math.round(height * scale), 1),
  };
  const canvas = Object.assign(document.createElement("canvas"), small);
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff"; // JPEG has no transparency; the server also blends onto white
  context.fillRect(0, 0, small.width, small.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, small.width, small.height);
  bitmap.close();
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92));
  return blob ? { blob, ...small } : { blob: file, width, height };
}

function keep(photo) {
  const whole = { ...photo, url: URL.createObjectURL(photo.blob) };
  kept.set(whole.id, whole);
  if (kept.size > KEPT) {
    const [oldest, { url }] = kept.entries().next().value;
    kept.delete(oldest);
    URL.revokeObjectURL(url);
  }
  store(whole);
  return whole;
}

// The latest photo survives a reload, and is deleted with the tab.

function store({ id, name, width, height, blob }) {
  const reader = new FileReader();
  reader.addEventListener("load", () => {
    try {
      sessionStorage.setItem(STORED, JSON.stringify({ id, name, width, height, data: reader.result }));
    } catch {
      // Storage is full or forbidden; after a reload, the photo must be chosen again.
    }
  });
  reader.readAsDataURL(blob);
}

async function restore(id) {
  let stored = null;
  try {
    stored = JSON.parse(sessionStorage.getItem(STORED));
  } catch {
    return null;
  }
  if (stored?.id !== id) return null;
  const [head, body] = stored.data.split(",");
  const bytes = Uint8Array.from(atob(body), (letter) => letter.charCodeAt(0));
  const blob = new Blob([bytes], { type: head.slice(5).split(";")[0] });
  return keep({ id, name: stored.name, width: stored.width, height: stored.height, blob });
}
