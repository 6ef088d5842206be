"""White balance and levels: one gain and one range for each channel of a photo.

The color of the light is estimated by shades of gray (G. D. Finlayson, E. Trezzi, "Shades of gray
and colour constancy", 2004), from pixels that are nearly gray, so that a red shirt is not taken for
red light. Gains are bounded: a wrong estimate does little harm.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from style.arrays import Floats, Pixels
from style.oklab import oklab_of_pixels
from style.shrink import shrunk
from style.strips import over_strips

__all__ = ["Balance", "balance_of", "balanced"]

_SIDE = 256  # of the copy that is measured
_NORM = 6  # of the mean: bright pixels count more
_NEUTRAL = 0.10  # Oklab chroma of what may be a gray thing in colored light
_ENOUGH = 0.10  # share of such pixels for the full correction
_GAIN = 0.18  # largest change of a channel
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
    level: Floats = flat[neutral].astype(np.float32) / 255
    light = np.power(np.power(level, _NORM).mean(0), 1 / _NORM)  # (3,)
    # Clipped white is light that has no cast: the more of it, the less is corrected.
    white = float((flat.min(1) >= 250).mean())
    trust = min(1.0, float(neutral.mean()) / _ENOUGH) * max(0.0, 1 - 4 * white)
    gains = np.clip(1 + trust * (float(light.mean()) / light - 1), 1 - _GAIN, 1 + _GAIN)
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
