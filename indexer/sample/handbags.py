"""Models of handbags: totes, satchels, buckets and more."""

from __future__ import annotations

import numpy as np

from indexer.sample.bags import CARRIED, flap, zipper
from indexer.sample.boxes import box
from indexer.sample.cloth import folds, groove
from indexer.sample.paint import Model
from indexer.sample.surfaces import (
    ACCENT,
    INSIDE,
    MAIN,
    METAL,
    SIDE_SLOT,
    TRIM,
    WOOD,
    Part,
    capped,
    curve,
    displaced,
    params,
    part,
    revolve,
    superellipse,
    tube,
)


def handbag(style: int) -> Model:
    """Build a handbag: tote, satchel, bucket, shopper, half-moon, bowling bag."""
    kind = style % 6
    maker = (_tote, _satchel, _bucket, _shopper, _moon, _bowling)[kind]
    parts = maker()
    leather = kind in (1, 2, 4, 5)
    finish = {
        MAIN: "leather" if leather else "cloth",
        ACCENT: "leather",
        WOOD: "leather",
        INSIDE: "cloth",
    }
    return Model(tuple(parts), CARRIED, finish, decal=(0.0, 0.05, 0.42), scale=1.1)


def _open_bag(w: float, h: float, d: float, taper: float, power: float = 5.0) -> list[Part]:
    """Build a soft open bag: a squarish ring that widens from the bottom to the rim."""
    line = curve(
        [
            (0.0, -h / 2),
            (0.85, -h / 2),
            (0.97, -h / 2 + 0.02),
            (1.0, -h / 2 + 0.09),
            ((1 + taper) / 2, 0),
            (taper, h / 2),
        ],
        64,
    )
    ring = superellipse(121, power)
    x = line[:, :1] * ring[None, :, 0] * w / 2
    z = line[:, :1] * ring[None, :, 1] * d / 2
    up = np.clip((line[:, 1:] + h / 2) / h, 0, 1)
    z = z * (1 - 0.25 * up**2)
    y = np.broadcast_to(line[:, 1:], x.shape)
    body = part(np.stack([x, y, z], -1), MAIN)
    body = Part(body.grid, np.stack([body.uv[..., 0], -body.grid[..., 1]], -1), MAIN)
    body = displaced(body, folds(body, 5, 0.007))
    _, t = params(body)
    body = displaced(body, groove(t, 0.93, 0.006, 0.006))
    rim = tube(body.grid[-1][::2], 0.011, SIDE_SLOT, loop=True, smooth=False, columns=9)
    return [body, rim]


def _handles(
    half: float, y: float, z: float, rise: float, slot: int, radius: float = 0.022
) -> list[Part]:
    made = []
    for side in (1, -1):
        path = [(-half, y - 0.16, side * (z + 0.012)), (-half, y + 0.02, side * (z + 0.015)),
                (-half * 0.72, y + rise * 0.75, side * (z + 0.05)),
                (0, y + rise, side * (z + 0.07)), (half * 0.72, y + rise * 0.75,
                side * (z + 0.05)), (half, y + 0.02, side * (z + 0.015)),
                (half, y - 0.16, side * (z + 0.012))]  # fmt: skip
        made.append(tube(path, radius, slot, flat=0.55, rows=72, columns=13))
    return made


def _tote() -> list[Part]:
    parts = _open_bag(0.86, 0.86, 0.30, 1.04)
    return parts + _handles(0.20, 0.43, 0.115, 0.44, ACCENT, 0.026)


def _shopper() -> list[Part]:
    parts = _open_bag(1.06, 0.66, 0.36, 1.12)
    parts += _handles(0.22, 0.33, 0.14, 0.34, ACCENT, 0.024)
    for x in (-0.22, 0.22):
        parts.append(box((0.07, 0.12, 0.02), (x, 0.20, 0.165), ACCENT, edge=0.01))
    return parts


def _satchel() -> list[Part]:
    body = box((0.92, 0.62, 0.30), slot=MAIN, edge=0.09, puff=0.02)
    parts = [body, *flap(0.90, 0.30, 0.31, 0.40, SIDE_SLOT)]
    parts.append(box((0.10, 0.11, 0.03), (0, -0.07, 0.20), METAL, edge=0.014))
    for x in (-0.27, 0.27):
        parts.append(
            tube(
                [(x, 0.30, 0.17), (x, 0.05, 0.205), (x, -0.14, 0.195)],
                0.032,
                ACCENT,
                flat=0.3,
                rows=24,
                columns=13,
            )
        )
        parts.append(box((0.085, 0.05, 0.03), (x, -0.02, 0.212), METAL, edge=0.012))
    grip = [(-0.17, 0.32, 0), (-0.15, 0.47, 0), (0.15, 0.47, 0), (0.17, 0.32, 0)]
    return [*parts, tube(grip, 0.026, ACCENT, rows=44)]


