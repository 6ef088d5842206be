"""The colors of a campaign picture, made from the color of the product."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from style.arrays import Alpha, Floats, Pixels
from style.campaign.contrast import READABLE, Color, contrast_on
from style.campaign.template import Template
from style.looks import fit_in_srgb
from style.oklab import oklab_of_pixels

__all__ = ["Scheme", "scheme_of"]

_GRAY = 0.025  # Oklab chroma below which a product has no hue of its own
_WARM = (1.35, 0.008)  # hue in radians and chroma of the paper behind a gray product
_SEEN = 20_000  # pixels that are enough to know the color


class Scheme(NamedTuple):
    """Colors of the page, the backdrop, the text, text of less weight, and the badge."""

    page: Color
    tint: Color
    text: Color
    quiet: Color
    accent: Color


def scheme_of(pixels: Pixels, product: Alpha, template: Template) -> Scheme:
    """Choose colors for a product (h, w, 3), cut out by its mask (h, w).

    Colors of the template count; ``auto`` is made in the hue of the product, and stays neutral for
    a gray one. Quiet text and white on the badge are readable.
    """
    hue, chroma = _hue(pixels, product)
    gray = chroma < _GRAY
    if gray:
        hue, chroma = _WARM[0], _WARM[1]
    strength = min(chroma, 0.12)
    page = _given(template.page) or _color(0.972, 0.010 if gray else 0.014, hue)
    tint = _given(template.tint) or _color(0.905, 0.016 if gray else 0.25 * strength + 0.018, hue)
    text = _given(template.text) or _color(0.24, 0.012 if gray else 0.035, hue)
    accent = _given(template.accent) or _color(0.44, 0.02 if gray else 0.11, hue)
    return Scheme(page, tint, text, _quieter(text, page), accent)


def _hue(pixels: Pixels, product: Alpha) -> tuple[float, float]:
    """Return hue in radians and chroma of the product's colors, weighted by chroma."""
    inside = pixels[product > 128]
    if not len(inside):
        inside = pixels.reshape(-1, 3)
    lab = oklab_of_pixels(inside[:: max(1, len(inside) // _SEEN)])  # (n, 3)
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    mean = (lab[:, 1:] * chroma[:, None]).sum(0) / max(float(chroma.sum()), 1e-6)
    typical = float((chroma * chroma).sum() / max(float(chroma.sum()), 1e-6))
    return float(np.arctan2(mean[1], mean[0])), min(float(np.hypot(*mean)), typical)


def _given(value: str) -> Color | None:
    if value == "auto":
        return None
    return int(value[1:3], 16), int(value[3:5], 16), int(value[5:7], 16)


def _color(light: float, chroma: float, hue: float) -> Color:
    lab = np.array([[light, chroma * np.cos(hue), chroma * np.sin(hue)]], np.float32)
    red, green, blue = (round(255 * float(x)) for x in fit_in_srgb(lab)[0])
    return red, green, blue


def _quieter(text: Color, page: Color) -> Color:
    """Return the text's color, moved towards the page as far as it stays readable on it."""
    ground = np.array([[page]], np.uint8)
    near: Floats = np.array(page, np.float32)
    for share in (0.40, 0.30, 0.20, 0.10):
        mixed = np.rint(np.array(text, np.float32) * (1 - share) + near * share)
        red, green, blue = (int(x) for x in mixed)
        if contrast_on((red, green, blue), ground) >= READABLE * 1.2:
            return red, green, blue
    return text
