"""Footwear: sneakers and boots, lofted from a sole line to the opening of the shoe.

A shoe points its toe to +x. Around it, column s = 0.5 is the toe and s = 0 the heel; rows t run
from the sole up to the opening.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from indexer.sample.boxes import box
from indexer.sample.camera import View
from indexer.sample.cloth import groove
from indexer.sample.paint import Model
from indexer.sample.surfaces import (
    ACCENT,
    DARK,
    GUM,
    INSIDE,
    MAIN,
    METAL,
    SIDE_SLOT,
    TRIM,
    Floats,
    Part,
    SlotRule,
    Slots,
    capped,
    curve,
    displaced,
    normals,
    params,
    part,
    superellipse,
    tube,
)

COLUMNS = 121
PROFILE = (View("side", -18, 12), View("angle", -52, 24))


def _at(b: Floats, table: Sequence[tuple[float, float]]) -> Floats:
    """Values along the shoe, b from -1 (heel) to 1 (toe), smooth between the given ones."""
    dense = curve(table, 200)
    return np.interp(b, dense[:, 0], dense[:, 1]).astype(np.float32)


def _loop(pointed: float = 0.0) -> tuple[Floats, Floats]:
    """Around the shoe: lengthwise place b (m,) and the sole line (m, 2) of x and z."""
    ring = superellipse(COLUMNS, 2.9 - 0.7 * pointed)
    b = ring[:, 1]
    wide = _at(b, [(-1, 0.135), (-0.6, 0.130), (-0.15, 0.118), (0.35, 0.162),
            (0.7, 0.162 - 0.03 * pointed), (1, 0.15 - 0.08 * pointed)])  # fmt: skip
    inner = np.where(ring[:, 0] > 0, 1.0, 0.94)  # the inner side is straighter
    z = ring[:, 0] * wide * inner
    return b, np.stack([b * (0.5 + 0.04 * pointed), z], axis=1).astype(np.float32)


def _ring(x: ArrayLike, y: ArrayLike, z: ArrayLike) -> Floats:
    return np.stack(np.broadcast_arrays(x, y, z), axis=-1).astype(np.float32)


def _upper(rings: Sequence[Floats], slot: int | SlotRule, rows: int = 72) -> Part:
    stack = np.stack(rings)  # (k, m, 3)
    k, m, _ = stack.shape
    grid = curve(stack.reshape(k, m * 3), rows).reshape(rows, m, 3)
    up = np.linalg.norm(np.diff(grid, axis=0, prepend=grid[:1]), axis=2).cumsum(axis=0)  # (n, m)
    z = np.abs(grid[..., 2])
    u = grid[..., 0] + 0.7 * (z[:1] - z)  # along the side of the shoe, and on around its toe
    return Part(grid, np.stack([u, -up], axis=-1).astype(np.float32), slot)


def _sole(
    line: Floats,
    b: Floats,
    *,
    heel: float,
    toe: float,
    flare: float,
    slot: int,
    band: int | None = None,
) -> Part:
    """A rubber sole as thick as `heel` behind and `toe` in front."""
    top = _at(b, [(-1, heel), (-0.3, heel * 0.85 + toe * 0.15), (0.3, toe), (1, toe)])
    spring = 0.035 * np.clip((b - 0.55) / 0.45, 0, 1) ** 2
    steps = [(0.0, 0.0), (0.5, 0.0), (0.94, 0.0), (1.0, 0.12), (1.0 + flare, 0.45),
            (1.0 + flare, 0.75), (1.0 + flare * 0.7, 1.0),
             (0.96, 1.05), (0.6, 1.05), (0.0, 1.05)]  # fmt: skip
    rings = [
        _ring(line[:, 0] * (1 + (k - 1) * 0.35 if k > 0.9 else k), top * h + spring, line[:, 1] * k)
        for k, h in steps
    ]

    def rule(_: Floats, t: Floats) -> Slots:
        middle = (t > 0.44) & (t < 0.50)
        return np.where(middle, band if band is not None else slot, slot).astype(np.uint8)

    grid = np.stack(rings)
    n, m, _ = grid.shape
    return part(curve(grid.reshape(n, m * 3), 60).reshape(60, m, 3), rule, closed=True)


def _laces(body: Part, count: int, start: float, end: float, slot: int = TRIM) -> list[Part]:
    """Bars across the vamp, and a bow's two ends."""
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


