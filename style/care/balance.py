"""White balance and levels: one gain and one range for each channel of a photo.

The color of the light is estimated by shades of gray (G. D. Finlayson, E. Trezzi, "Shades of gray
and colour constancy", 2004), from pixels that are nearly gray, so that a red shirt is not taken for
red light. Light tints all things, a wooden floor only itself: a cast is corrected only by as much
as most of these pixels have, and the brightest of them. Corrections are bounded: a wrong estimate
does little harm, and warm light stays a little warm.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from style.arrays import Floats, Pixels
from style.oklab import oklab_of_pixels
from style.planes import smoothstep
from style.shrink import shrunk
from style.strips import over_strips

__all__ = ["Balance", "balance_of", "balanced"]

_SIDE = 256  # of the copy that is measured
_NORM = 6  # of the mean: bright pixels count more
_NEUTRAL = 0.10  # Oklab chroma of what may be a gray thing in colored light
_ENOUGH = 0.10  # share of such pixels for the full correction
_SHARED = 0.2  # quantile of these pixels' casts that is taken for the light's
_BRIGHT = 0.96  # quantile of their lightness from which they are taken for white or shiny
_VARIED = (0.03, 0.1)  # deviation of their lightness: of one plain surface, of a scene
_MOST = 0.18  # length of the largest correction, in logarithms of the channels
_CLEAR = (0.2, 0.3)  # a cast, in the same unit: of a warm shop, of a fault
_CAST = 0.012  # gains closer to 1 than this are no cast
_ENDS = (0.004, 0.996)  # quantiles that become black and white
_BLACK, _WHITE = 0.16, 0.80  # levels: black is not raised above, white not lowered below these
_ROOM = (0.02, 0.985)  # where the ends of the range are put


class Balance(NamedTuple):
    """A gain for each channel, and the levels that become black and white, in [0, 1]."""

    gains: tuple[float, float, float]
    black: float
    white: float

    @property
    def neutral(self) -> bool:
        """True if it changes nothing."""
        return self == Balance((1.0, 1.0, 1.0), 0.0, 1.0)


def balance_of(pixels: Pixels, *, color: bool = True, levels: bool = True) -> Balance:
    """Measure a photo (h, w, 3): the color of its light, and its darkest and lightest levels."""
    small = shrunk(pixels, _SIDE)
    gains = _gains(small) if color else (1.0, 1.0, 1.0)
    black, white = _levels(small, gains) if levels else (0.0, 1.0)
    return Balance(gains, black, white)


def balanced(pixels: Pixels, balance: Balance) -> Pixels:
    """Apply a balance to a photo (h, w, 3), pixel by pixel."""
    if balance.neutral:
        return pixels.copy()
    tables = np.empty((3, 256), np.uint8)
    for channel, gain in enumerate(balance.gains):
        level = np.arange(256) / 255 * gain
        low, high = min(_ROOM[0], balance.black), max(_ROOM[1], balance.white)
        spread = (level - balance.black) / (balance.white - balance.black)
        tables[channel] = np.clip(np.rint(255 * (low + spread * (high - low))), 0, 255)
    out = np.empty_like(pixels)

    def work(top: int, bottom: int) -> None:
        for channel in range(3):
            out[top:bottom, :, channel] = tables[channel][pixels[top:bottom, :, channel]]

    over_strips(pixels.shape[0], pixels.shape[1], work)
    return out


def _gains(small: Pixels) -> tuple[float, float, float]:
    flat = small.reshape(-1, 3)
    lab = oklab_of_pixels(flat)
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    usable = (lab[:, 0] > 0.35) & (flat.max(1) < 253)  # neither dark nor clipped
    neutral = usable & (chroma < _NEUTRAL)
    if neutral.sum() < 16:
        return 1.0, 1.0, 1.0
    level: Floats = np.maximum(flat[neutral], 1).astype(np.float32) / 255  # (n, 3)
    light = np.power(np.power(level, _NORM).mean(0), 1 / _NORM)  # (3,)
    cast = np.log(light / light.mean())
    size = float(np.linalg.norm(cast))
    if size == 0:
        return 1.0, 1.0, 1.0
    tints = np.log(level / level.mean(1, keepdims=True)) @ (cast / size)  # (n,): along the cast
    lightness = lab[neutral, 0]
    bright = tints[lightness >= np.quantile(lightness, _BRIGHT)]
    shared = min(size, float(np.quantile(tints, _SHARED)), float(np.median(bright)))
    # Clipped white is light that has no cast: the more of it, the less is corrected.
    white = float((flat.min(1) >= 250).mean())
    trust = min(1.0, float(neutral.mean()) / _ENOUGH) * max(0.0, 1 - 4 * white)
    trust *= float(smoothstep(*_VARIED, lightness.std()))
    trust *= float(smoothstep(*_CLEAR, np.asarray(shared, np.float32)))
    correction = _MOST * np.tanh(trust * max(0.0, shared) / _MOST)
    gains = np.exp(-correction / size * cast)
    if np.abs(gains - 1).max() < _CAST:
        return 1.0, 1.0, 1.0
    red, green, blue = (float(gain) for gain in gains)
    return red, green, blue


def _levels(small: Pixels, gains: tuple[float, float, float]) -> tuple[float, float]:
    shown = small.reshape(-1, 3).astype(np.float32) / 255 * np.array(gains, np.float32)
    low = float(np.quantile(shown.min(1), _ENDS[0]))
    high = float(np.quantile(shown.max(1), _ENDS[1]))
    black = min(low, _BLACK) if low > 2 * _ROOM[0] else 0.0
    white = max(high, _WHITE) if high < _ROOM[1] - 0.02 else 1.0
    return (black, white) if white - black > 0.3 else (0.0, 1.0)
