"""Name the colors of a picture: measured in the product's mask, named by a palette.

A color is compared in Oklab, where lightness counts less than hue: folds and shadows of a red shirt
are dark, and still red. The names are those of shops; each belongs to one of twelve families, the
basic color terms of English (Berlin and Kay, 1969) and beige.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from style.arrays import Alpha, Floats, Pixels
from style.checks import check_mask, check_pixels
from style.oklab import oklab_of_pixels
from style.productmask import product_mask
from style.shrink import shrunk

__all__ = [
    "COLOR_NAMES", "PALETTE", "ColorShare", "MeasuredColors", "NamedColor", "family_of",
    "measure_colors", "product_colors",
]  # fmt: skip

_SIDE = 64  # pixels of the longer side of the copy that is measured
_CLUSTERS = 5
_ROUNDS = 8
_LIGHTNESS = 0.45  # weight of lightness when a color is named
_LEAST_SHARE = 0.12
_FEWEST = 24  # pixels of a product; with fewer, the whole picture is measured


class NamedColor(NamedTuple):
    """A color name, the family it belongs to, and its sRGB values."""

    name: str
    family: str
    rgb: tuple[int, int, int]


class ColorShare(NamedTuple):
    """A color of a product: its name, its share of the product in [0, 1], and its mean as hex."""

    name: str
    share: float
    hex: str


class MeasuredColors(NamedTuple):
    """The colors of a product: one to four names, largest share first, and the palette's shares.

    ``shares`` (29,) says how much of the product has each color of PALETTE, and sums to 1.
    """

    named: list[ColorShare]
    shares: Floats


PALETTE: tuple[NamedColor, ...] = (
    NamedColor("black", "black", (24, 24, 26)),
    NamedColor("charcoal", "gray", (74, 77, 84)),
    NamedColor("gray", "gray", (140, 142, 146)),
    NamedColor("light gray", "gray", (196, 198, 202)),
    NamedColor("white", "white", (246, 246, 244)),
    NamedColor("cream", "beige", (240, 228, 202)),
    NamedColor("beige", "beige", (214, 190, 154)),
    NamedColor("camel", "brown", (188, 140, 88)),
    NamedColor("brown", "brown", (112, 72, 46)),
    NamedColor("burgundy", "red", (118, 28, 50)),
    NamedColor("red", "red", (204, 42, 46)),
    NamedColor("coral", "orange", (240, 122, 102)),
    NamedColor("orange", "orange", (236, 124, 42)),
    NamedColor("mustard", "yellow", (206, 154, 42)),
    NamedColor("yellow", "yellow", (245, 210, 64)),
    NamedColor("lime", "green", (172, 210, 62)),
    NamedColor("olive", "green", (118, 118, 62)),
    NamedColor("green", "green", (56, 142, 76)),
    NamedColor("forest green", "green", (32, 78, 56)),
    NamedColor("mint", "green", (166, 218, 190)),
    NamedColor("turquoise", "blue", (66, 190, 196)),
    NamedColor("teal", "green", (22, 122, 128)),
    NamedColor("sky blue", "blue", (142, 190, 228)),
    NamedColor("blue", "blue", (48, 102, 192)),
    NamedColor("navy", "blue", (34, 46, 94)),
    NamedColor("purple", "purple", (104, 62, 146)),
    NamedColor("lilac", "purple", (188, 166, 216)),
    NamedColor("magenta", "pink", (214, 52, 132)),
    NamedColor("pink", "pink", (243, 172, 188)),
)
"""The names that ``product_colors`` gives."""

_SYNONYMS = {
    "grey": "gray", "silver": "gray", "dark gray": "gray", "dark grey": "gray",
    "light grey": "gray", "ivory": "beige", "sand": "beige", "tan": "beige", "khaki": "beige",
    "nude": "beige", "off white": "white", "off-white": "white", "gold": "yellow",
    "maroon": "red", "wine": "red",
    "dark blue": "blue", "light blue": "blue", "royal blue": "blue", "aqua": "blue",
    "dark green": "green", "light green": "green", "lavender": "purple", "violet": "purple",
    "mauve": "purple", "fuchsia": "pink", "rose": "pink", "dark red": "red", "peach": "orange",
    "chocolate": "brown", "dark brown": "brown", "light brown": "brown", "bronze": "brown",
}  # fmt: skip


COLOR_NAMES: dict[str, str] = {
    **{color.family: color.family for color in PALETTE},
    **{color.name: color.family for color in PALETTE},
    **_SYNONYMS,
}
"""Known names of colors in English, in lower case, and the family of each."""


def family_of(name: str) -> str | None:
    """Return the family of a color name in English, in any case; None for another word."""
    return COLOR_NAMES.get(" ".join(name.casefold().split()))


def product_colors(pixels: Pixels, mask: Alpha | None = None) -> list[ColorShare]:
    """Name the main colors of the product in (h, w, 3): see ``measure_colors``."""
    return measure_colors(pixels, mask).named


def measure_colors(pixels: Pixels, mask: Alpha | None = None) -> MeasuredColors:
    """Measure the colors of the product in (h, w, 3).

    Without ``mask`` (h, w) the product is cut out, and the whole picture is measured if its
    background is not plain. Named colors with a share below 0.12 are left out, except the largest.
    Raise BadPixels, BadMask.
    """
    lab, rgb = _product_pixels(pixels, mask)
    return MeasuredColors(_named(lab, rgb), _palette_shares(lab))


def palette_shares(pixels: Pixels) -> Floats:
    """Return the ``shares`` of ``measure_colors`` for (h, w, 3), without names, in less time."""
    return _palette_shares(_product_pixels(pixels, None)[0])


def _named(lab: Floats, rgb: NDArray[np.float64]) -> list[ColorShare]:
    shares: dict[str, float] = {}
    sums: dict[str, NDArray[np.float64]] = {}
    for members in _clusters(lab):
        name = _name(np.median(lab[members], axis=0))
        shares[name] = shares.get(name, 0.0) + float(members.mean())
        sums[name] = sums.get(name, np.zeros(3)) + rgb[members].sum(axis=0)
    order = sorted(shares, key=lambda name: -shares[name])
    kept = [name for at, name in enumerate(order) if at == 0 or shares[name] >= _LEAST_SHARE]
    return [
        ColorShare(name, round(shares[name], 3), _hex(sums[name] / (shares[name] * len(lab))))
        for name in kept[:4]
    ]


def _palette_shares(lab: Floats) -> Floats:
    """Return how much of (n, 3) has each color of the palette; a color between two counts as both.

    Sums to 1.
    """
    away = _distances(lab)  # (n, colors)
    near = np.exp(-((away - away.min(axis=1, keepdims=True)) / np.float32(0.04)))
    near /= near.sum(axis=1, keepdims=True)
    return np.asarray(near.mean(axis=0, dtype=np.float64), dtype=np.float32)


def _product_pixels(pixels: Pixels, mask: Alpha | None) -> tuple[Floats, NDArray[np.float64]]:
    """Return the product's pixels in Oklab and sRGB: (n, 3) each, n >= 1."""
    check_pixels(pixels)
    alpha = check_mask(mask, pixels)
    if alpha is None:
        pixels = shrunk(pixels, _SIDE)
        found = product_mask(pixels)
        inside = np.ones(pixels.shape[:2], dtype=np.bool_) if found.unsure else found.alpha > 200
    else:
        step = max(1, max(pixels.shape[:2]) // _SIDE)
        pixels, inside = pixels[::step, ::step], alpha[::step, ::step] > 200
    if inside.sum() < _FEWEST:
        inside = np.ones(pixels.shape[:2], dtype=np.bool_)
    chosen = pixels[inside]  # (n, 3)
    return oklab_of_pixels(chosen), chosen.astype(np.float64)


def _clusters(lab: Floats) -> list[NDArray[np.bool_]]:
    """Split colors (n, 3) into at most five groups of like colors: masks (n,), by k-means.

    The first center is the mean, each further one the color that is far from all centers, weighted
    by how many pixels are there. Deterministic.
    """
    scaled = lab * np.array([_LIGHTNESS, 1, 1], np.float32)
    cells = np.round(scaled / np.float32(0.03)).astype(np.int64) @ np.array([10_000, 100, 1])
    _, place, counts = np.unique(cells, return_inverse=True, return_counts=True)
    means = np.zeros((len(counts), 3))
    np.add.at(means, place, scaled)
    means /= counts[:, None]
    centers = means[[int(counts.argmax())]]
    while len(centers) < min(_CLUSTERS, len(counts)):
        away = ((means[:, None] - centers[None]) ** 2).sum(axis=2).min(axis=1) * counts
        if away.max() <= 0:
            break
        centers = np.concatenate([centers, means[[int(away.argmax())]]])
    for _ in range(_ROUNDS):
        nearest = ((means[:, None] - centers[None]) ** 2).sum(axis=2).argmin(axis=1)
        mass = (nearest[:, None] == np.arange(len(centers))) * counts[:, None]  # (cells, centers)
        centers = (mass.T @ means) / np.maximum(mass.sum(axis=0), 1)[:, None]
    return [nearest[place] == at for at in np.unique(nearest)]


def _name(lab: Floats) -> str:
    return PALETTE[int(_distances(lab[None].astype(np.float32))[0].argmin())].name


def _distances(lab: Floats) -> Floats:
    """Return the distance of colors (n, 3) to each color of the palette: (n, colors)."""
    weights = np.array([_LIGHTNESS, 1, 1], np.float32)
    gap = (lab[:, None] - _palette_lab()[None]) * weights
    return np.asarray(np.sqrt((gap * gap).sum(axis=2)), dtype=np.float32)


@cache
def _palette_lab() -> Floats:
    return oklab_of_pixels(np.array([color.rgb for color in PALETTE], np.uint8))


def _hex(rgb: NDArray[np.float64]) -> str:
    return "#" + "".join(f"{round(float(value)):02x}" for value in rgb)
