"""Models of tops: T-shirts, shirts and hoodies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from indexer.sample.camera import View
from indexer.sample.cloth import (
    Rows,
    buttons,
    collar_band,
    cuff,
    curve_rows,
    folds,
    groove,
    label,
    patch,
    pointed,
    sleeve,
    surface_points,
    torso,
)
from indexer.sample.paint import Model
from indexer.sample.surfaces import (
    ACCENT,
    INSIDE,
    MAIN,
    METAL,
    SIDE_SLOT,
    TRIM,
    Floats,
    Part,
    capped,
    displaced,
    params,
    part,
    tube,
)

FRONT_BACK = (View("front", 0, 3), View("back", 180, 4))


def _tee_rows(width: float, length: float, waist: float) -> Rows:
    w = width
    return [
        (0.640, 0.180, 0.110), (0.625, 0.225, 0.122), (0.595, 0.325, 0.137),
        (0.545, w - 0.055, 0.145),
        (0.48, w - 0.01, 0.155), (0.36, w, 0.17), (0.15, w - 0.01, 0.185), (-0.15, w * waist, 0.18),
        (-0.40, w * (waist + 1) / 2 + 0.01, 0.185), (-length, w * (waist + 1) / 2 + 0.03, 0.19),
    ]  # fmt: skip


def tee(style: int) -> Model:
    """Build a T-shirt: crew, V-neck, boxy, long-sleeved, fitted, sleeveless, ringer."""
    width = [0.43, 0.42, 0.49, 0.42, 0.39, 0.40, 0.44][style % 7]
    length = [0.82, 0.84, 0.66, 0.82, 0.80, 0.82, 0.82][style % 7]
    waist = [0.96, 0.94, 1.0, 0.95, 0.86, 0.95, 0.96][style % 7]
    drop = [0.165, 0.29, 0.15, 0.155, 0.22, 0.25, 0.16][style % 7]
    body = torso(_tee_rows(width, length, waist), drop=drop, seed=style + 3)
    if style % 7 == 1:
        body = pointed(body, 0.30)
    band = collar_band(body, ACCENT if style % 7 == 6 else SIDE_SLOT)
    parts = [body, band, label(0.575, -0.088)]
    x0 = width - 0.19
    if style % 7 == 3:
        path = [(x0, 0.45, 0), (width - 0.05, 0.385, 0), (width + 0.06, 0.20, 0),
                (width + 0.17, -0.16, 0.02),
                (width + 0.20, -0.70, 0.05)]  # fmt: skip
        parts += sleeve(path, [0.09, 0.15, 0.145, 0.112, 0.085], seed=style)
    elif style % 7 != 5:
        reach, fall = [
            (0.24, 0.10),
            (0.23, 0.08),
            (0.26, 0.00),
            (0, 0),
            (0.19, 0.16),
            (0, 0),
            (0.24, 0.10),
        ][style % 7]
        path = [
            (x0, 0.45, 0),
            (width - 0.05, 0.385, 0),
            (width + 0.06, 0.26, 0),
            (width + reach, fall, 0.01),
        ]
        arms = sleeve(path, [0.09, 0.15, 0.158, 0.145], seed=style)
        parts += arms
        if style % 7 == 6:
            parts += [cuff(a, ACCENT, 0.02) for a in arms]
    elif style % 7 == 5:
        for side in (-1, 1):
            hole = [(side * (width - 0.035), 0.47, 0), (side * (width + 0.005), 0.30, 0.10),
                    (side * (width + 0.005), 0.13, 0), (side * (width + 0.005), 0.30,
                    -0.10)]  # fmt: skip
            parts.append(tube(hole, 0.014, SIDE_SLOT, loop=True, columns=9))
            dark = capped(tube([(side * (width - 0.06), 0.30, 0),
                    (side * (width + 0.004), 0.30, 0)],
                               [0.15, 0.15], INSIDE, flat=0.6, up=(0, 0, 1), rows=6))  # fmt: skip
            parts.append(dark)
    views = (*FRONT_BACK, View("detail", -14, 4, zoom=2.5, focus=(0.06, 0.42, 0.15)))
    cloth = "knit" if style % 7 == 3 else "cloth"
    return Model(tuple(parts), views, {MAIN: cloth, INSIDE: cloth}, hangs=True,
                 decal=(0.0, -0.14, 0.46))  # fmt: skip


def shirt(style: int) -> Model:
    """Build a button shirt: long or short sleeves, with or without pocket, band collar, camp."""
    width = [0.43, 0.46, 0.41, 0.43, 0.44, 0.42][style % 6]
    length = [0.88, 0.76, 0.90, 0.86, 0.86, 1.02][style % 6]
    short = style % 6 in (1, 4)
    band_only = style % 6 in (3, 5)
    body = torso(_tee_rows(width, length, 0.95), drop=0.15, seed=style + 30, fold=0.014)
    grid = body.grid.copy()  # the tails: the hem is lower in front and at the back
    t = np.linspace(0, 1, len(grid))[:, None]
    s = np.linspace(0, 1, grid.shape[1])[None, :]
    grid[..., 1] -= np.clip((t - 0.7) / 0.3, 0, 1) ** 2 * 0.06 * np.cos(4 * np.pi * s)
    body = replace(body, grid=grid)
    parts = [body, label(0.585, -0.088), _placket(body)]
    parts += buttons(body, 7)
    neck = body.grid[0]
    parts.append(collar_band(body, SIDE_SLOT, 0.02, 2.2))
    if not band_only:
        parts.append(_collar(neck, camp=style % 6 in (1, 4)))
    if style % 6 in (0, 1, 2):
        parts += _pocket(body, 0.60, 0.36, 0.085, 0.20)
    x0 = width - 0.19
    if short:
        path = [
            (x0, 0.45, 0),
            (width - 0.05, 0.385, 0),
            (width + 0.06, 0.25, 0),
            (width + 0.22, 0.02, 0.01),
        ]
        parts += sleeve(path, [0.09, 0.15, 0.16, 0.15], seed=style)
    else:
        path = [(x0, 0.45, 0), (width - 0.05, 0.385, 0), (width + 0.06, 0.20, 0),
                (width + 0.16, -0.18, 0.02),
                (width + 0.19, -0.68, 0.05)]  # fmt: skip
        arms = sleeve(path, [0.09, 0.15, 0.145, 0.115, 0.085], seed=style)
        parts += arms + [cuff(a, SIDE_SLOT, 0.055) for a in arms]
    views = (*FRONT_BACK, View("detail", -16, 6, zoom=2.5, focus=(0.06, 0.42, 0.15)))
    return Model(tuple(parts), views, hangs=True, decal=(0.0, -0.1, 0.4))


def _placket(body: Part) -> Part:
    return patch(body, (0.484, 0.516), (0.0, 1.0), 0.007, SIDE_SLOT)


def _pocket(body: Part, s: float, t: float, half: float, tall: float) -> list[Part]:
    return [
        patch(body, (s - half / 2, s + half / 2), (t - tall / 2, t + tall / 2), 0.008, SIDE_SLOT)
    ]


def _collar(neck: Floats, camp: bool) -> Part:
    """Build a folded collar on the ring of a neck, open in front."""
    m = len(neck)
    order = np.r_[m // 2 + 1 : m, 0 : m // 2]  # from the front, around the back, to the front
    ring = neck[order]
    k = len(ring)
    a = np.linspace(0, 1, k)
    tip = np.exp(-((np.minimum(a, 1 - a) / 0.10) ** 2))  # 1 at both tips of the collar
    away = ring * np.array([1, 0, 1])
    away = away / (np.linalg.norm(away, axis=1, keepdims=True) + 1e-6)
    up = np.array([0, 1, 0])
    side = np.sign(ring[:, :1]) * np.array([1.0, 0, 0])
    stand = 0.052
    fall = (0.040 + (0.085 if not camp else 0.10) * tip)[:, None]
    spread = (0.05 + 0.055 * tip)[:, None]
    rows = np.stack([
        ring,
        ring + up * stand + away * 0.004,
        ring + up * (stand + 0.006) + away * 0.022,
        ring + up * (stand - fall * 0.45) + away * (spread * 0.75) + side * (0.03 * tip[:, None]),
        ring + up * (stand - fall * 1.0) + away * (spread + 0.012) + side * (0.085 * tip[:, None]),
    ])  # fmt: skip
    return part(curve_rows(rows.astype(np.float32), 24), SIDE_SLOT, inside=SIDE_SLOT)


def hoodie(style: int) -> Model:
    """Build a hoodie: pullover, zipped, cropped, oversized, with contrast ribs."""
    width = [0.45, 0.45, 0.46, 0.51, 0.44][style % 5]
    length = [0.76, 0.78, 0.54, 0.80, 0.76][style % 5]
    rows = [*_tee_rows(width, length - 0.06, 0.99)[:-1], (-length + 0.08, width + 0.035, 0.21),
            (-length + 0.02, width - 0.02, 0.185)]  # fmt: skip
    body = torso(rows, drop=0.10, seed=style + 80, fold=0.024)
    rib = ACCENT if style % 5 == 4 else SIDE_SLOT
    parts = [body]
    hem = cuff(body, rib, 0.055)
    parts.append(hem)
    x0 = width - 0.18
    path = [
        (x0, 0.45, 0),
        (width - 0.05, 0.375, 0),
        (width + 0.08, 0.18, 0),
        (width + 0.18, -0.16, 0.03),
        (width + 0.20, -0.64, 0.08),
    ]
    arms = sleeve(path, [0.09, 0.165, 0.165, 0.135, 0.105], seed=style, fold=0.02, flat=0.85)
    parts += arms + [cuff(a, rib, 0.045) for a in arms]
    parts.append(_hood())
    roll = _hood_roll()
    parts += roll
    if style % 5 == 1:
        t = np.linspace(0.02, 1.0, 60).astype(np.float32)
        line = surface_points(body, np.full(60, 0.5, np.float32), t, 0.008)
        parts.append(tube(line, 0.010, METAL, smooth=False, columns=9))
        parts.append(patch(body, (0.484, 0.516), (0.0, 1.0), 0.005, rib))
        for side in (-1, 1):
            s = (0.5 + side * 0.105 - 0.055, 0.5 + side * 0.105 + 0.055)
            parts.append(patch(body, s, (0.68, 0.93), 0.012, SIDE_SLOT))
    else:
        parts += [_kangaroo(body)]
    for side in (-1, 1):
        start = np.array([side * 0.045, 0.50, 0.175])
        cord = [start, start + np.array([side * 0.012, -0.06, 0.035]),
                start + np.array([side * 0.02, -0.20, 0.025]),
                start + np.array([side * 0.018, -0.29, 0.025])]  # fmt: skip
        parts.append(tube(cord, 0.0085, TRIM, columns=9))
        parts.append(
            tube([cord[-1], cord[-1] + np.array([0, -0.035, 0])], 0.0105, METAL, columns=9, rows=6)
        )
    views = (*FRONT_BACK, View("detail", -14, 6, zoom=2.2, focus=(0.04, 0.5, 0.15)))
    return Model(tuple(parts), views, {MAIN: "knit", ACCENT: "knit", INSIDE: "knit"}, hangs=True,
                 decal=(0.0, -0.12, 0.40))  # fmt: skip


def _hood() -> Part:
    theta = np.linspace(0.02, 0.60 * np.pi, 48)[:, None]
    phi = np.linspace(0, 2 * np.pi, 73)[None, :]
    r = 1 + 0.06 * np.cos(phi)
    x = 0.235 * np.sin(theta) * np.sin(phi) * r
    y = 0.78 + 0.255 * np.sin(theta) * np.cos(phi) * r - 0.03 * np.cos(theta)
    z = -0.02 - 0.25 * np.cos(theta) + 0.05 * np.cos(phi) * np.sin(theta)
    hood = part(np.stack(np.broadcast_arrays(x, y, z), -1), SIDE_SLOT)
    _, t = params(hood)
    hood = displaced(hood, folds(hood, 9, 0.012) * np.clip(t * 3, 0, 1))
    return displaced(hood, groove(t, 0.93, 0.02, 0.012))


def _hood_roll() -> list[Part]:
    edge = [(0.0, 0.485, 0.165), (0.13, 0.56, 0.14), (0.215, 0.72, 0.085), (0.20, 0.90, 0.085),
            (0.10, 1.03, 0.095), (0.0, 1.06, 0.10)]  # fmt: skip
    right = tube(
        edge, [0.026, 0.024, 0.018, 0.016, 0.016, 0.016], SIDE_SLOT, flat=1.2, rows=64, columns=13
    )
    return [right, right.mirrored()]


def _kangaroo(body: Part) -> Part:
    pouch = patch(body, (0.385, 0.615), (0.66, 0.93), 0.014, SIDE_SLOT)
    grid = pouch.grid.copy()
    t = np.linspace(0, 1, len(grid))[:, None]
    squeeze = 1 - 0.34 * np.clip(1 - t / 0.72, 0, 1)
    grid[..., 0] *= squeeze
    grid[..., 2] += 0.012 * np.clip(1 - t, 0, 1)
    return replace(pouch, grid=grid)
