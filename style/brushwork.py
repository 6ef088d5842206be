"""Take the strokes of a style image: its texture, patch by patch, laid along the photo's outlines.

A texture transfer after A. Efros, W. Freeman, "Image quilting for texture synthesis and transfer",
SIGGRAPH 2001: each place of the photo takes a patch of the style image that has a like rank of
lightness and a like direction. In place of cuts, patches overlap and are summed so that their
variance stays (E. Heitz, F. Neyret, "High-performance by-example noise using a histogram-preserving
blending operator", 2018), which has no seams.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from style.arrays import Floats, Pixels
from style.art.canvas import detail
from style.guided import luma
from style.planes import gaussian, gradient, smoothstep

__all__ = ["strokes", "texture_share"]

_PATCHES = 11  # along the longer side of the photo, without overlap
_SCALE = 0.9  # longer side of the style image, relative to that of the photo
_LIMIT = 0.13  # of what a stroke adds; larger contrasts are outlines of things in the style image
_SAMPLES = 320  # places of the style image whose patches are considered, each in eight positions
_NEAREST = 6  # candidates to choose from, so that no patch is repeated all over
_ENERGY = (0.25, 0.85)  # quantiles: without empty paper, and without the strongest outlines
_LIGHT = 0.8  # weight of lightness beside direction

_DARK = 0.25  # shares of the strokes that are kept: on black,
_PAGE = 0.1  # on a white page
_FINE = 0.2  # and on fine detail, such as a face or a logo


class _Patches(NamedTuple):
    residual: Floats  # (y, x, 3): the style image without its local mean
    top: NDArray[np.intp]  # (n,)
    left: NDArray[np.intp]  # (n,)
    traits: Floats  # (8 n, 3): rank of lightness and direction, by position and place


def strokes(picture: Floats, image: Pixels, seed: int) -> Floats:
    """Return what the strokes of a style image (y, x, 3) add to a picture (h, w, 3) in [0, 1].

    The local mean of the result is near 0, so the strokes carry no light of their own.
    """
    height, width = picture.shape[:2]
    side = max(height, width)
    size = max(8, round(side / _PATCHES) // 2 * 2)
    rng = np.random.default_rng(seed)
    cut = _cut(image, side, size, rng)
    step = size // 2
    top, left = (
        axis.ravel()
        for axis in np.mgrid[-step:height:step, -step:width:step]  # (places,) each
    )
    top, left = (axis + rng.integers(-step // 4, step // 4 + 1, len(axis)) for axis in (top, left))
    row, column = np.clip(top + step, 0, height - 1), np.clip(left + step, 0, width - 1)
    light = luma(picture)
    wanted = _traits(light, row, column, size, size / 2)  # (places, 3)
    chosen = _choose(wanted, cut.traits, rng)
    rise = np.sin(np.pi * (np.arange(size, dtype=np.float32) + 0.5) / size)
    window = np.outer(rise, rise)
    total = np.zeros((height + 3 * size, width + 3 * size, 3), np.float32)  # with margins
    power = np.zeros(total.shape[:2], np.float32)
    for y, x, choice in zip(top + size, left + size, chosen, strict=True):
        position, place = divmod(int(choice), len(cut.top))
        y0, x0 = cut.top[place], cut.left[place]
        patch = cut.residual[y0 : y0 + size, x0 : x0 + size]
        if position % 2:
            patch = patch[:, ::-1]
        total[y : y + size, x : x + size] += window[..., None] * np.rot90(patch, position // 2)
        power[y : y + size, x : x + size] += window**2
    inside = slice(size, size + height), slice(size, size + width)
    spread = np.sqrt(np.maximum(power[inside], 1e-6))
    laid = np.asarray(total[inside] / spread[..., None], np.float32)
    return np.asarray(laid - gaussian(laid, size / 2), np.float32)  # the photo's own light stays


def texture_share(photo: Floats) -> Floats:
    """Return the share (h, w) of the strokes that a photo (h, w, 3) in [0, 1] takes.

    Small where strokes would hide the product or look like a fault: on fine detail, on black, and
    on a white page.
    """
    side = max(photo.shape[:2])
    exact = detail(photo)
    light = gaussian(luma(photo), 0.004 * side)
    dark = 1 - (1 - _DARK) * smoothstep(0.5, 0.05, light)
    near_edge = np.clip(3 * gaussian(exact, 0.006 * side), 0, 1)
    page = 1 - (1 - _PAGE) * smoothstep(0.82, 0.95, light) * (1 - near_edge)
    fine = 1 - (1 - _FINE) * np.clip(1.6 * gaussian(exact, 0.012 * side), 0, 1)
    return np.asarray(dark * page * fine, np.float32)


def _cut(image: Pixels, side: int, size: int, rng: np.random.Generator) -> _Patches:
    """Bring a style image to the scale of a photo of ``side``, and sample patches of ``size``."""
    scale = _SCALE * side / max(image.shape[:2])
    width, height = (max(2 * size, round(image.shape[axis] * scale)) for axis in (1, 0))
    fitted = Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC)
    picture = np.asarray(fitted).astype(np.float32) / np.float32(255)
    residual = picture - gaussian(picture, size / 3.5)
    residual = np.float32(_LIMIT) * np.tanh(residual / np.float32(_LIMIT))
    top = rng.integers(0, height - size + 1, _SAMPLES)
    left = rng.integers(0, width - size + 1, _SAMPLES)
    energy = gaussian((residual**2).mean(axis=2), size / 3)[top + size // 2, left + size // 2]
    least, most = np.quantile(energy, _ENERGY)
    kept = (energy >= least) & (energy <= most)
    top, left = top[kept], left[kept]
    traits = _traits(luma(picture), top + size // 2, left + size // 2, size, size / 4)
    # A quarter turn turns a direction around; a mirror image changes the sign of its sine.
    positions = [
        traits * np.array([1, turn, turn * mirror], np.float32)
        for turn in (1, -1, 1, -1)
        for mirror in (1, -1)
    ]
    return _Patches(residual, top, left, np.concatenate(positions))


def _traits(
    light: Floats, row: NDArray[np.intp], column: NDArray[np.intp], size: int, reach: float
) -> Floats:
    """Return (n, 3): the rank of lightness, and cosine and sine of twice the direction.

    The latter are multiplied by how clear the direction is within ``reach`` pixels.
    """
    level = gaussian(light, size / 3)
    rank = np.searchsorted(np.sort(level, axis=None), level[row, column]) / level.size
    across, down = gradient(gaussian(light, 1.0))
    tensor = gaussian(
        np.stack([across**2 - down**2, 2 * across * down, across**2 + down**2], axis=-1), reach
    )[row, column]  # (n, 3)
    direction = tensor[:, :2] / (tensor[:, 2:] + 1e-5)
    return np.concatenate([np.float32(_LIGHT) * rank[:, None], direction], axis=1, dtype=np.float32)


def _choose(wanted: Floats, offered: Floats, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return one of the nearest rows of (m, 3) for each row of (n, 3), at random: (n,)."""
    far = (offered**2).sum(axis=1) - 2 * wanted @ offered.T  # (n, m), less a constant of each row
    count = min(_NEAREST, len(offered))
    nearest = np.argpartition(far, count - 1, axis=1)[:, :count]
    chosen: NDArray[np.intp] = nearest[np.arange(len(wanted)), rng.integers(0, count, len(wanted))]
    return chosen
