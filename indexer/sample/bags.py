"""Parts that all bags share: zippers and flaps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from indexer.sample.camera import View
from indexer.sample.surfaces import (
    DARK,
    INSIDE,
    METAL,
    Part,
    curve,
    part,
    tube,
)

CARRIED = (View("front", -14, 8), View("angle", -48, 18))


def zipper(points: Sequence[Sequence[float]], radius: float = 0.011) -> list[Part]:
    """Build a zipper: a dark line with a metal pull at its end."""
    line = tube(points, radius, DARK, rows=64, columns=9)
    end = np.asarray(points[-1], np.float32)
    pull = tube([end, end + np.array([0.0, -0.05, 0.02]), end + np.array([0.0, -0.10, 0.02])],
            [0.012, 0.016, 0.012], METAL,
                flat=0.5, rows=10, columns=9)  # fmt: skip
    return [line, pull]


def flap(width: float, depth: float, high: float, drop: float, slot: int) -> list[Part]:
    """Build a flap from the back edge, over the top, down the front."""
    y0 = high + 0.012
    line = curve([(y0 - 0.10, -depth / 2 - 0.005), (y0, -depth / 2 + 0.06), (y0 + 0.02, 0.0),
            (y0 - 0.01, depth / 2 - 0.03),
                  (y0 - 0.12, depth / 2 + 0.035), (y0 - drop * 0.6, depth / 2 + 0.05),
                  (y0 - drop, depth / 2 + 0.045)], 48)  # fmt: skip
    s = np.linspace(-1, 1, 41)
    t = np.linspace(0, 1, 48)[:, None]
    x = np.broadcast_to(width / 2 * s[None, :], (48, 41))
    round_end = 0.11 * np.clip((t - 0.62) / 0.38, 0, 1) * np.abs(s[None, :]) ** 3.5
    y = line[:, :1] + round_end
    z = line[:, 1:] - 0.03 * np.abs(s[None, :]) ** 4
    flap = part(np.stack([x, y, z], -1), slot, inside=INSIDE)
    border = np.concatenate([flap.grid[20:, 0], flap.grid[-1, 1:], flap.grid[-2:19:-1, -1]])
    return [flap, tube(border[::2], 0.012, slot, smooth=False, columns=9)]
