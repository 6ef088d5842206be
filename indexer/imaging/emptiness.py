"""Recognize pictures that show nothing: one color, a plain gradient, or only text."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, ImageFilter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.arrays import Pixels

_SIDE = 192  # pixels of the longer side of the copy that is examined
_EVEN = 8.0  # levels from the background that are still background
_INK = 40.0  # levels from the background of something drawn on it
_STEEPEST = 4.0  # mean step from pixel to pixel in a gradient, in levels
_STRAY = 0.003  # share of pixels that may differ, such as dust
_MOST_INK = 0.25  # share of a page that text covers
_ONE_DIRECTION = 0.95  # cosine of two differences from the background, of strokes of one color
_FEWEST_GLYPHS = 5
_LEAST_BACKGROUND = 0.6


class Emptiness(NamedTuple):
    """Why a picture shows nothing, and how sure that is, from 0 to 1."""

    reason: str
    confidence: float


def emptiness(pixels: Pixels) -> Emptiness | None:
    """Return why (h, w, 3) shows no product; None if it may show one."""
    image = Image.fromarray(pixels)
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
    small = np.asarray(image).astype(np.float32)  # (y, x, 3)
    ground = np.median(small.reshape(-1, 3), axis=0)
    away = np.abs(small - ground).max(axis=2)  # (y, x)
    if (away > _EVEN).mean() <= _STRAY:
        return Emptiness("one color", 0.99)
    if _is_smooth(small) and (_from_gradient(small) > _EVEN).mean() <= _STRAY:
        return Emptiness("a plain gradient", 0.97)
    if _is_text(small - ground, away):
        return Emptiness("only text on a plain background", 0.85)
    return None


def _is_smooth(small: NDArray[np.float32]) -> bool:
    """Return True if neighboring pixels hardly differ; only then is a gradient worth fitting."""
    steps = (np.abs(np.diff(small, axis=axis)).mean() for axis in (0, 1) if small.shape[axis] > 1)
    return max(steps, default=0.0) < _STEEPEST


def _from_gradient(small: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how far each pixel is from a quadratic in x and y, in levels: (y, x)."""
    height, width = small.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    terms = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=-1).reshape(-1, 6)
    flat = small.reshape(-1, 3)
    fitted, *_ = np.linalg.lstsq(terms, flat, rcond=None)
    away = np.abs(flat - terms @ fitted).max(axis=1)
    return np.asarray(away.reshape(height, width), dtype=np.float32)


def _is_text(gap: NDArray[np.float32], away: NDArray[np.float32]) -> bool:
    """Return True if all that is drawn are thin strokes in lines of small glyphs.

    ``gap`` (y, x, 3) is the difference from the background, ``away`` (y, x) its largest value.
    """
    ink = away > _INK
    share = float(ink.mean())
    plain = float((away <= _EVEN).mean())
    if not 0.002 <= share <= _MOST_INK or plain < _LEAST_BACKGROUND or min(ink.shape) < 24:
        return False
    rim = np.concatenate([ink[0], ink[-1], ink[:, 0], ink[:, -1]])
    if rim.any() or not _is_one_ink(gap[ink]):
        return False
    radius = max(1, round(min(ink.shape) * 0.025))
    thick = Image.fromarray(ink.astype(np.uint8) * 255).filter(
        ImageFilter.MinFilter(2 * radius + 1)
    )
    if (np.asarray(thick) > 0).sum() > 0.02 * ink.sum():
        return False
    return _glyphs(ink) >= _FEWEST_GLYPHS


def _is_one_ink(away: NDArray[np.float32]) -> bool:
    """Return True if strokes have one color, by their differences (n, 3) from the background.

    The edge of a stroke is a blend with the background, which differs in the same direction.
    """
    direction = away / np.linalg.norm(away, axis=1, keepdims=True)
    middle = direction.mean(axis=0)
    length = float(np.linalg.norm(middle))
    return length > 0 and float(np.quantile(direction @ middle / length, 0.1)) > _ONE_DIRECTION


def _glyphs(ink: NDArray[np.bool_]) -> int:
    """Return how many glyphs stand in lines; 0 if a line is too tall or wide for text."""
    count = 0
    for top, bottom in _runs(np.asarray(ink.any(axis=1))):
        line = ink[top:bottom]
        height = bottom - top
        if height > 0.3 * len(ink):
            return 0
        widths = [right - left for left, right in _runs(np.asarray(line.any(axis=0)))]
        if any(width > 4 * height for width in widths):
            return 0
        count += len(widths)
    return count


def _runs(marks: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the runs of true values of (n,), as [start, end)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], marks.astype(np.int8), [0]])))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]
