"""Measure the border on each side of a picture, and find the edge of a photo behind it.

Planes are the color channels of a picture, (3, lines, n) uint8, outermost line first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Levels are 8-bit pixel values, "from the color" means from the border's color.
_PLAIN_SPREAD = 10.0  # levels between a plain line's mean and its extremes
NEAR, FAR = 5.0, 12.0  # levels from the color that are still border: clean and noisy borders
_DRIFT = 1.5  # levels that the mean of a border's lines may drift through JPEG compression
_SLOPE = 0.7  # levels that the mean may drift by the middle of a border; more is a gradient
_SHORT = 12  # fewer lines cannot show a gradient; the margin of an object covers them
_BARS = (25.0, 230.0)  # bars around a video are darker or lighter than these levels
_STRONG = 20.0  # levels from the color that a photo's edge reaches and ringing seldom does
_RINGING = 20  # lines before a photo's edge that may show ringing
_RINGING_DRIFT = 9.0  # levels that the mean of such a line may drift
_SOFT = 2  # lines before an edge that its colors bleed into
_BEYOND = 6  # lines after an edge that must not go on changing, as a gradient would
_FULL, _STRAY = 0.5, 0.12  # shares of strong pixels at a photo's edge, and before it


class BorderSide(NamedTuple):
    """The border on one side: its number of lines and color (3,), None without a border."""

    lines: int
    color: NDArray[np.float32] | None


class BorderSides(NamedTuple):
    """The borders on the four sides of a picture."""

    top: BorderSide
    bottom: BorderSide
    left: BorderSide
    right: BorderSide


def find_sides(planes: NDArray[np.uint8]) -> BorderSides | None:
    """Find the borders of (3, h, w); None if they leave no content."""
    top, bottom = _both_ends(planes)
    if top.lines + bottom.lines >= planes.shape[1]:
        return None
    between = planes[:, top.lines : planes.shape[1] - bottom.lines]
    left, right = _both_ends(between.transpose(0, 2, 1))
    if left.lines + right.lines >= planes.shape[2]:
        return None
    return BorderSides(top, bottom, left, right)


def _both_ends(planes: NDArray[np.uint8]) -> tuple[BorderSide, BorderSide]:
    """Find the borders at the first and at the last lines of (3, lines, n)."""
    first, last = is_plain(planes[:, 0].T), is_plain(planes[:, -1].T)
    if not (first or last):
        return BorderSide(0, None), BorderSide(0, None)
    low, high = planes.min(axis=2), planes.max(axis=2)  # (3, lines)
    mean = planes.mean(axis=2, dtype=np.float32)
    none = BorderSide(0, None)
    return (
        _border(low, high, mean) if first else none,
        _border(low[:, ::-1], high[:, ::-1], mean[:, ::-1]) if last else none,
    )


def _border(
    low: NDArray[np.uint8], high: NDArray[np.uint8], mean: NDArray[np.float32]
) -> BorderSide:
    """Measure the border that begins at the first line, from extremes and means (3, lines)."""
    color = mean[:, 0]  # (3,)
    spread = float(max((high[:, 0] - color).max(), (color - low[:, 0]).max()))
    near = min(FAR, max(NEAR, 1.5 * spread))
    column = color[:, None]  # (3, 1)
    drift = np.abs(mean - column).max(axis=0)  # (lines,)
    plain = ((high - column).max(axis=0) <= near) & ((column - low).max(axis=0) <= near)
    plain &= drift <= _DRIFT
    lines = len(plain) if plain.all() else int(plain.argmin())
    if _SHORT <= lines < len(plain) and drift[lines // 2] > _SLOPE:
        return BorderSide(0, None)
    return BorderSide(lines, color)


def photo_edges(
    planes: NDArray[np.uint8], sides: BorderSides
) -> tuple[int | None, int | None, int | None, int | None]:
    """Return the distance from each side to a photo's edge, in the order of ``sides``.

    ``planes`` (3, h, w) have no border any more. The distance is 0 for a side that had none, and
    None for a side without an edge.
    """
    turned = planes.transpose(0, 2, 1)
    return (
        _edge(planes, sides.top),
        _edge(planes[:, ::-1], sides.bottom),
        _edge(turned, sides.left),
        _edge(turned[:, ::-1], sides.right),
    )


def _edge(planes: NDArray[np.uint8], side: BorderSide) -> int | None:
    """Find the first line of a photo in (3, lines, n); only ringing may precede it."""
    if not side.lines or side.color is None:
        return 0
    offsets = planes[:, : _RINGING + _BEYOND].astype(np.float32) - side.color[:, None, None]
    strength = np.abs(offsets).max(axis=0)  # (k, n)
    strong = (strength > _STRONG).mean(axis=1)  # (k,)
    full = strong[:_RINGING] >= _FULL
    if not full.any():
        return None
    line = int(full.argmax())
    before = slice(0, max(0, line - _SOFT))
    drift = np.abs(offsets[:, before].mean(axis=2)).max(initial=0)
    if strong[before].max(initial=0) > _STRAY or drift > _RINGING_DRIFT:
        return None
    mean = strength.mean(axis=1)  # (k,)
    after, beyond = min(line + _SOFT, len(mean) - 1), min(line + _BEYOND, len(mean) - 1)
    jump = mean[after] - (mean[line - _SOFT - 1] if line > _SOFT else 0)
    return line if jump >= 2 * (mean[beyond] - mean[after]) else None  # None: a steep gradient


def has_bars_only(sides: BorderSides) -> bool:
    """Return True if the border is black or white, and on exactly two opposite sides."""
    if [bool(side.lines) for side in sides] not in ([1, 1, 0, 0], [0, 0, 1, 1]):
        return False
    dark, light = _BARS
    colors = [side.color for side in sides if side.color is not None and side.lines]
    return all(bool((color < dark).all() or (color > light).all()) for color in colors)


def is_plain(line: NDArray[np.uint8]) -> bool:
    """Return True if a line (n, 3) has one color, within the noise of compression."""
    return bool((line.max(axis=0).astype(np.int16) - line.min(axis=0)).max() <= 2 * _PLAIN_SPREAD)