def _bucket() -> list[Part]:
    parts = _open_bag(0.72, 0.74, 0.62, 1.10, 2.2)
    strap = [(-0.39, 0.28, 0), (-0.36, 0.62, 0), (0, 0.92, 0), (0.36, 0.62, 0), (0.39, 0.28, 0)]
    parts.append(tube(strap, 0.026, ACCENT, flat=0.4, rows=64))
    ring = superellipse(49, 2.2)
    cord = np.stack([ring[:, 0] * 0.392, np.full(49, 0.24), ring[:, 1] * 0.285], axis=-1)
    parts.append(tube(cord, 0.016, ACCENT, loop=True, smooth=False, columns=9))
    for x in (-0.03, 0.04):
        end = (x * 2.4, 0.02 - abs(x), 0.31)
        parts.append(
            tube([(x, 0.24, 0.29), (x * 1.4, 0.14, 0.325), end], 0.012, ACCENT, rows=20, columns=9)
        )
        parts.append(
            capped(tube([end, (end[0], end[1] - 0.08, end[2])], [0.018, 0.028], ACCENT, rows=6))
        )
    return parts


def _moon() -> list[Part]:
    a = np.linspace(0, 2 * np.pi, 121)
    r = 0.46
    x = r * 1.08 * np.sin(a)
    y = np.where(np.cos(a) > 0, 0.24 * np.cos(a) ** 1.0, r * 0.9 * np.cos(a))
    y = y - 0.16 * (1 - np.abs(np.sin(a)) ** 2) * (np.cos(a) > 0)
    rows = []
    for k, z in ((0.0, 0.135), (0.4, 0.133), (0.75, 0.122), (0.94, 0.085), (1.0, 0.03),
            (1.0, -0.03), (0.94, -0.085), (0.75, -0.122),
                 (0.4, -0.133), (0.0, -0.135)):  # fmt: skip
        rows.append(np.stack([x * k, y * k - 0.02 * (1 - k), np.full_like(x, z)], -1))
    stack = np.stack(rows).astype(np.float32)
    grid = curve(stack.reshape(len(rows), -1), 60).reshape(60, 121, 3)
    body = part(grid, MAIN, closed=True, planar=True)
    parts = [body]
    ridge = [(float(p), float(q), 0.0) for p, q in zip(x[91:121:3], y[91:121:3], strict=True)]
    ridge += [(float(p), float(q), 0.0) for p, q in zip(x[0:31:3], y[0:31:3], strict=True)]
    parts += zipper(ridge, 0.014)
    strap = [
        (-0.47, 0.03, 0),
        (-0.50, 0.16, 0),
        (-0.34, 0.62, 0),
        (0, 0.80, 0),
        (0.34, 0.62, 0),
        (0.50, 0.16, 0),
        (0.47, 0.03, 0),
    ]
    parts.append(tube(strap, 0.034, ACCENT, flat=0.35, up=(0, 0, 1), rows=72))
    for side in (-1, 1):
        loop = [
            (side * 0.47, -0.01, 0),
            (side * 0.53, 0.04, 0),
            (side * 0.50, 0.10, 0),
            (side * 0.45, 0.05, 0),
        ]
        parts.append(tube(loop, 0.010, METAL, loop=True, columns=9))
    return parts


def _bowling() -> list[Part]:
    body = box((1.0, 0.58, 0.40), slot=MAIN, edge=0.19, puff=0.02)
    parts: list[Part] = [displaced(body, folds(body, 12, 0.006))]
    parts += zipper(
        [
            (-0.44, 0.18, 0.0),
            (-0.36, 0.272, 0.0),
            (0.0, 0.30, 0.0),
            (0.36, 0.272, 0.0),
            (0.44, 0.18, 0.0),
        ]
    )
    parts += _handles(0.21, 0.22, 0.17, 0.34, ACCENT, 0.024)
    for x in (-0.21, 0.21):
        parts.append(
            tube(
                [(x, 0.1, 0.212), (x, -0.1, 0.222), (x, -0.25, 0.19)],
                0.03,
                ACCENT,
                flat=0.25,
                rows=24,
            )
        )
    stud = revolve([(0, 0.02), (0.03, 0.015), (0.034, 0)], METAL, rows=10, columns=25).turned(
        "x", 90
    )
    parts += [stud.moved(x, 0.05, 0.222) for x in (-0.21, 0.21)]
    parts.append(box((0.16, 0.08, 0.012), (0, -0.02, 0.222), TRIM, edge=0.006))
    return parts
