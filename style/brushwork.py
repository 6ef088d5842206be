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

__all__ = ["Patches", "patches_of", "strokes", "texture_share"]

_PATCHES = 11  # along the longer side of the photo, without overlap
_SCALE = 0.9  # longer side of the style image, relative to that of the photo
_LIMIT = 0.13  # of what a stroke adds; larger contrasts are outlines of things in the style image
_SAMPLES = 320  # places of the style image whose patches are considered, each in eight positions
_DEALS = 4  # a place chooses from one deal of the patches, so that none is repeated all over
_ENERGY = (0.25, 0.85)  # quantiles: without empty paper, and without the strongest outlines
_LIGHT = 0.8  # weight of lightness beside direction

_DARK = 0.25  # shares of the strokes that are kept: on black,
_PAGE = 0.1  # on a white page
_FINE = 0.2  # and on fine detail, such as a face or a logo


class Patches(NamedTuple):
    """Squares of a style image, each in eight positions: turned, and mirrored.

    ``planes`` are the whole image without its local mean in these positions, (y, x, 4) each; the
    fourth channel is 1, so that a sum of patches has the sum of their weights. Patch ``n`` has the
    upper left corner ``top[n]``, ``left[n]`` of plane ``n // (len(top) // 8)``, and ``traits[n]``
    are its rank of lightness and its direction.
    """

    size: int
    planes: list[Floats]
    top: NDArray[np.intp]  # (8 n,)
    left: NDArray[np.intp]  # (8 n,)
    traits: Floats  # (8 n, 3)


def patches_of(image: Pixels, side: int, seed: int) -> Patches:
    """Sample patches of a style image (h, w, 3), at the scale of a photo with this longer side."""
    size = max(8, round(side / _PATCHES) // 2 * 2)
    rng = np.random.default_rng(seed)
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
    plain = np.concatenate([residual, np.ones((height, width, 1), np.float32)], axis=2)
    planes, tops, lefts, turned = [], [], [], []
    for turns in range(4):
        for mirror in (1, -1):
            flipped, x = (plain, left) if mirror == 1 else (plain[:, ::-1], width - left - size)
            below, beside = height - top - size, width - x - size
            row, column = ((top, x), (beside, top), (below, beside), (x, below))[turns]
            planes.append(np.rot90(flipped, turns))
            tops.append(row)
            lefts.append(column)
            # A quarter turn turns a direction around; a mirror image changes the sign of its sine.
            turn = 1 - 2 * (turns % 2)
            turned.append(traits * np.array([1, turn, turn * mirror], np.float32))
    return Patches(
        size, planes, np.concatenate(tops), np.concatenate(lefts), np.concatenate(turned)
    )


def strokes(picture: Floats, patches: Patches, seed: int) -> Floats:
    """Return what the strokes of a style image add to a picture in [0, 1]: both are (h, w, 3).

    The patches are those of a photo with this longer side. The local mean of the result is near 0,
    so the strokes carry no light of their own.
    """
    height, width = picture.shape[:2]
    size = patches.size
    rng = np.random.default_rng([seed, 1])
    step = size // 2
    top, left = (
        axis.ravel()
        for axis in np.mgrid[-step:height:step, -step:width:step]  # (places,) each
    )
    top, left = (axis + rng.integers(-step // 4, step // 4 + 1, len(axis)) for axis in (top, left))
    row, column = np.clip(top + step, 0, height - 1), np.clip(left + step, 0, width - 1)
    wanted = _traits(luma(picture), row, column, size, size / 2)  # (places, 3)
    chosen = _choose(wanted, patches.traits, rng)
    rise = np.sin(np.pi * (np.arange(size, dtype=np.float32) + 0.5) / size)
    window = np.repeat(np.outer(rise, rise)[..., None], 4, axis=2)
    window[..., 3] **= 2  # sums to the variance that the patches have together
    total = np.zeros((height + 3 * size, width + 3 * size, 4), np.float32)  # with margins
    weighted = np.empty_like(window)
    plane = chosen // (len(patches.top) // 8)
    places = zip(
        *(top + size, left + size, plane, patches.top[chosen], patches.left[chosen]), strict=False
    )
    for y, x, number, y0, x0 in places:
        np.multiply(patches.planes[number][y0 : y0 + size, x0 : x0 + size], window, out=weighted)
        total[y : y + size, x : x + size] += weighted
    inside = total[size : size + height, size : size + width]
    spread = np.sqrt(np.maximum(inside[..., 3:], 1e-6))
    laid = np.asarray(inside[..., :3] / spread, np.float32)
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


def _traits(
    light: Floats, row: NDArray[np.intp], column: NDArray[np.intp], size: int, reach: float
) -> Floats:
    """Return (n, 3): the rank of lightness, and cosine and sine of twice the direction.

    The latter are multiplied by how clear the direction is within ``reach`` pixels.
    """
    level = gaussian(light, size / 3)
    levels = np.sort(level[::3, ::3], axis=None)  # so smooth that a ninth of the pixels is enough
    rank = np.searchsorted(levels, level[row, column]) / levels.size
    across, down = gradient(gaussian(light, 1.0))
    tensor = gaussian(
        np.stack([across**2 - down**2, 2 * across * down, across**2 + down**2], axis=-1), reach
    )[row, column]  # (n, 3)
    direction = tensor[:, :2] / (tensor[:, 2:] + 1e-5)
    return np.concatenate([np.float32(_LIGHT) * rank[:, None], direction], axis=1, dtype=np.float32)


def _choose(wanted: Floats, offered: Floats, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return one of the nearest rows of (m, 3) for each row of (n, 3): (n,).

    Both are dealt at random into a few groups, and each group chooses from its own.
    """
    chosen = np.empty(len(wanted), np.intp)
    takers, deck = rng.permutation(len(wanted)), rng.permutation(len(offered))
    deals = min(_DEALS, len(offered))
    for deal in range(deals):
        of, cards = takers[deal::deals], deck[deal::deals]
        dealt = offered[cards]
        # Distances, less a constant of each row.
        far = (dealt**2).sum(axis=1) - 2 * wanted[of] @ dealt.T  # (n / deals, m / deals)
        chosen[of] = cards[far.argmin(axis=1)]
    return chosen