def _tongue(x: float, y: float, slot: int) -> Part:
    path = [
        (x + 0.15, y - 0.075, 0),
        (x + 0.05, y - 0.015, 0),
        (x - 0.025, y + 0.05, 0),
        (x - 0.055, y + 0.085, 0),
    ]
    return capped(tube(path, [0.05, 0.060, 0.064, 0.052], slot, flat=0.24, up=(1, 0.9, 0), rows=30,
                       columns=25, power=2.6))  # fmt: skip


def sneaker(style: int) -> Model:
    """Sneakers: court, runner, high-top, slip-on, retro, canvas."""
    kind = style % 6
    b, line = _loop()
    lat = line[:, 1]
    heel, toe = [
        (0.085, 0.075),
        (0.155, 0.085),
        (0.075, 0.07),
        (0.075, 0.07),
        (0.10, 0.075),
        (0.085, 0.08),
    ][kind]
    base = _at(b, [(-1, heel), (0.2, toe), (1, toe + 0.02)]) - 0.012
    high = kind == 2
    rise = 0.03 if kind == 1 else 0.0
    body_y = _at(b, [(-1, 0.25), (-0.4, 0.245), (0.2, 0.215), (0.6, 0.20), (1, 0.185)]) + rise
    vamp_y = _at(b, [(-1, 0.34), (-0.4, 0.34), (0.0, 0.325), (0.5, 0.27), (1, 0.235)]) + rise
    throat = 0.10 if kind == 3 else 0.05
    x_top = -0.475 + (b + 1) / 2 * (0.475 + throat)
    y_top = _at(b, [(-1, 0.425), (-0.7, 0.385), (-0.1, 0.365), (0.6, 0.365), (1, 0.36)]) + rise
    if high:
        x_top = -0.46 + (b + 1) / 2 * (0.46 + 0.0)
        y_top = _at(b, [(-1, 0.62), (0, 0.60), (1, 0.61)])
    if kind == 3:
        y_top = _at(b, [(-1, 0.38), (-0.4, 0.315), (0.3, 0.32), (1, 0.33)])
    rings = [
        _ring(line[:, 0], base, lat),
        _ring(line[:, 0] * 1.015, base + 0.05, lat * 1.03),
        _ring(-0.492 + (b + 1) / 2 * 0.99, body_y, lat * 0.95),
        _ring(-0.485 + (b + 1) / 2 * 0.885, vamp_y, lat * 0.68),
    ]
    if high:
        rings.append(_ring(-0.465 + (b + 1) / 2 * 0.50, 0.44 + 0 * b, lat * 0.60))
    rings.append(_ring(x_top, y_top, lat * (0.58 if kind != 3 else 0.64)))
    body = _upper(rings, _sneaker_rule(kind))
    s, t = params(body)
    body = displaced(
        body, groove(np.abs(s - 0.5) - 0.15 + 0.05 * t, 0.0, 0.006, 0.006) * (t > 0.35)
    )
    body = displaced(body, groove(t, 0.95, 0.012, 0.008))
    parts = [body]
    band = {0: None, 1: ACCENT, 2: ACCENT, 3: None, 4: ACCENT, 5: ACCENT}[kind]
    parts.append(_sole(line, b, heel=heel, toe=toe, flare=0.07 if kind == 1 else 0.035,
                       slot=TRIM if kind != 4 else GUM, band=band))  # fmt: skip
    rim = body.grid[-1] - np.array([0, 0.004, 0], np.float32)
    parts.append(tube(rim[::2], 0.015 if kind != 3 else 0.009, ACCENT if kind in (0, 1,
            4) else SIDE_SLOT,
                      loop=True, smooth=False, columns=11))  # fmt: skip
    if kind != 3:
        end = 0.93 if not high else 0.97
        parts.append(_tongue(throat if not high else 0.0, y_top[len(b) // 2], SIDE_SLOT))
        parts += _laces(body, 5 if not high else 8, 0.62 if not high else 0.50, end)
    finish = {MAIN: ["leather", "knit", "cloth", "cloth", "velvet", "cloth"][kind],
            ACCENT: "leather",
              TRIM: "rubber", INSIDE: "cloth"}  # fmt: skip
    return Model(tuple(parts), PROFILE, finish, scale=1.9, decal=(0.0, 0.2, 0.2), fill=0.86)


def _sneaker_rule(kind: int) -> SlotRule:
    def rule(s: Floats, t: Floats) -> Slots:
        slot = np.full(s.shape, MAIN, np.uint8)
        front = np.abs(s - 0.5)
        side = np.minimum(s, 1 - s)  # 0 at the heel, 0.5 at the toe
        if kind in (0, 1, 4):
            slot[(side < 0.075) & (t > 0.45)] = ACCENT
        if kind == 0:
            for k in range(2):
                at = 0.225 + 0.055 * k + 0.10 * (t - 0.4)
                slot[(np.abs(side - at) < 0.014) & (t > 0.1) & (t < 0.74)] = ACCENT
        elif kind == 1:
            wave = 0.30 + 0.10 * np.sin(side * 14)
            slot[(np.abs(t - wave) < 0.055) & (side > 0.05) & (side < 0.42)] = ACCENT
        elif kind == 2:
            slot[(front < 0.12) & (t < 0.30)] = TRIM
            slot[(side < 0.05)] = ACCENT
        elif kind == 4:
            slot[(front < 0.085 + 0.05 * (1 - t)) & (t < 0.42)] = ACCENT
            slot[(np.abs(side - 0.27 - 0.06 * np.sin(6 * t)) < 0.02) & (t < 0.8)] = TRIM
        elif kind == 5:
            slot[(front < 0.13) & (t < 0.33)] = TRIM
        return slot

    return rule


def boot(style: int) -> Model:
    """Boots: chelsea, lace-up, rain boot, heeled ankle boot, riding boot, desert boot."""
    kind = style % 6
    pointed = 1.0 if kind in (3, 4) else 0.2
    b, line = _loop(pointed)
    lat = line[:, 1]
    high = [0.62, 0.72, 0.95, 0.56, 1.05, 0.48][kind]
    lift = [0.0, 0.0, 0.0, 0.14, 0.0, 0.0][kind]
    thick = [0.045, 0.075, 0.06, 0.03, 0.035, 0.05][kind]
    heel = thick + [0.035, 0.045, 0.03, 0.0, 0.04, 0.01][kind]
    raise_y = _at(b, [(-1, lift), (-0.3, lift * 0.9), (0.35, 0.0), (1, 0.0)])
    base = (
        raise_y
        + _at(b, [(-1, heel), (-0.3, heel * 0.85 + thick * 0.15), (0.3, thick), (1, thick + 0.02)])
        - 0.012
    )
    body_y = (
        _at(b, [(-1, 0.24), (-0.4, 0.235), (0.2, 0.215), (0.6, 0.19), (1, 0.17 - 0.05 * pointed)])
        + raise_y
        + thick * 0.4
    )
    vamp_y = (
        _at(b, [(-1, 0.36), (-0.4, 0.36), (0.1, 0.345), (0.5, 0.275), (1, 0.22 - 0.06 * pointed)])
        + raise_y * 0.9
        + thick * 0.4
    )
    top = _at(
        b,
        [
            (-1, high),
            (0, high - (0.02 if kind != 4 else -0.02)),
            (1, high + (0.0 if kind != 4 else 0.05)),
        ],
    )
    calf = [0.60, 0.64, 0.92, 0.58, 0.84, 0.62][kind]
    reach = [0.0, 0.02, 0.07, 0.0, 0.05, 0.0][kind]
    ankle = 0.44 + lift * 0.8
    leg = np.sign(lat) * np.sqrt(np.clip(1 - b**2, 0, 1))  # (m,): the shaft is an oval
    rings = [
        _ring(line[:, 0], base, lat),
        _ring(line[:, 0] * 1.012, base + 0.045, lat * 1.02),
        _ring(-0.495 + (b + 1) / 2 * (0.965 + 0.04 * pointed), body_y, lat * 0.92),
        _ring(-0.49 + (b + 1) / 2 * 0.80, vamp_y, lat * 0.72),
        _ring(
            -0.475 + (b + 1) / 2 * 0.515,
            ankle + 0 * b,
            0.106 * leg,
        ),
        _ring(-0.485 + (b + 1) / 2 * (0.485 + reach), top, 0.118 * leg * calf / 0.62),
    ]
    body = _upper(rings, _boot_rule(kind), rows=96)
    s, t = params(body)
    side = np.minimum(s, 1 - s)
    crease = np.exp(-(((t - 0.60) / 0.05) ** 2)) * np.cos(2 * np.pi * (s - 0.5)) ** 2
    body = displaced(body, 0.006 * crease * np.sin(90 * t) * (kind != 2))
    body = displaced(
        body, groove(np.abs(side - 0.32 + 0.1 * (t - 0.3)), 0.0, 0.005, 0.005) * (t < 0.62)
    )
    parts = [body]
    rim = body.grid[-1]
    parts.append(tube(rim[::2], 0.013, ACCENT if kind in (2, 4) else SIDE_SLOT, loop=True,
            smooth=False,
                      columns=11))  # fmt: skip
    spot = _sole(line, b, heel=heel, toe=thick, flare=0.03, slot=GUM if kind in (2, 5) else DARK)
    rise = _at(
        np.clip(spot.grid[..., 0] / 0.5, -1, 1), [(-1, lift), (-0.3, lift * 0.9), (0.35, 0), (1, 0)]
    )
    grid = spot.grid.copy()
    grid[..., 1] += rise
    parts.append(Part(grid, spot.uv, spot.slot, closed=True))
    if lift > 0.02:
        block = box((0.24 if kind != 3 else 0.17, lift + 0.02, 0.20 if kind != 3 else 0.17),
                    (-0.375, lift / 2, 0), DARK, edge=0.03, taper=1.15)  # fmt: skip
        parts.append(block)
    if kind in (1, 5):
        start, end, count = (0.50, 0.95, 8) if kind == 1 else (0.58, 0.93, 3)
        parts.append(_tongue(-0.02, high - 0.05, SIDE_SLOT))
        parts += _laces(body, count, start, end, ACCENT if kind == 5 else TRIM)
    if kind in (0, 3):
        back = body.grid[-1, 0]
        tab = [
            back + np.array([0.01, -0.07, 0.02]),
            back + np.array([-0.02, 0.05, 0.0]),
            back + np.array([0.02, -0.05, -0.02]),
        ]
        parts.append(tube(tab, 0.018, ACCENT, flat=0.4, rows=20, columns=9))
    if kind == 4:
        parts += _buckled(body)
    finish = {MAIN: ["leather", "leather", "gloss", "leather", "leather", "velvet"][kind],
              ACCENT: "cloth" if kind == 0 else "leather", DARK: "rubber",
                      INSIDE: "cloth"}  # fmt: skip
    return Model(tuple(parts), PROFILE, finish, scale=1.6, decal=(0.0, 0.5, 0.2), fill=0.84)


def _buckled(body: Part) -> list[Part]:
    """A belt around the top of a shaft, with its buckle."""
    row = round(0.90 * (len(body.grid) - 1))
    belt = body.grid[row] + normals(body.grid)[row] * 0.010
    around = tube(belt[::2], 0.020, ACCENT, flat=0.5, loop=True, smooth=False, columns=11)
    place = belt[round(0.30 * (COLUMNS - 1))]
    corners = np.array(
        [(-0.03, -0.03, 0.02), (0.03, -0.03, 0.02), (0.03, 0.03, 0.02), (-0.03, 0.03, 0.02)]
    )
    return [around, tube(place + corners, 0.007, METAL, loop=True, columns=9)]


def _boot_rule(kind: int) -> SlotRule:
    def rule(s: Floats, t: Floats) -> Slots:
        slot = np.full(s.shape, MAIN, np.uint8)
        side = np.minimum(s, 1 - s)
        if kind == 0:
            half = 0.075 * np.clip((t - 0.52) / 0.4, 0, 1) ** 0.7
            slot[(np.abs(side - 0.255) < half) & (t > 0.52) & (t < 0.96)] = ACCENT
        elif kind == 1:
            slot[t > 0.93] = ACCENT
        elif kind == 2:
            slot[(np.abs(s - 0.5) < 0.12) & (t < 0.22)] = ACCENT
        return slot

    return rule
