"""Models of backpacks: daypacks, roll-tops and rucksacks."""

from __future__ import annotations

import numpy as np

from indexer.sample.bags import CARRIED, flap, zipper
from indexer.sample.boxes import box
from indexer.sample.cloth import folds
from indexer.sample.paint import Model
from indexer.sample.surfaces import (
    ACCENT,
    DARK,
    MAIN,
    METAL,
    SIDE_SLOT,
    WOOD,
    Part,
    capped,
    displaced,
    tube,
)


def _arch(
    half: float, low: float, high: float, z: float, bend: float = 0.14
) -> list[tuple[float, float, float]]:
    """Return a line up one side, over the top and down the other side."""
    return [(-half, low, z), (-half, high - bend, z), (-half + 0.03, high - 0.04, z),
            (-half + bend, high, z), (0, high + 0.012, z),
            (half - bend, high, z), (half - 0.03, high - 0.04, z), (half, high - bend, z),
            (half, low, z)]  # fmt: skip


def _straps(half: float, high: float, depth: float, slot: int) -> list[Part]:
    path = [(half * 0.45, high - 0.04, -depth * 0.9), (half * 0.55, high + 0.05, -depth - 0.12),
            (half * 0.75, high * 0.45, -depth - 0.20), (half * 0.85, -high * 0.35, -depth - 0.12),
            (half * 0.85, -high * 0.82, -depth * 0.8)]  # fmt: skip
    right = tube(path, [0.05, 0.07, 0.075, 0.06, 0.035], slot, flat=0.35, rows=64, columns=21)
    return [right, right.mirrored()]


def backpack(style: int) -> Model:
    """Build a backpack: daypack, roll-top, rucksack with flap, mini, school, boxy."""
    kind = style % 6
    w, h, d = [(0.76, 1.0, 0.40), (0.66, 1.06, 0.36), (0.74, 0.94, 0.42), (0.66, 0.74, 0.32),
            (0.80, 1.02, 0.44),
               (0.72, 0.98, 0.36)][kind]  # fmt: skip
    bend = [0.18, 0.10, 0.15, 0.16, 0.17, 0.09][kind]
    body = box((w, h, d), slot=MAIN, edge=bend, puff=0.03)
    if kind in (0, 3, 4):  # a round top
        grid = body.grid.copy()
        up = np.clip(grid[..., 1] / (h / 2), 0, 1)
        grid[..., 0] *= 1 - 0.16 * up**3
        grid[..., 1] -= 0.10 * up**2 * (np.abs(grid[..., 0]) / (w / 2)) ** 2.4
        body = Part(grid, body.uv, MAIN, closed=True)
    body = displaced(body, folds(body, style + 7, 0.008))
    half, high, front = w / 2, h / 2, d / 2
    parts = [body, *_straps(half, high, front, ACCENT if kind in (1, 3) else SIDE_SLOT)]
    grip = [
        (-0.10, high - 0.03, -0.08),
        (-0.09, high + 0.09, -0.08),
        (0.09, high + 0.09, -0.08),
        (0.10, high - 0.03, -0.08),
    ]
    parts.append(tube(grip, 0.026, ACCENT, rows=40))
    if kind != 1:
        parts += zipper(_arch(half * 0.97, -high * 0.1, high * 0.93, front * 0.25))
    if kind in (0, 3, 4, 5):
        pw, ph = w * 0.72, h * 0.40
        cy = -high + ph / 2 + 0.06
        parts.append(box((pw, ph, 0.20), (0, cy, front + 0.01), ACCENT if kind == 5 else SIDE_SLOT,
                         edge=0.08, puff=0.02))  # fmt: skip
        parts += zipper([(-pw * 0.44, cy + ph * 0.28, front + 0.10),
                (0, cy + ph * 0.31, front + 0.127),
                       (pw * 0.44, cy + ph * 0.28, front + 0.10)])  # fmt: skip
    if kind == 4:
        parts.append(
            box(
                (w * 0.58, h * 0.22, 0.12),
                (0, high * 0.34, front + 0.02),
                ACCENT,
                edge=0.05,
                puff=0.015,
            )
        )
        parts += zipper(
            [(-w * 0.24, high * 0.43, front + 0.075), (w * 0.24, high * 0.43, front + 0.075)]
        )
    if kind == 1:
        parts += _rolled(w, h, d)
    if kind == 2:
        parts += _buckled(w, d, high)
    for side in (-1, 1):
        parts.append(
            box(
                (0.08, h * 0.30, d * 0.62),
                (side * (half - 0.005), -high * 0.5, 0),
                SIDE_SLOT,
                edge=0.035,
            )
        )
    parts.append(box((0.13, 0.075, 0.012), (0,
            high * (0.66 if kind == 4 else 0.30) if kind != 2 else -0.36,
                                           front + 0.022), WOOD, edge=0.006))  # fmt: skip
    finish = {
        MAIN: "cloth",
        ACCENT: "leather" if kind in (1, 2) else "cloth",
        WOOD: "leather",
        DARK: "rubber",
    }
    return Model(tuple(parts), CARRIED, finish, decal=(0.0, 0.1 - high * 0.4, 0.34))


def _rolled(w: float, h: float, d: float) -> list[Part]:
    """Build the rolled top of a bag, its two belts and a front pocket."""
    half, high, front = w / 2, h / 2, d / 2
    parts: list[Part] = []
    roll = tube(
        [(-half * 0.98, high - 0.02, 0), (half * 0.98, high - 0.02, 0)],
        0.115,
        SIDE_SLOT,
        flat=1.1,
        rows=24,
    )
    parts.append(capped(roll))
    for x in (-0.19, 0.19):
        belt = [
            (x, high + 0.10, -0.03),
            (x, high + 0.10, 0.08),
            (x, high * 0.7, front + 0.045),
            (x, 0.05, front + 0.035),
        ]
        parts.append(tube(belt, 0.034, ACCENT, flat=0.3, rows=40, columns=13))
        parts.append(box((0.10, 0.06, 0.03), (x, 0.14, front + 0.05), METAL, edge=0.012))
    parts.append(
        box(
            (w * 0.62, h * 0.32, 0.05),
            (0, -high * 0.48, front + 0.01),
            SIDE_SLOT,
            edge=0.025,
            puff=0.01,
        )
    )
    return parts


def _buckled(w: float, d: float, high: float) -> list[Part]:
    """Build a flap with two leather belts and their buckles."""
    front = d / 2
    parts: list[Part] = []
    parts += flap(w * 0.94, d, high, 0.50, ACCENT)
    for x in (-0.18, 0.18):
        belt = [(x, 0.12, front + 0.075), (x, -0.05, front + 0.085), (x, -0.22, front + 0.06)]
        parts.append(tube(belt, 0.030, WOOD, flat=0.3, rows=24, columns=13))
        ring = [(x - 0.045, -0.07, front + 0.09), (x + 0.045, -0.07, front + 0.09),
                (x + 0.045, -0.14, front + 0.09),
                (x - 0.045, -0.14, front + 0.09)]  # fmt: skip
        parts.append(tube(ring, 0.009, METAL, loop=True, columns=9))
    return parts
