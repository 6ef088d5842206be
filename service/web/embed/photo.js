// A photo that a shopper gives: large ones are scaled down before they are sent.

const LARGEST = 1600; // pixels on the longer side: more than any encoder needs
const READ = ["image/jpeg", "image/png", "image/webp", "image/gif", "image/avif"];

/** Return the first picture in a drop or a paste, or null. */
export function pictureIn(transfer) {
  const files = [...(transfer?.files ?? [])];
  return files.find((file) => file.type.startsWith("image/")) ?? files[0] ?? null;
}

/** Prepare a photo: {blob, name, url}. `url` is "" if this browser cannot show it. */
export async function takeIn(file) {
  const name = file.name || "photo";
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return { blob: file, name, url: "" }; // HEIC, or not a picture: the server decides
  }
  const scale = Math.min(LARGEST / Math.max(bitmap.width, bitmap.height), 1);
  const blob = scale === 1 && READ.includes(file.type) ? file : await scaled(bitmap, scale);
  bitmap.close();
  return { blob: blob ?? file, name, url: URL.createObjectURL(blob ?? file) };
}

function scaled(bitmap, scale) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(Math.round(bitmap.width * scale), 1);
  canvas.height = Math.max(Math.round(bitmap.height * scale), 1);
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff"; // JPEG has no transparency; the server also blends onto white
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92));
}
