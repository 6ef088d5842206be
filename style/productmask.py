"""Cut a product out of a catalog photo: a mask of its pixels, and a confidence.

A plain background (of any color, constant or a soft gradient) is modeled from the picture's border
and flood-filled from there, including soft shadows. Pixels that the flood does not reach are
product, so a white label is kept. A guided filter softens the edges. With a busy background the
mask is ``unsure``; the caller should then treat the whole picture as product.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from style.arrays import Alpha, Floats, Pixels
from style.checks import check_pixels
from style.guided import fit_lines, luma
from style.oklab import from_oklab, oklab_of_pixels
from style.planes import box_mean, gradient, resized, smoothstep
from style.shrink import shrunk
from style.strips import over_strips

__all__ = [
    "Ground",
    "ProductMask",
    "flooded_ground",
    "grown",
    "mask_of",
    "plain_background",
    "product_mask",
    "spread",
]

_SIDE = 512  # pixels of the longer side of the copy that is analyzed
_TIGHT = 0.035  # largest Oklab distance of a background pixel from the model
_FRINGE = 0.015  # the same beside the flood, where the noise of a JPEG's edges stopped it
_SHADOW = 0.30  # how much darker a soft shadow may be, in L
_TINT = 0.02  # how much a shadow may differ in (a, b)
_STEP = 0.013  # largest change of L per pixel in a shadow; edges are steeper
_LEAST_STEP = 0.005  # the same on a background without noise, where faint edges can be seen
_WHITE = 0.98  # lightness of a white page, at least
_DEEP, _STEEP = 0.04, 2.5  # from here, in L, a shadow may be steeper, by this factor
_COARSE_FITS, _FITS = 4, 7  # of the background, with the bound _TIGHT, and in all
_CLEAR = 0.03  # least Oklab distance from the background where an outline is visible
_GRAIN = 5.0  # of the noise of a background, to be plain around more of the border
_CLOSE_UP = 0.4  # share of the picture that a product covers, if it reaches three of its sides
_SURE = 0.5


class ProductMask(NamedTuple):
    """The product as a soft mask (h, w), and its confidence, 0 to 1."""

    alpha: Alpha
    confidence: float

    @property
    def unsure(self) -> bool:
        """True if the background is not plain, so the mask should not be used."""
        return self.confidence < _SURE


class Ground(NamedTuple):
    """The background of a picture, analyzed in a small copy.

    ``small`` is that copy (y, x, 3), ``lab`` its Oklab colors, ``model`` those of the background,
    ``distance`` (y, x) how far they are apart. ``plain`` is the share of the border that fits the
    model, and ``noise`` how far nearly all of that share is from it. ``passable`` (y, x) is what
    looks like background or its shadow, and ``reached`` the part of it that is connected to the
    border.
    """

    small: Pixels
    lab: Floats
    model: Floats
    distance: Floats
    plain: float
    noise: float
    passable: NDArray[np.bool_]
    reached: NDArray[np.bool_]


def product_mask(pixels: Pixels) -> ProductMask:
    """Cut out the product of (h, w, 3). Raises BadPixels."""
    ground = flooded_ground(pixels)
    return mask_of(ground, ground.reached, pixels)


def flooded_ground(pixels: Pixels) -> Ground:
    """Model the background of (h, w, 3), and flood it from the border. Raises BadPixels."""
    check_pixels(pixels)
    small = shrunk(pixels, _SIDE)
    lab = oklab_of_pixels(small)  # (y, x, 3)
    model, plain, noise = _background(lab)
    away = lab - model
    distance = np.sqrt((away * away).sum(axis=2))  # (y, x)
    passable = _passable(lab, away, distance, noise)
    reached = _flooded(passable, distance < _TIGHT)
    # Edges make the flood stop early; what is left of the background there is no shadow.
    reached |= grown(reached, 3) & (distance < _FRINGE)
    return Ground(small, lab, model, distance, plain, noise, passable, reached)


def mask_of(ground: Ground, background: NDArray[np.bool_], pixels: Pixels) -> ProductMask:
    """Return the mask of what is not ``background`` (y, x), for the pixels (h, w, 3)."""
    product = _cleaned(~background)
    confidence = _confidence(product, ground)
    matte = _matte(product, ground.distance)
    return ProductMask(_full_size(matte, product, ground.small, pixels), round(confidence, 3))


def plain_background(pixels: Pixels) -> Floats:
    """Return the background of a picture without its product: sRGB (y, x, 3) in [0, 1].

    The longer side has at most 512 pixels. It means little where the mask is ``unsure``. Raises
    BadPixels.
    """
    check_pixels(pixels)
    model, _, _ = _background(oklab_of_pixels(shrunk(pixels, _SIDE)))
    ground: Floats = np.clip(from_oklab(model), 0, 1)
    return ground


def _background(lab: Floats) -> tuple[Floats, float, float]:
    """Return the background's color at each pixel (y, x, 3), its share of the border, its noise.

    The color is a quadratic in x and y, fitted to the border pixels. Pixels far from the fit are
    left out, and the fit is repeated: a product may extend beyond the picture. The last fits leave
    out more: what is three times as far as most pixels.
    """
    height, width = lab.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    terms = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=-1)  # (y, x, 6)
    edge = np.zeros((height, width), bool)
    rim = max(1, min(height, width) // 100)
    edge[:rim], edge[-rim:], edge[:, :rim], edge[:, -rim:] = True, True, True, True
    colors, design = lab[edge], terms[edge]  # (n, 3), (n, 6)
    start = _commonest(colors)
    near = np.linalg.norm(colors - start, axis=1) < 3 * _TIGHT
    fitted = np.zeros((6, 3), np.float32)
    bound, plain = _TIGHT, 0.0
    for turn in range(_FITS):
        weight = np.eye(6, dtype=np.float32) * (1e-3 * len(colors))  # few pixels: nearly level
        weight[0, 0] = 1e-3
        chosen = design[near]
        fitted = np.linalg.solve(chosen.T @ chosen + weight, chosen.T @ (colors[near]))
        missed = np.linalg.norm(colors - design @ fitted, axis=1)
        near = missed < bound
        if not near.any():
            return np.broadcast_to(start, lab.shape).astype(np.float32), 0.0, 0.0
        if turn >= _COARSE_FITS - 1:  # pale product at the border is near too: it bends the fit
            plain = plain or float(near.mean())
            bound = min(bound, max(0.004, 3 * float(np.median(missed[near]))))
    noise = float(np.quantile(missed[near], 0.9))
    return (terms @ fitted).astype(np.float32), plain, noise


def _commonest(colors: Floats) -> Floats:
    """Return the mean (3,) of the fullest cell of a histogram of colors (n, 3)."""
    cells = np.round(colors / np.float32(0.06)).astype(np.int64) @ np.array([10_000, 100, 1])
    values, counts = np.unique(cells, return_counts=True)
    chosen: Floats = colors[cells == values[counts.argmax()]].mean(axis=0)
    return chosen


def _passable(lab: Floats, away: Floats, distance: Floats, noise: float) -> NDArray[np.bool_]:
    """Return where the flood may spread, (y, x): background colors, and soft shadows.

    With less noise the tolerance is smaller, because white cloth on white is slightly gray. On a
    page that is not white, white cloth is lighter than the page, so shadows may be steeper.
    """
    tight = min(_TIGHT, max(0.008, 2 * noise + 0.004))
    slope = np.hypot(*gradient(box_mean(lab[..., 0], 1)))
    step = min(_STEP, _LEAST_STEP + 2 * noise)
    tint = np.hypot(away[..., 1], away[..., 2])
    darker = -away[..., 0]
    shadow = (darker > -0.03) & (darker < _SHADOW) & (tint < _TINT)
    if float((lab[..., 0] + darker).mean()) < _WHITE:
        small = min(1.0, max(lab.shape) / _SIDE)  # in a smaller copy, the same shadow is steeper
        reach = max(1, round(2 * small))
        calm = ~grown(slope > step / small, reach)  # woven cloth is not calm anywhere
        shadow &= calm | ((darker > _DEEP) & ~grown(slope > _STEEP * step / small, reach))
    else:
        calm = ~grown(slope > step, 2)
        shadow &= calm
    passable: NDArray[np.bool_] = (distance < tight) | ((distance < _TIGHT) & calm) | shadow
    return passable


def _flooded(passable: NDArray[np.bool_], lit: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Flood from the border through passable pixels, but not through gaps of one pixel.

    Starts where the background is ``lit``: what is darker at the border may be gray cloth.
    """
    wide = grown(~passable, 1)  # a gap in an outline is closed
    reached = np.zeros_like(passable)
    for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        reached[edge] = lit[edge] & ~wide[edge]
    reached = spread(reached, ~wide)
    return grown(reached, 1) & passable


