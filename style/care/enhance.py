"""All repairs of a photo, in their order: noise, white balance and levels, size."""

from __future__ import annotations

from typing import Literal, NamedTuple

from style.arrays import Pixels
from style.care.balance import Balance, balance_of, balanced
from style.care.denoise import LEAST, denoised, noise_of
from style.care.upscale import doubler, enlarged
from style.checks import check_pixels

__all__ = ["Enhanced", "Repairs", "enhance"]

Method = Literal["lanczos", "learned"]


class Repairs(NamedTuple):
    """Which repairs to make. ``scale`` is 1, 2 or 4."""

    color: bool = True
    levels: bool = True
    noise: bool = True
    scale: int = 1
    method: Method = "learned"


class Enhanced(NamedTuple):
    """A repaired photo, the noise that was measured, and the balance that was applied.

    ``noise`` is a standard deviation, of a range of 1.
    """

    pixels: Pixels
    noise: float
    balance: Balance

    @property
    def removed_noise(self) -> bool:
        """True if there was enough noise to remove."""
        return self.noise >= LEAST


def enhance(pixels: Pixels, repairs: Repairs, threads: int = 1) -> Enhanced:
    """Repair a photo (h, w, 3); the input is not changed. Raises BadPixels, BadNetwork.

    Noise is removed first, because the network would enlarge it.
    """
    check_pixels(pixels)
    noise = noise_of(pixels) if repairs.noise else 0.0
    made = denoised(pixels, noise)
    balance = balance_of(made, color=repairs.color, levels=repairs.levels)
    made = balanced(made, balance)
    height, width = made.shape[:2]
    if repairs.method == "learned":
        for _ in range(repairs.scale.bit_length() - 1):
            made = doubler(threads).double(made)
    elif repairs.scale > 1:
        made = enlarged(made, repairs.scale * width, repairs.scale * height)
    return Enhanced(made, noise, balance)
