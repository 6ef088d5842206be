// Boxes on a picture: {x0, y0, x1, y1}, as shares from 0 to 1 of the upright picture.

export const WHOLE = Object.freeze({ x0: 0, y0: 0, x1: 1, y1: 1 });
const SMALLEST = 0.08;
const TAPPED = 0.46; // side of the box that a tap on the photo makes

/** Return a number moved into a range. */
export const within = (value, low, high) => Math.min(Math.max(value, low), high);

/** Return true if a box is the whole picture, or null. */
export const isWhole = (box) => !box || (box.x0 <= 0 && box.y0 <= 0 && box.x1 >= 1 && box.y1 >= 1);

/** Return the box moved by (dx, dy) within the picture, with the same size. */
export function moved(box, dx, dy) {
  const x = within(dx, -box.x0, 1 - box.x1);
  const y = within(dy, -box.y0, 1 - box.y1);
  return { x0: box.x0 + x, y0: box.y0 + y, x1: box.x1 + x, y1: box.y1 + y };
}

/** Return the box with the edges of `handle` ("n", "se", ...) moved by (dx, dy). */
export function resized(box, handle, dx, dy) {
  const { x0, y0, x1, y1 } = box;
  return {
    x0: handle.includes("w") ? within(x0 + dx, 0, x1 - SMALLEST) : x0,
    y0: handle.includes("n") ? within(y0 + dy, 0, y1 - SMALLEST) : y0,
    x1: handle.includes("e") ? within(x1 + dx, x0 + SMALLEST, 1) : x1,
    y1: handle.includes("s") ? within(y1 + dy, y0 + SMALLEST, 1) : y1,
  };
}

/** Return the box between two points, enlarged to the smallest size if necessary. */
export function spanned(a, b) {
  const box = {
    x0: Math.min(a.x, b.x),
    y0: Math.min(a.y, b.y),
    x1: Math.max(a.x, b.x),
    y1: Math.max(a.y, b.y),
  };
  const x0 = Math.min(box.x0, 1 - SMALLEST);
  const y0 = Math.min(box.y0, 1 - SMALLEST);
  return { x0, y0, x1: Math.max(box.x1, x0 + SMALLEST), y1: Math.max(box.y1, y0 + SMALLEST) };
}

/** Return a box of the tapped size around a point, moved inside the picture. */
export function around({ x, y }) {
  const x0 = within(x - TAPPED / 2, 0, 1 - TAPPED);
  const y0 = within(y - TAPPED / 2, 0, 1 - TAPPED);
  return { x0, y0, x1: x0 + TAPPED, y1: y0 + TAPPED };
}

/** Return a box from a list of its edges, as the service has it. */
export const boxOf = ([x0, y0, x1, y1]) => ({ x0, y0, x1, y1 });