def spread(reached: NDArray[np.bool_], open_: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Flood (h, w) from the pixels that are reached through all that are open, sideways."""
    count = -1
    while count != (count := int(reached.sum())):
        reached = _along_rows(reached, open_)
        reached = _along_rows(reached.T, open_.T).T
    return reached


def _along_rows(reached: NDArray[np.bool_], open_: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Spread along the rows: a run of open pixels is reached completely or not at all."""
    height, width = open_.shape
    walls = np.zeros((height, width + 1), bool)
    walls[:, :-1] = ~open_
    walls[:, -1] = True  # a run ends with its row
    runs = np.cumsum(walls.reshape(-1)).reshape(walls.shape)[:, :-1]
    hit = np.zeros(int(runs.max(initial=0)) + 1, bool)
    hit[runs[reached & open_]] = True
    spread: NDArray[np.bool_] = hit[runs] & open_
    return spread


def grown(mask: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    """Return a mask (h, w) with all pixels within ``radius``, sideways and diagonally."""
    return _grown_down(_grown_down(mask, radius).T, radius).T


def _grown_down(mask: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    """Return a mask (h, w) with all pixels within ``radius`` above and below.

    Doubles the height of the window at each step, which is faster than Pillow's ``MaxFilter``.
    """
    wanted = 2 * radius + 1
    found = np.pad(mask, ((radius, radius), (0, 0)))
    height = 1
    while height < wanted:
        step = min(height, wanted - height)
        found = found[:-step] | found[step:]
        height += step
    return found


def _cleaned(product: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Remove specks of dust, and smooth ragged outlines."""
    if min(product.shape) < 16:
        return product
    image = Image.fromarray(product.astype(np.uint8) * 255)
    kept = np.asarray(image.filter(ImageFilter.MedianFilter(5))) > 0
    # Thin things, such as a strap, do not survive a median; near the product they are kept.
    return kept | (product & grown(kept, 4))


def _confidence(product: NDArray[np.bool_], ground: Ground) -> float:
    """Return the confidence: is the border plain, is there a product, is its outline visible?

    On a floor with a grain, the grain has outlines too, and walls may look like product: there,
    more of the border must be plain, and the product must stand out more.
    """
    share = float(product.mean())
    if not product.any() or product.all() or _is_remainder(product):
        return 0.0
    ring = grown(~product, 5) & ~grown(~product, 2)  # just inside the outline
    clear = ground.distance > _CLEAR + ground.noise
    visible = float(clear[ring].mean()) if ring.any() else 0.0
    one = np.ones((), np.float32)
    return float(
        smoothstep(0.3, 0.7, (ground.plain - _GRAIN * ground.noise) * one)
        * smoothstep(0.002, 0.01, share * one)
        * smoothstep(0.0, 0.04, (1 - share) * one)
        * smoothstep(0.5, 0.9, visible * one)
    )


def _is_remainder(product: NDArray[np.bool_]) -> bool:
    """Return True for what is left of a close-up whose middle was taken for the background.

    It reaches three sides of the picture, and covers little of it: a collar and two sleeves, say.
    """
    borders = (product[0], product[-1], product[:, 0], product[:, -1])
    sides = sum(bool(border.any()) for border in borders)
    return sides >= 3 and float(product.mean()) < _CLOSE_UP


def _matte(product: NDArray[np.bool_], distance: Floats) -> Floats:
    """Return the product's opacity (y, x): at its outline, its distance from the background."""
    core = (~grown(~product, 3)).astype(np.float32)
    count = box_mean(core, 4)
    inside = box_mean(distance * core, 4) / np.maximum(count, 1e-6)
    clear = product & (core == 0) & (count > 0.02) & (inside > 0.08)
    share = np.clip(distance / np.maximum(0.85 * inside, 1e-6), 0, 1)
    return np.where(clear, share, product.astype(np.float32)).astype(np.float32)


def _full_size(matte: Floats, product: NDArray[np.bool_], small: Pixels, pixels: Pixels) -> Alpha:
    """Enlarge a small matte to (h, w), along the edges of the picture."""
    height, width = pixels.shape[:2]
    guide = luma(small)
    lines = fit_lines(matte, guide, radius=1, smooth=1e-3, exact=False)
    # Far from the outline the answer is known; there the filter must not follow the texture.
    inner = 1 - grown(~product, 3).astype(np.float32)
    outer = grown(product, 2).astype(np.float32)
    alpha = np.empty((height, width), np.uint8)

    def work(top: int, bottom: int) -> None:
        light = luma(pixels[top:bottom])
        soft = smoothstep(0.2, 0.8, lines.on(light, height, width, top, bottom))
        low = resized(inner, height, width, top, bottom)
        high = resized(outer, height, width, top, bottom)
        alpha[top:bottom] = np.round(255 * np.clip(soft, low, high))

    over_strips(height, width, work)
    return alpha
