"""Transfer the colors of one picture to another, in Oklab, as a LUT.

The chroma of the photo is mapped so that its mean and covariance become those of the style image:
the optimal transport between two Gaussians, F. Pitié and A. Kokaram, "The linear Monge-Kantorovitch
linear colour mapping for example-based colour transfer", CVMP 2007. Lightness is mapped by mean and
spread. Every step is bounded, so that a photo of one color does not burst into another.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from style.arrays import Floats, Pixels
from style.lut import SIZE, Lut, identity_table
from style.oklab import from_oklab, oklab_of_pixels, to_oklab
from style.planes import smoothstep
from style.shrink import shrunk

__all__ = ["ColorMove", "Palette", "color_move", "palette_lut", "palette_of"]

_SIDE = 256  # of the copy whose colors are counted
_NOISE = 0.02**2  # added to each variance: avoids a division by 0 for gray pictures
_CHROMA_GAIN = (0.6, 1.7)
_CHROMA_SHIFT = 0.09
_LIGHT_GAIN = (0.8, 1.2)
_LIGHT_SHIFT = 0.10
_PAPER = 0.025  # the most chroma that pure white takes: paper is tinted, not dyed


@dataclass(frozen=True, eq=False)
class Palette:
    """The colors of a picture: mean (3,) and covariance (3, 3) in Oklab."""

    mean: Floats
    covariance: Floats

    @property
    def digest(self) -> str:
        """16 hex digits of a hash of the numbers."""
        numbers = np.concatenate([self.mean, self.covariance.ravel()]).astype("<f4")
        return hashlib.sha256(numbers.tobytes()).hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class ColorMove:
    """A map of Oklab colors: a gain and shift of lightness, and a matrix and shift of chroma."""

    light_gain: float
    light_center: float
    light_shift: float
    chroma_matrix: Floats  # (2, 2)
    chroma_center: Floats  # (2,)
    chroma_shift: Floats  # (2,)
    paper: Floats  # (2,), the chroma that pure white takes

    def on(self, lab: Floats) -> Floats:
        """Map colors (..., 3)."""
        light = lab[..., :1]
        moved = (light - self.light_center) * self.light_gain + self.light_center + self.light_shift
        # White stays white and black stays black: the ends of the scale are where paper and
        # shadows lie.
        keep = 1 - smoothstep(0.8, 1.0, light) - (1 - smoothstep(0.0, 0.2, light))
        light_out = light + (moved - light) * keep
        chroma = (lab[..., 1:] - self.chroma_center) @ self.chroma_matrix.T + self.chroma_center
        chroma = chroma + self.chroma_shift
        white = smoothstep(0.85, 1.0, light)
        chroma += (lab[..., 1:] + self.paper - chroma) * white
        return np.concatenate([light_out, chroma], axis=-1).astype(np.float32)


def palette_of(pixels: Pixels) -> Palette:
    """Measure the colors of (h, w, 3).

    A color counts by the root of its area, so that a plain background does not decide alone.
    """
    colors = shrunk(pixels, _SIDE).reshape(-1, 3)
    bins = (colors >> 3).astype(np.int32) @ np.array([1 << 10, 1 << 5, 1], np.int32)  # (n,)
    _, place, count = np.unique(bins, return_inverse=True, return_counts=True)
    weight = (1 / np.sqrt(count[place])).astype(np.float64)  # (n,)
    weight /= weight.sum()
    lab = oklab_of_pixels(colors).astype(np.float64)  # (n, 3)
    mean = weight @ lab
    centered = lab - mean
    covariance = (centered * weight[:, None]).T @ centered
    return Palette(mean.astype(np.float32), covariance.astype(np.float32))


def color_move(photo: Palette, style: Palette) -> ColorMove:
    """Find the bounded map that gives a photo the colors of a style image."""
    from_spread, to_spread = (float(np.sqrt(p.covariance[0, 0] + _NOISE)) for p in (photo, style))
    matrix = _transport(photo.covariance[1:, 1:], style.covariance[1:, 1:])
    shift = style.mean[1:] - photo.mean[1:]
    return ColorMove(
        light_gain=float(np.clip(to_spread / from_spread, *_LIGHT_GAIN)),
        light_center=float(photo.mean[0]),
        light_shift=float(np.clip(style.mean[0] - photo.mean[0], -_LIGHT_SHIFT, _LIGHT_SHIFT)),
        chroma_matrix=matrix,
        chroma_center=photo.mean[1:],
        chroma_shift=_bounded(shift, _CHROMA_SHIFT),
        # No tint for a photo that has these colors already.
        paper=_bounded(style.mean[1:], min(_PAPER, float(np.hypot(*shift)))),
    )


def palette_lut(photo: Palette, style: Palette) -> Lut:
    """Return the LUT that gives a photo the colors of a style image."""
    lab = color_move(photo, style).on(to_oklab(identity_table(SIZE)))
    return Lut(np.clip(from_oklab(lab), 0, 1))


def _bounded(chroma: Floats, longest: float) -> Floats:
    """Shorten a chroma (2,) to at most this length."""
    factor = min(1.0, longest / max(float(np.hypot(*chroma)), 1e-6))
    return (chroma * factor).astype(np.float32)


def _transport(source: Floats, target: Floats) -> Floats:
    """The symmetric matrix (2, 2) that turns one covariance into the other, with bounded gains."""
    noise = np.eye(2) * _NOISE
    before, after = source.astype(np.float64) + noise, target.astype(np.float64) + noise
    root, back = _power(before, 0.5), _power(before, -0.5)
    gains, axes = np.linalg.eigh(back @ _power(root @ after @ root, 0.5) @ back)
    return np.asarray((axes * np.clip(gains, *_CHROMA_GAIN)) @ axes.T, np.float32)


def _power(matrix: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    values, axes = np.linalg.eigh(matrix)
    return np.asarray((axes * np.maximum(values, 1e-12) ** exponent) @ axes.T)
