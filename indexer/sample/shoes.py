"""Parts that all shoes share: a sole line, an upper lofted from it, laces and a tongue.

The toe points to +x. Around a shoe, column s = 0.5 is the toe and s = 0 the heel; rows t run
from the sole up to the opening.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from indexer.sample.camera import View
from indexer.sample.surfaces import (
    TRIM,
    Floats,
    Part,
    SlotRule,
    Slots,
    capped,
    curve,
    normals,
    part,
    superellipse,
    tube,
)

COLUMNS = 121


PROFILE = (View("side", -18, 12), View("angle", -52, 24))


def along(b: Floats, table: Sequence[tuple[float, float]]) -> Floats:
    """Interpolate values along the shoe smoothly; b runs from -1 (heel) to 1 (toe)."""
    dense = curve(table, 200)
    return np.interp(b, dense[:, 0], dense[:, 1]).astype(np.float32)


def outline(pointed: float = 0.0) -> tuple[Floats, Floats]:
    """Return the lengthwise position b (m,) around a shoe, and the sole line (m, 2) of x and z."""
    ring = superellipse(COLUMNS, 2.9 - 0.7 * pointed)
    b = ring[:, 1]
    wide = along(b, [(-1, 0.135), (-0.6, 0.130), (-0.15, 0.118), (0.35, 0.162),
            (0.7, 0.162 - 0.03 * pointed), (1, 0.15 - 0.08 * pointed)])  # fmt: skip
    inner = np.where(ring[:, 0] > 0, 1.0, 0.94)  # the inner side is straighter
    z = ring[:, 0] * wide * inner
    return b, np.stack([b * (0.5 + 0.04 * pointed), z], axis=1).astype(np.float32)


def ring_of(x: ArrayLike, y: ArrayLike, z: ArrayLike) -> Floats:
    """Build a ring (m, 3) from its three coordinates, numbers or (m,)."""
    return np.stack(np.broadcast_arrays(x, y, z), axis=-1).astype(np.float32)


def upper(rings: Sequence[Floats], slot: int | SlotRule, rows: int = 72) -> Part:
    """Build a surface through rings (m, 3), from the sole up."""
    stack = np.stack(rings)  # (k, m, 3)
    k, m, _ = stack.shape
    grid = curve(stack.reshape(k, m * 3), rows).reshape(rows, m, 3)
    up = np.linalg.norm(np.diff(grid, axis=0, prepend=grid[:1]), axis=2).cumsum(axis=0)  # (n, m)
    z = np.abs(grid[..., 2])
    u = grid[..., 0] + 0.7 * (z[:1] - z)  # along the side of the shoe, and on around its toe
    return Part(grid, np.stack([u, -up], axis=-1).astype(np.float32), slot)


def sole(
    line: Floats,
    b: Floats,
    *,
    heel: float,
    toe: float,
    flare: float,
    slot: int,
    band: int | None = None,
) -> Part:
    """Build a rubber sole, ``heel`` thick at the back and ``toe`` thick in front."""
    top = along(b, [(-1, heel), (-0.3, heel * 0.85 + toe * 0.15), (0.3, toe), (1, toe)])
    spring = 0.035 * np.clip((b - 0.55) / 0.45, 0, 1) ** 2
    steps = [(0.0, 0.0), (0.5, 0.0), (0.94, 0.0), (1.0, 0.12), (1.0 + flare, 0.45),
            (1.0 + flare, 0.75), (1.0 + flare * 0.7, 1.0),
             (0.96, 1.05), (0.6, 1.05), (0.0, 1.05)]  # fmt: skip
    rings = [
        ring_of(
            line[:, 0] * (1 + (k - 1) * 0.35 if k > 0.9 else k), top * h + spring, line[:, 1] * k
        )
        for k, h in steps
    ]

    def rule(_: Floats, t: Floats) -> Slots:
        middle = (t > 0.44) & (t < 0.50)
        return np.where(middle, band if band is not None else slot, slot).astype(np.uint8)

    grid = np.stack(rings)
    n, m, _ = grid.shape
    return part(curve(grid.reshape(n, m * 3), 60).reshape(60, m, 3), rule, closed=True)


def laces(body: Part, count: int, start: float, end: float, slot: int = TRIM) -> list[Part]:
    """Build laces: bars across the vamp, and the two ends of a bow."""
    n, m = body.grid.shape[:2]
    out = normals(body.grid)
    made = []
    for t in np.linspace(start, end, count):
        i = int(t * (n - 1))
        across = np.linspace(-0.055, 0.055, 7) * (0.75 + 0.5 * (t - start) / (end - start))
        columns = np.round((0.5 + across) * (m - 1)).astype(int)
        lift = 0.017 * (1 - (np.linspace(-1, 1, 7) ** 4)) + 0.002
        path = body.grid[i, columns] + out[i, columns] * lift[:, None]
        made.append(tube(path, 0.0135, slot, flat=0.6, up=(0.5, 0.9, 0), rows=16, columns=9))
    top = made[-1].grid.mean(axis=(0, 1)) + np.array([0, 0.01, 0])
    for side in (-1, 1):
        bow = [
            top,
            top + np.array([0.03, 0.045, side * 0.05]),
            top + np.array([0.05, 0.01, side * 0.10]),
            top + np.array([0.02, 0.0, side * 0.05]),
            top,
        ]
        made.append(tube(bow, 0.0085, slot, rows=28, columns=9))
        made.append(
            tube(
                [
                    top,
                    top + np.array([0.05, 0.0, side * 0.04]),
                    top + np.array([0.10, -0.05, side * 0.075]),
                ],
                0.0085,
                slot,
                rows=12,
                columns=9,
            )
        )
    return made


def tongue(x: float, y: float, slot: int) -> Part:
    """Build a tongue that rises from the throat of a shoe at (x, y)."""
    path = [
        (x + 0.15, y - 0.075, 0),
        (x + 0.05, y - 0.015, 0),
        (x - 0.025, y + 0.05, 0),
        (x - 0.055, y + 0.085, 0),
    ]
    return capped(tube(path, [0.05, 0.060, 0.064, 0.052], slot, flat=0.24, up=(1, 0.9, 0), rows=30,
                       columns=25, power=2.6))  # fmt: skip
