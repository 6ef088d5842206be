"""Add a change that was computed on a small copy to the full picture."""

from __future__ import annotations

import numpy as np

from style.arrays import Alpha, Floats, Pixels
from style.guided import fit_lines, luma
from style.strips import blend, over_strips

__all__ = ["add_change"]


def add_change(
    change: Floats, small: Pixels, pixels: Pixels, strength: float, mask: Alpha | None
) -> Pixels:
    """Add a change (y, x, 3), in ranges of 1, of a small copy to the picture (h, w, 3).

    A guided filter keeps the edges of the picture sharp. It goes strip by strip, so memory is
    bounded, and there are no seams.
    """
    height, width = pixels.shape[:2]
    out = np.empty_like(pixels)
    same = small.shape == pixels.shape
    guide = luma(small)
    change = change * np.float32(255 * strength)
    lines = (
        [] if same else [fit_lines(change[..., c], guide, 2, 1e-3, exact=True) for c in range(3)]
    )

    def work(top: int, bottom: int) -> None:
        part = pixels[top:bottom]
        light = None if same else luma(part)
        styled = np.empty(part.shape, np.uint8)
        for channel in range(3):
            if light is None:
                moved = change[top:bottom, :, channel]
            else:
                moved = lines[channel].on(light, height, width, top, bottom)
            styled[..., channel] = np.clip(np.rint(part[..., channel] + moved), 0, 255)
        out[top:bottom] = styled if mask is None else blend(part, styled, mask[top:bottom])

    over_strips(height, width, work)
    return out
