"""Models of sofas and armchairs."""

from __future__ import annotations

import numpy as np

from indexer.sample.boxes import box
from indexer.sample.camera import View
from indexer.sample.chairs import seat_corners
from indexer.sample.paint import Model
from indexer.sample.surfaces import (
    ACCENT,
    MAIN,
    SIDE_SLOT,
    WOOD,
    Part,
    capped,
    curve,
    part,
    revolve,
    tube,
)


def sofa(style: int) -> Model:
    """Build a sofa: two-seater, three-seater, armchair, tub chair, rolled-arm sofa, loveseat."""
    kind = style % 6
    if kind == 3:
        parts = _tub()
    else:
        width = [1.7, 2.3, 1.05, 0, 1.9, 1.45][kind]
        seats = [2, 3, 1, 0, 2, 1][kind]
        parts = _couch(width, seats, rolled=kind == 4, slim=kind in (2, 5), high=kind == 2)
        if kind in (0, 1, 4):
            pillow = box((0.36, 0.36, 0.15), slot=ACCENT, edge=0.07, puff=0.05)
            parts.append(
                pillow.turned("z", 14).turned("x", -22).moved(-width / 2 + 0.46, 0.28, 0.02)
            )
    cloth = ["cloth", "cloth", "velvet", "velvet", "leather", "cloth"][kind]
    views = (View("front", -16, 10), View("angle", -48, 20))
    return Model(
        tuple(parts),
        views,
        {MAIN: cloth, ACCENT: "cloth"},
        decal=(0.0, 0.0, 0.4),
        scale=0.8,
        fill=0.88,
    )


def _couch(width: float, seats: int, *, rolled: bool, slim: bool, high: bool) -> list[Part]:
    arm = 0.15 if slim else 0.22
    inner = width - 2 * arm
    parts: list[Part] = [box((width - 0.04, 0.22, 0.84), (0, -0.24, 0), SIDE_SLOT, edge=0.05)]
    parts.append(
        box(
            (width - 0.06, 0.72 if not high else 0.94, 0.24),
            (0, 0.10 if not high else 0.20, -0.36),
            SIDE_SLOT,
            edge=0.10,
            puff=0.02,
        )
    )
    each = inner / seats
    for k in range(seats):
        x = -inner / 2 + each * (k + 0.5)
        parts.append(box((each - 0.012, 0.20, 0.70), (x, -0.05, 0.09), MAIN, edge=0.075, puff=0.03))
        tall = 0.46 if not high else 0.62
        cushion = box(
            (each - 0.02, tall, 0.22), (x, 0.03 + tall / 2, -0.18), MAIN, edge=0.09, puff=0.04
        )
        parts.append(cushion.turned("x", -10, (0, 0.05, -0.18)))
    for side in (-1, 1):
        x = side * (width / 2 - arm / 2)
        parts.append(box((arm, 0.48, 0.86), (x, -0.06, 0.01), SIDE_SLOT, edge=0.07, puff=0.015))
        if rolled:
            roll = tube(
                [(x + side * 0.02, 0.20, -0.42), (x + side * 0.02, 0.20, 0.45)],
                0.135,
                SIDE_SLOT,
                rows=16,
                columns=33,
            )
            parts.append(capped(roll))
    return parts + _feet(width / 2 - 0.12, 0.32)


def _feet(half: float, depth: float) -> list[Part]:
    made = []
    for x, z in seat_corners(half, depth):
        leg = tube(
            [(x, -0.32, z), (x + np.sign(x) * 0.03, -0.56, z + np.sign(z) * 0.02)],
            [0.04, 0.024],
            WOOD,
            rows=10,
        )
        made.append(capped(leg))
    return made


def _tub() -> list[Part]:
    """Build a round armchair: a bent back that runs into the arms."""
    a = np.linspace(-2.25, 2.25, 81)[None, :]
    turn = a + np.pi  # 0 is the back of the chair
    profile = curve(
        [
            (0.40, -0.34),
            (0.40, 0.0),
            (0.41, 0.16),
            (0.47, 0.22),
            (0.535, 0.14),
            (0.53, -0.1),
            (0.50, -0.34),
        ],
        48,
    )
    high = 1 + 0.95 * np.clip(np.cos(a * 0.62), 0, 1) ** 1.5
    y = np.where(profile[:, 1:] > -0.1, (profile[:, 1:] + 0.1) * high - 0.1, profile[:, 1:])
    r = profile[:, :1] * np.ones_like(a)
    grid = np.stack([r * np.sin(turn), y, r * np.cos(turn)], -1)
    shell = part(grid, SIDE_SLOT, inside=SIDE_SLOT)
    ends = []
    for k in (0, -1):
        ring = shell.grid[:, k]
        cap = np.stack(
            [ring.mean(axis=0) + (ring - ring.mean(axis=0)) * f for f in (0.0, 0.5, 1.0)]
        )
        ends.append(part(cap, SIDE_SLOT, inside=SIDE_SLOT))
    seat = revolve([(0.0, -0.14), (0.36, -0.14), (0.415, -0.08), (0.415, 0.0), (0.36, 0.055),
            (0.0, 0.08)], MAIN, rows=44,
                   power=2.6, closed=True)  # fmt: skip
    seat = Part(
        seat.grid,
        np.stack([seat.grid[..., 0], seat.grid[..., 2] - seat.grid[..., 1]], -1),
        MAIN,
        closed=True,
    )
    base = revolve(
        [(0.0, -0.38), (0.46, -0.38), (0.49, -0.34), (0.47, -0.12), (0.0, -0.12)],
        SIDE_SLOT,
        rows=40,
        closed=True,
    )
    return [shell, *ends, seat.moved(0, 0, 0.03), base, *_feet(0.30, 0.30)]
