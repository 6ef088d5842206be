"""Cut a thing out of a busy photo, given its box: GrabCut, by OpenCV (the extra ``opencv``).

C. Rother, V. Kolmogorov, A. Blake, "GrabCut: interactive foreground extraction using iterated graph
cuts", SIGGRAPH 2004. Colors outside the box are background; inside, two mixtures of colors compete.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from style.checks import check_pixels
from style.cutout import Cutout, box_of
from style.planes import resized
from style.shrink import shrunk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from style.arrays import Pixels

    Box = tuple[float, float, float, float]

__all__ = ["can_grab", "grab_cut"]

_SIDE = 256  # pixels of the longer side of the part that is analyzed
_MARGIN = 0.3  # of the box's sides, around it: what the background is learned from
_ROUNDS = 5
_SURE, _UNSURE = 0.6, 0.2  # confidences: GrabCut does not say how sure it is
_FILLED = (0.2, 0.97)  # share of its box that a plausible thing fills


def can_grab() -> bool:
    """Return True if OpenCV is installed."""
    return find_spec("cv2") is not None


def grab_cut(pixels: Pixels, box: Box) -> Cutout:
    """Cut out what is in ``box`` (x0, y0, x1, y1 as shares of the sides) of (h, w, 3).

    Unsure if the result fills hardly any of the box, or all of it, or if the box fills the photo.
    Needs OpenCV: see ``can_grab``. Raises BadPixels.
    """
    check_pixels(pixels)
    height, width = pixels.shape[:2]
    left, top, right, bottom = _around(box, height, width)
    part = shrunk(np.ascontiguousarray(pixels[top:bottom, left:right]), _SIDE)
    rows, columns = part.shape[:2]
    inner = _rectangle(box, (left, top, right, bottom), pixels.shape, part.shape)
    alpha = np.zeros((height, width), np.uint8)
    found = (
        _grabbed(part, inner) if min(inner[2:]) > 2 and (rows, columns) != inner[3:1:-1] else None
    )
    if found is None or not found.any():
        return Cutout(alpha, 0.0, None)
    share = float(found.sum()) / (inner[2] * inner[3])
    soft = resized(found.astype(np.float32), bottom - top, right - left)
    alpha[top:bottom, left:right] = np.round(255 * np.clip(soft, 0, 1))
    confidence = _SURE if _FILLED[0] <= share <= _FILLED[1] else _UNSURE
    return Cutout(alpha, confidence, box_of(alpha))


def _around(box: Box, height: int, width: int) -> tuple[int, int, int, int]:
    """Return the part of the photo to analyze, in pixels: the box and a margin."""
    x0, y0, x1, y1 = box
    dx, dy = _MARGIN * (x1 - x0), _MARGIN * (y1 - y0)
    left, top = max(0, int((x0 - dx) * width)), max(0, int((y0 - dy) * height))
    right = min(width, max(left + 1, int(np.ceil((x1 + dx) * width))))
    bottom = min(height, max(top + 1, int(np.ceil((y1 + dy) * height))))
    return left, top, right, bottom


def _rectangle(
    box: Box, part: tuple[int, int, int, int], shape: tuple[int, ...], small: tuple[int, ...]
) -> tuple[int, int, int, int]:
    """Return the box in the small copy of a part, as x, y, width and height in pixels."""
    left, top, right, bottom = part
    across, down = small[1] / (right - left), small[0] / (bottom - top)
    x = max(0, round((box[0] * shape[1] - left) * across))
    y = max(0, round((box[1] * shape[0] - top) * down))
    end_x = min(small[1], round((box[2] * shape[1] - left) * across))
    end_y = min(small[0], round((box[3] * shape[0] - top) * down))
    return x, y, end_x - x, end_y - y


def _grabbed(part: Pixels, inner: tuple[int, int, int, int]) -> NDArray[np.bool_] | None:
    """Return the foreground (y, x), or None if the colors cannot be told apart."""
    cv2: Any = import_module("cv2")
    marks = np.full(part.shape[:2], cv2.GC_BGD, np.uint8)
    x, y, width, height = inner
    marks[y : y + height, x : x + width] = cv2.GC_PR_FGD
    models = np.zeros((1, 65)), np.zeros((1, 65))
    try:
        cv2.setRNGSeed(1)
        cv2.grabCut(part, marks, None, *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    except cv2.error:
        return None
    found: NDArray[np.bool_] = (marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)
    return found
