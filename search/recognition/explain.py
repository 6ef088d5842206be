"""Explain a score by the parts of a picture that make it similar to another one.

Each part of the picture is covered in turn, and the picture is encoded again; what the score loses
is the heat of the part. This works with every encoder. All covered copies are encoded in one batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from indexer.imaging.borders import inside_border
from indexer.imaging.images import WHOLE, Box
from indexer.imaging.photos import Photo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from indexer.arrays import Pixels, Vectors
    from indexer.encoders.base import Encoder
    from indexer.imaging.preprocess import Preprocess

    Floats = NDArray[np.float32]

GRID = 8  # cells of a heat map, across and down
_COVER = 2  # cells that a cover is wide and high
_GLOW = np.array([255, 70, 30], dtype=np.float32)


class HeatMap(NamedTuple):
    """How much each part of a picture adds to a score.

    ``values`` (8, 8), from the top left, are what the score loses if the part is covered; negative
    if it gains. ``score`` is the cosine of the whole picture. ``box`` is the region of the
    picture that the map covers, as shares of its sides.
    """

    values: Floats
    score: float
    box: Box


class Explained(NamedTuple):
    """The heat map of a query photo, and that of the picture of a hit; see ``HeatMap``."""

    query: HeatMap
    hit: HeatMap


def covered_vectors(encoder: Encoder, square: Pixels) -> Vectors:
    """Encode a picture (s, s, 3), and copies with one part covered: (50, dim).

    Covers have the color of the picture's edge: over a plain background they change nothing. The
    whole picture comes first, then the covers from the top left, row by row.
    """
    side = len(square)
    edges = np.linspace(0, side, GRID + 1).round().astype(int)
    color = _edge_color(square)
    pictures = [square]
    for top, left in _covers():
        copy = square.copy()
        copy[edges[top] : edges[top + _COVER], edges[left] : edges[left + _COVER]] = color
        pictures.append(copy)
    return encoder.encode_images(pictures)


def heat_of(vectors: Vectors, target: NDArray[np.float32]) -> tuple[Floats, float]:
    """Return the heat (8, 8) and the score of a picture for a vector (dim,).

    ``vectors`` (50, dim) are those of ``covered_vectors``. A cell has the mean of its covers.
    """
    scores = vectors @ target  # (50,)
    total = np.zeros((GRID, GRID), dtype=np.float32)
    count = np.zeros((GRID, GRID), dtype=np.float32)
    for (top, left), score in zip(_covers(), scores[1:], strict=True):
        part = np.s_[top : top + _COVER, left : left + _COVER]
        total[part] += scores[0] - score
        count[part] += 1
    return total / count, float(scores[0])


def explain(
    encoder: Encoder, query: bytes, hits: Sequence[bytes], box: Box = WHOLE
) -> list[Explained]:
    """Explain the similarity of an encoded photo, or its region ``box``, to each of some pictures.

    Takes as long as encoding 50 photos for the query, and 50 for each hit. Raises BadImage.
    """
    of_query, region = _covered(encoder, query, box)
    found = []
    for hit in hits:
        of_hit, hit_region = _covered(encoder, hit, WHOLE)
        found.append(
            Explained(
                HeatMap(*heat_of(of_query, of_hit[0]), region),
                HeatMap(*heat_of(of_hit, of_query[0]), hit_region),
            )
        )
    return found


def _covered(encoder: Encoder, data: bytes, box: Box) -> tuple[Vectors, Box]:
    """Return the vectors of ``covered_vectors``, and the region of the picture that is covered."""
    photo = Photo(data)
    square = photo.fit(encoder.preprocess, box=box).square
    seen = mapped_box(photo.cut(box, side=encoder.preprocess.source_side), encoder.preprocess, box)
    return covered_vectors(encoder, square), seen


def mapped_box(pixels: Pixels, preprocess: Preprocess, box: Box = WHOLE) -> Box:
    """Return the region of a picture that the encoder sees, as shares of its sides.

    ``pixels`` (h, w, 3) are its region ``box``. An encoder that pads sees more than the picture:
    its region ends outside of 0 to 1.
    """
    x0, y0, x1, y1 = _seen(pixels, preprocess, trim=preprocess.trim and box == WHOLE)
    left, top, w, h = box[0], box[1], box[2] - box[0], box[3] - box[1]
    return (left + x0 * w, top + y0 * h, left + x1 * w, top + y1 * h)


def _seen(pixels: Pixels, preprocess: Preprocess, *, trim: bool) -> Box:
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = inside_border(pixels) if trim else (0, 0, width, height)
    w, h = float(x1 - x0), float(y1 - y0)
    if preprocess.fit != "squash":
        side = min(w, h) if preprocess.fit == "crop" else max(w, h)
        seen = side * (preprocess.size / preprocess.scaled if preprocess.scaled else 1)
        middle_x, middle_y = (x0 + x1) / 2, (y0 + y1) / 2
        box = (middle_x - seen / 2, middle_y - seen / 2, middle_x + seen / 2, middle_y + seen / 2)
        return (box[0] / width, box[1] / height, box[2] / width, box[3] / height)
    if preprocess.scaled:
        share = (1 - preprocess.size / preprocess.scaled) / 2
        return (
            (x0 + share * w) / width,
            (y0 + share * h) / height,
            (x1 - share * w) / width,
            (y1 - share * h) / height,
        )
    return (x0 / width, y0 / height, x1 / width, y1 / height)


def draw_heat(pixels: Pixels, heat: HeatMap) -> Pixels:
    """Return a gray copy of (h, w, 3) that glows where the score comes from."""
    height, width = pixels.shape[:2]
    gray = pixels.astype(np.float32).mean(axis=2, keepdims=True) * 0.6 + 80
    strength = np.zeros((height, width), dtype=np.float32)
    x0, y0 = round(max(0.0, heat.box[0]) * width), round(max(0.0, heat.box[1]) * height)
    x1, y1 = round(min(1.0, heat.box[2]) * width), round(min(1.0, heat.box[3]) * height)
    hot = np.maximum(heat.values, 0) / max(float(heat.values.max()), 1e-6)
    if x1 > x0 and y1 > y0:
        enlarged = Image.fromarray(hot.astype(np.float32)).resize(
            (x1 - x0, y1 - y0), Image.Resampling.BICUBIC
        )
        strength[y0:y1, x0:x1] = np.clip(np.asarray(enlarged), 0, 1)
    share = 0.75 * strength[:, :, None]
    colored = gray * (1 - share) + _GLOW * share
    return np.asarray(np.clip(colored, 0, 255), dtype=np.uint8)


def _edge_color(square: Pixels) -> NDArray[np.uint8]:
    """Return the median color (3,) of the outermost pixels of (s, s, 3)."""
    rim = max(1, len(square) // 32)
    parts = (square[:rim], square[-rim:], square[:, :rim], square[:, -rim:])
    edge = np.concatenate([part.reshape(-1, 3) for part in parts])
    return np.asarray(np.median(edge, axis=0).round(), dtype=np.uint8)


def _covers() -> list[tuple[int, int]]:
    """Return the top left cell of each cover, row by row: they overlap by half."""
    steps = range(GRID - _COVER + 1)
    return [(top, left) for top in steps for left in steps]
