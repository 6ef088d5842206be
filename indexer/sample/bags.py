"""Bags: backpacks and handbags."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from indexer.sample.boxes import box
from indexer.sample.camera import View
from indexer.sample.cloth import folds, groove
from indexer.sample.paint import Model
from indexer.sample.surfaces import (
    ACCENT,
    DARK,
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

CARRIED = (View("front", -14, 8), View("angle", -48, 18))


def _zip(points: Sequence[Sequence[float]], radius: float = 0.011) -> list[Part]:
    """A zipper: a dark line with a metal pull at its end."""
    line = tube(points, radius, DARK, rows=64, columns=9)
    end = np.asarray(points[-1], np.float32)
    pull = tube([end, end + np.array([0.0, -0.05, 0.02]), end + np.array([0.0, -0.10, 0.02])],
            [0.012, 0.016, 0.012], METAL,
                flat=0.5, rows=10, columns=9)  # fmt: skip
    return [line, pull]


def _arch(
    half: float, low: float, high: float, z: float, bend: float = 0.14
) -> list[tuple[float, float, float]]:
    """A line up one side, over the top and down the other."""
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
    """Backpacks: daypack, roll-top, rucksack with flap, mini, school, boxy."""
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
        parts += _zip(_arch(half * 0.97, -high * 0.1, high * 0.93, front * 0.25))
    if kind in (0, 3, 4, 5):
        pw, ph = w * 0.72, h * 0.40
        cy = -high + ph / 2 + 0.06
        parts.append(box((pw, ph, 0.20), (0, cy, front + 0.01), ACCENT if kind == 5 else SIDE_SLOT,
                         edge=0.08, puff=0.02))  # fmt: skip
        parts += _zip([(-pw * 0.44, cy + ph * 0.28, front + 0.10),
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
        parts += _zip(
            [(-w * 0.24, high * 0.43, front + 0.075), (w * 0.24, high * 0.43, front + 0.075)]
        )
    if kind == 1:
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
    if kind == 2:
        parts += _flap(w * 0.94, d, high, 0.50, ACCENT)
        for x in (-0.18, 0.18):
            belt = [(x, 0.12, front + 0.075), (x, -0.05, front + 0.085), (x, -0.22, front + 0.06)]
            parts.append(tube(belt, 0.030, WOOD, flat=0.3, rows=24, columns=13))
            ring = [(x - 0.045, -0.07, front + 0.09), (x + 0.045, -0.07, front + 0.09),
                    (x + 0.045, -0.14, front + 0.09),
                    (x - 0.045, -0.14, front + 0.09)]  # fmt: skip
            parts.append(tube(ring, 0.009, METAL, loop=True, columns=9))
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


def _flap(width: float, depth: float, high: float, drop: float, slot: int) -> list[Part]:
    """A flap from the back edge, over the top, down the front."""
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


def handbag(style: int) -> Model:
    """Handbags: tote, satchel, bucket, shopper, half-moon, bowling bag."""
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
    """A soft open bag: a squarish ring that widens from the bottom to the rim."""
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
    parts = [body, *_flap(0.90, 0.30, 0.31, 0.40, SIDE_SLOT)]
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
    parts += _zip(ridge, 0.014)
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
    parts += _zip(
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
