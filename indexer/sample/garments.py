"""Clothes on an unseen body: T-shirts, shirts, hoodies, dresses, skirts and trousers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from indexer.sample.camera import View
from indexer.sample.paint import Model
from indexer.sample.surfaces import (
    SIDE_SLOT,
    ACCENT,
    DARK,
    INSIDE,
    MAIN,
    METAL,
    TRIM,
    Floats,
    Part,
    Slots,
    box,
    capped,
    curve,
    displaced,
    folds,
    groove,
    params,
    part,
    revolve,
    superellipse,
    tube,
)

Rows = Sequence[tuple[float, float, float]]  # y, half width, half depth
FRONT_BACK = (View("front", 0, 3), View("back", 180, 4))


def torso(rows: Rows, *, drop: float, seed: int, fold: float = 0.016, back: float = 0.0) -> Part:
    """The trunk of a garment as rings from the neck down; the front of the neck hangs lower."""
    line = curve([(y, w, d) for y, w, d in rows], 110)  # (n, 3)
    ring = superellipse(129, 2.35)  # (m, 2)
    ring = np.insert(ring, [32, 96], ring[[32, 96]], axis=0)  # the side seams, once for each cloth
    x = line[:, 1:2] * ring[None, :, 0]
    z = line[:, 2:3] * ring[None, :, 1]
    front = np.clip(ring[:, 1], 0, 1) ** 1.1
    behind = np.clip(-ring[:, 1], 0, 1)
    t = np.linspace(0, 1, len(line))[:, None]
    fade = np.clip(1 - t / 0.42, 0, 1) ** 2.2
    y = line[:, :1] - fade * (drop * front + back * behind)[None, :]
    grid = np.stack([x, y, z], -1).astype(np.float32)
    body = Part(grid, _tailored(grid))
    body = displaced(body, folds(body, seed, fold, 0.8, 13) * np.clip(t * 5 - 0.4, 0, 1))
    return displaced(body, groove(np.float32(t), 0.968, 0.005, 0.010))


def _tailored(grid: Floats) -> Floats:
    """Pattern places (n, m, 2) of a trunk cut from a front and a back: level and upright on both."""
    step = np.linalg.norm(np.diff(grid[..., [0, 2]], axis=1), axis=2)  # (n, m - 1)
    around = np.concatenate([np.zeros((len(grid), 1), np.float32), np.cumsum(step, axis=1)], axis=1)
    total = around[:, -1:]
    m = grid.shape[1]
    j = np.arange(m)[None, :]
    left, right = 33, m - 34  # first column of the front, and its last
    u = around - total / 2
    u = np.where(j < left, around, np.where(j > right, around - total, u))
    return np.stack([u, -grid[..., 1]], axis=-1).astype(np.float32)


def sleeve(
    path: Sequence[tuple[float, float, float]],
    radii: Sequence[float],
    *,
    seed: int,
    fold: float = 0.010,
    flat: float = 0.78,
    slot: int = SIDE_SLOT,
) -> list[Part]:
    """A right and a left sleeve along a path of the right one."""
    arm = tube(path, radii, slot, flat=flat, rows=64, columns=49, closed=False)
    _, t = params(arm)
    arm = displaced(arm, folds(arm, seed, fold, 0.5, 12) * np.clip(t * 4 - 0.5, 0, 1))
    arm = displaced(arm, groove(t, 0.93, 0.012, 0.007))
    arm = _lowered(arm, path[0][1])
    return [arm, arm.mirrored()]


def _lowered(limb: Part, start: float) -> Part:
    """A sleeve or leg whose pattern goes on from the trunk's, at the height where it starts."""
    return replace(limb, uv=limb.uv - np.array([0, start], np.float32))


def collar_band(body: Part, slot: int, radius: float = 0.017, tall: float = 1.7) -> Part:
    """The ribbed band around the first ring of a body."""
    ring = body.grid[0] + np.array([0, radius * 0.5, 0], np.float32)
    return tube(ring[::2], radius, slot, flat=tall, up=(0, 1, 0), smooth=False, loop=True,
                columns=13)  # fmt: skip


def _label(y: float, z: float) -> Part:
    return box((0.09, 0.05, 0.006), (0, y, z), TRIM, round=0.003)


def _tee_rows(width: float, length: float, waist: float) -> Rows:
    w = width
    return [
        (0.640, 0.180, 0.110), (0.625, 0.225, 0.122), (0.595, 0.325, 0.137), (0.545, w - 0.055, 0.145),
        (0.48, w - 0.01, 0.155), (0.36, w, 0.17), (0.15, w - 0.01, 0.185), (-0.15, w * waist, 0.18),
        (-0.40, w * (waist + 1) / 2 + 0.01, 0.185), (-length, w * (waist + 1) / 2 + 0.03, 0.19),
    ]  # fmt: skip


def tee(style: int) -> Model:
    """T-shirts: crew, V-neck, boxy, long-sleeved, fitted, sleeveless, ringer."""
    width = [0.43, 0.42, 0.49, 0.42, 0.39, 0.40, 0.44][style % 7]
    length = [0.82, 0.84, 0.66, 0.82, 0.80, 0.82, 0.82][style % 7]
    waist = [0.96, 0.94, 1.0, 0.95, 0.86, 0.95, 0.96][style % 7]
    drop = [0.165, 0.29, 0.15, 0.155, 0.22, 0.25, 0.16][style % 7]
    body = torso(_tee_rows(width, length, waist), drop=drop, seed=style + 3)
    if style % 7 == 1:
        body = _pointed(body, 0.30)
    band = collar_band(body, ACCENT if style % 7 == 6 else SIDE_SLOT)
    parts = [body, band, _label(0.575, -0.088)]
    x0 = width - 0.19
    if style % 7 == 3:
        path = [(x0, 0.45, 0), (width - 0.05, 0.385, 0), (width + 0.06, 0.20, 0), (width + 0.17, -0.16, 0.02),
                (width + 0.20, -0.70, 0.05)]  # fmt: skip
        parts += sleeve(path, [0.09, 0.15, 0.145, 0.112, 0.085], seed=style)
    elif style % 7 != 5:
        reach, fall = [(0.24, 0.10), (0.23, 0.08), (0.26, 0.00), (0, 0), (0.19, 0.16), (0, 0), (0.24, 0.10)][
            style % 7
        ]
        path = [(x0, 0.45, 0), (width - 0.05, 0.385, 0), (width + 0.06, 0.26, 0), (width + reach, fall, 0.01)]
        arms = sleeve(path, [0.09, 0.15, 0.158, 0.145], seed=style)
        parts += arms
        if style % 7 == 6:
            parts += [_cuff(a, ACCENT, 0.02) for a in arms]
    elif style % 7 == 5:
        for side in (-1, 1):
            hole = [(side * (width - 0.035), 0.47, 0), (side * (width + 0.005), 0.30, 0.10),
                    (side * (width + 0.005), 0.13, 0), (side * (width + 0.005), 0.30, -0.10)]  # fmt: skip
            parts.append(tube(hole, 0.014, SIDE_SLOT, loop=True, columns=9))
            dark = capped(tube([(side * (width - 0.06), 0.30, 0), (side * (width + 0.004), 0.30, 0)],
                               [0.15, 0.15], INSIDE, flat=0.6, up=(0, 0, 1), rows=6))  # fmt: skip
            parts.append(dark)
    views = (*FRONT_BACK, View("detail", -14, 4, zoom=2.5, focus=(0.06, 0.42, 0.15)))
    cloth = "knit" if style % 7 == 3 else "cloth"
    return Model(tuple(parts), views, {MAIN: cloth, INSIDE: cloth}, hangs=True,
                 decal=(0.0, -0.14, 0.46))  # fmt: skip


def _pointed(body: Part, depth: float) -> Part:
    """A V neck out of a round one: the front of the first rows comes to a point."""
    grid = body.grid.copy()
    t = np.linspace(0, 1, len(grid))[:, None]
    s = np.linspace(0, 1, grid.shape[1])[None, :]
    near = np.clip(1 - np.abs(s - 0.5) / 0.26, 0, 1)
    round_now = np.clip(np.cos((s - 0.5) * 2 * np.pi), 0, 1) ** 1.1
    grid[..., 1] -= np.clip(1 - t / 0.42, 0, 1) ** 2.2 * depth * 0.55 * (near - 0.75 * round_now)
    return replace(body, grid=grid)


def _cuff(arm: Part, slot: int, wide: float) -> Part:
    """A band around the end of a sleeve."""
    end, before = arm.grid[-1], arm.grid[-4]
    middle = end.mean(axis=0)
    ahead = (middle - before.mean(axis=0)) / np.linalg.norm(middle - before.mean(axis=0))
    rings = [end + ahead * k * wide + (end - middle) * g
             for k, g in ((-1.0, 0.02), (-0.9, 0.06), (0.9, 0.06), (1.0, 0.02), (1.0, -0.08))]  # fmt: skip
    return part(curve_rows(np.stack(rings), 12), slot)


def curve_rows(grid: Floats, count: int) -> Floats:
    """A grid of (n, m, 3) with its rows made smooth and `count` many."""
    n, m, _ = grid.shape
    return curve(grid.reshape(n, m * 3), count).reshape(count, m, 3)


def shirt(style: int) -> Model:
    """Button shirts: long or short sleeves, with and without chest pocket, band collar, camp."""
    width = [0.43, 0.46, 0.41, 0.43, 0.44, 0.42][style % 6]
    length = [0.88, 0.76, 0.90, 0.86, 0.86, 1.02][style % 6]
    short = style % 6 in (1, 4)
    band_only = style % 6 in (3, 5)
    body = torso(_tee_rows(width, length, 0.95), drop=0.15, seed=style + 30, fold=0.014)
    grid = body.grid.copy()  # the tails: the hem hangs lower in front and behind
    t = np.linspace(0, 1, len(grid))[:, None]
    s = np.linspace(0, 1, grid.shape[1])[None, :]
    grid[..., 1] -= np.clip((t - 0.7) / 0.3, 0, 1) ** 2 * 0.06 * np.cos(4 * np.pi * s)
    body = replace(body, grid=grid)
    parts = [body, _label(0.585, -0.088), _placket(body)]
    parts += _buttons(body, 7)
    neck = body.grid[0]
    parts.append(collar_band(body, SIDE_SLOT, 0.02, 2.2))
    if not band_only:
        parts.append(_collar(neck, camp=style % 6 in (1, 4)))
    if style % 6 in (0, 1, 2):
        parts += _pocket(body, 0.60, 0.36, 0.085, 0.20)
    x0 = width - 0.19
    if short:
        path = [(x0, 0.45, 0), (width - 0.05, 0.385, 0), (width + 0.06, 0.25, 0), (width + 0.22, 0.02, 0.01)]
        parts += sleeve(path, [0.09, 0.15, 0.16, 0.15], seed=style)
    else:
        path = [(x0, 0.45, 0), (width - 0.05, 0.385, 0), (width + 0.06, 0.20, 0), (width + 0.16, -0.18, 0.02),
                (width + 0.19, -0.68, 0.05)]  # fmt: skip
        arms = sleeve(path, [0.09, 0.15, 0.145, 0.115, 0.085], seed=style)
        parts += arms + [_cuff(a, SIDE_SLOT, 0.055) for a in arms]
    views = (*FRONT_BACK, View("detail", -16, 6, zoom=2.5, focus=(0.06, 0.42, 0.15)))
    return Model(tuple(parts), views, hangs=True, decal=(0.0, -0.1, 0.4))


def _surface(body: Part, s: Floats, t: Floats, out: float) -> Floats:
    """Points of a body at columns s (k,) and rows t (k,), lifted by `out`: (k, 3)."""
    from indexer.sample.surfaces import normals

    n, m = body.grid.shape[:2]
    i = np.clip(np.round(t * (n - 1)).astype(int), 0, n - 1)
    j = np.clip(np.round(s * (m - 1)).astype(int), 0, m - 1)
    return np.asarray(body.grid[i, j] + normals(body.grid)[i, j] * out, np.float32)


def _patch(body: Part, s: tuple[float, float], t: tuple[float, float], out: float, slot: int) -> Part:
    """A piece of cloth sewn on a body, its edges turned in."""
    n, m = body.grid.shape[:2]
    rows = slice(round(t[0] * (n - 1)), round(t[1] * (n - 1)) + 1)
    columns = slice(round(s[0] * (m - 1)), round(s[1] * (m - 1)) + 1)
    from indexer.sample.surfaces import normals

    piece = body.grid[rows, columns]
    out_dir = normals(body.grid)[rows, columns]
    h, w = piece.shape[:2]
    edge_t = np.minimum(np.arange(h), np.arange(h)[::-1])[:, None]
    edge_s = np.minimum(np.arange(w), np.arange(w)[::-1])[None, :]
    lift = out * np.clip(np.minimum(edge_t, edge_s) / 1.0, 0, 1) + 0.002
    lift = lift - 0.25 * out * (np.minimum(edge_t, edge_s) == 2)
    new = Part(piece + out_dir * lift[..., None], body.uv[rows, columns], slot)
    return new


def _placket(body: Part) -> Part:
    return _patch(body, (0.484, 0.516), (0.0, 1.0), 0.007, SIDE_SLOT)


def _buttons(body: Part, count: int) -> list[Part]:
    t = np.linspace(0.04, 0.90, count).astype(np.float32)
    places = _surface(body, np.full(count, 0.5, np.float32), t, 0.012)
    button = revolve([(0.0, 0.006), (0.006, 0.003), (0.012, 0.006), (0.015, 0.004), (0.015, 0.0)], TRIM,
                     rows=12, columns=25).turned("x", 90)  # fmt: skip
    return [button.moved(*map(float, p)) for p in places]


def _pocket(body: Part, s: float, t: float, half: float, tall: float) -> list[Part]:
    return [_patch(body, (s - half / 2, s + half / 2), (t - tall / 2, t + tall / 2), 0.008, SIDE_SLOT)]


def _collar(neck: Floats, camp: bool) -> Part:
    """A folded collar on the ring of a neck, open in front."""
    m = len(neck)
    order = np.r_[m // 2 + 1 : m, 0 : m // 2]  # from the front, around the back, to the front
    ring = neck[order]
    k = len(ring)
    a = np.linspace(0, 1, k)
    tip = np.exp(-((np.minimum(a, 1 - a) / 0.10) ** 2))  # 1 at both points of the collar
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
    return part(curve_rows(np.float32(rows), 24), SIDE_SLOT, inside=SIDE_SLOT)


def hoodie(style: int) -> Model:
    """Hoodies: pullover, zipped, cropped, oversized, with contrast ribs."""
    width = [0.45, 0.45, 0.46, 0.51, 0.44][style % 5]
    length = [0.76, 0.78, 0.54, 0.80, 0.76][style % 5]
    rows = [*_tee_rows(width, length - 0.06, 0.99)[:-1], (-length + 0.08, width + 0.035, 0.21),
            (-length + 0.02, width - 0.02, 0.185)]  # fmt: skip
    body = torso(rows, drop=0.10, seed=style + 80, fold=0.024)
    rib = ACCENT if style % 5 == 4 else SIDE_SLOT
    parts = [body]
    hem = _cuff(body, rib, 0.055)
    parts.append(hem)
    x0 = width - 0.18
    path = [(x0, 0.45, 0), (width - 0.05, 0.375, 0), (width + 0.08, 0.18, 0), (width + 0.18, -0.16, 0.03), (width + 0.20, -0.64, 0.08)]
    arms = sleeve(path, [0.09, 0.165, 0.165, 0.135, 0.105], seed=style, fold=0.02, flat=0.85)
    parts += arms + [_cuff(a, rib, 0.045) for a in arms]
    parts.append(_hood())
    roll = _hood_roll(body)
    parts += roll
    if style % 5 == 1:
        t = np.linspace(0.02, 1.0, 60).astype(np.float32)
        line = _surface(body, np.full(60, 0.5, np.float32), t, 0.008)
        parts.append(tube(line, 0.010, METAL, smooth=False, columns=9))
        parts.append(_patch(body, (0.484, 0.516), (0.0, 1.0), 0.005, rib))
        for side in (-1, 1):
            s = (0.5 + side * 0.105 - 0.055, 0.5 + side * 0.105 + 0.055)
            parts.append(_patch(body, s, (0.68, 0.93), 0.012, SIDE_SLOT))
    else:
        parts += [_kangaroo(body)]
    for side in (-1, 1):
        start = np.array([side * 0.045, 0.50, 0.175])
        cord = [start, start + [side * 0.012, -0.06, 0.035], start + [side * 0.02, -0.20, 0.025],
                start + [side * 0.018, -0.29, 0.025]]  # fmt: skip
        parts.append(tube(cord, 0.0085, TRIM, columns=9))
        parts.append(tube([cord[-1], cord[-1] + [0, -0.035, 0]], 0.0105, METAL, columns=9, rows=6))
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
    s, _ = params(hood)
    hood = displaced(hood, folds(hood, 9, 0.012) * np.clip(t * 3, 0, 1))
    return displaced(hood, groove(t, 0.93, 0.02, 0.012))


def _hood_roll(body: Part) -> list[Part]:
    edge = [(0.0, 0.485, 0.165), (0.13, 0.56, 0.14), (0.215, 0.72, 0.085), (0.20, 0.90, 0.085),
            (0.10, 1.03, 0.095), (0.0, 1.06, 0.10)]  # fmt: skip
    right = tube(edge, [0.026, 0.024, 0.018, 0.016, 0.016, 0.016], SIDE_SLOT, flat=1.2, rows=64, columns=13)
    return [right, right.mirrored()]


def _kangaroo(body: Part) -> Part:
    patch = _patch(body, (0.385, 0.615), (0.66, 0.93), 0.014, SIDE_SLOT)
    grid = patch.grid.copy()
    t = np.linspace(0, 1, len(grid))[:, None]
    squeeze = 1 - 0.34 * np.clip(1 - t / 0.72, 0, 1)
    grid[..., 0] *= squeeze
    grid[..., 2] += 0.012 * np.clip(1 - t, 0, 1)
    return replace(patch, grid=grid)


def dress(style: int) -> Model:
    """Dresses: A-line, shift, strappy, maxi, wrap-waist, skater."""
    kind = style % 6
    hem_w = [0.52, 0.36, 0.46, 0.50, 0.44, 0.58][kind]
    hem_y = [-0.85, -0.70, -0.80, -1.25, -1.0, -0.62][kind]
    waist = [0.255, 0.31, 0.25, 0.255, 0.245, 0.245][kind]
    strappy = kind in (2, 3)
    if strappy:
        rows = [(0.40, 0.265, 0.15), (0.36, 0.285, 0.165), (0.26, 0.295, 0.18), (0.02, waist, 0.145)]
    else:
        rows = [(0.640, 0.155, 0.10), (0.615, 0.20, 0.112), (0.585, 0.27, 0.125), (0.545, 0.325, 0.13),
                (0.47, 0.345, 0.14), (0.30, 0.32, 0.165), (0.02, waist, 0.14)]  # fmt: skip
    rows += [(-0.06, waist + 0.012, 0.145), (-0.30, (waist + hem_w) / 2 + 0.01, 0.20),
             (hem_y, hem_w, 0.20 + 0.25 * (hem_w - 0.3))]  # fmt: skip
    drop = 0.03 if strappy else [0.13, 0.10, 0, 0, 0.24, 0.17][kind]
    body = torso(rows, drop=drop, seed=style + 50, fold=0.012)
    if kind == 4:
        body = _pointed(body, 0.34)
    s, t = params(body)
    below = np.clip((t - 0.42) / 0.58, 0, 1) ** 1.3
    gores = [9, 5, 11, 12, 8, 13][kind]
    body = displaced(body, below * [0.035, 0.012, 0.04, 0.045, 0.03, 0.05][kind]
                     * np.cos(2 * np.pi * gores * s + 1.2 * np.sin(2 * np.pi * s)))  # fmt: skip
    parts = [body]
    if strappy:
        for side in (-1, 1):
            path = [(side * 0.17, 0.385, 0.14), (side * 0.165, 0.56, 0.06), (side * 0.15, 0.58, -0.03),
                    (side * 0.14, 0.40, -0.135)]  # fmt: skip
            parts.append(tube(path, 0.016, SIDE_SLOT, flat=0.4, up=(0, 0.3, 1), columns=9))
        parts.append(collar_band(body, SIDE_SLOT, 0.010, 1.2))
    else:
        parts += [collar_band(body, SIDE_SLOT, 0.011, 1.2), _label(0.59, -0.085)]
        if kind in (0, 4, 5):
            path = [(0.16, 0.46, 0), (0.29, 0.40, 0), (0.39, 0.29, 0), (0.50, 0.12 if kind != 5 else 0.19, 0.01)]
            parts += sleeve(path, [0.08, 0.128, 0.132, 0.13 if kind != 5 else 0.12], seed=style)
        else:
            path = [(0.16, 0.46, 0), (0.28, 0.40, 0), (0.37, 0.32, 0), (0.42, 0.25, 0.01)]
            parts += sleeve(path, [0.08, 0.124, 0.122, 0.112], seed=style)
    if kind in (0, 3, 4):
        row = int(np.argmin(np.abs(body.grid[:, 0, 1] - 0.0)))
        ring = body.grid[row] * np.array([1.02, 1, 1.02], np.float32)
        parts.append(tube(ring[::2], 0.012, ACCENT, flat=2.6, up=(0, 1, 0), smooth=False, loop=True,
                          columns=11))  # fmt: skip
    if kind == 4:
        for side, fall in ((-0.03, 0.32), (0.04, 0.26)):
            tie = [(0.12, 0.0, 0.15), (0.13 + side, -0.15, 0.20), (0.14 + side * 2, -fall, 0.22)]
            parts.append(tube(tie, [0.015, 0.02, 0.026], ACCENT, flat=0.3, columns=9))
    views = (View("front", 0, 3), View("angle", -40, 5), View("detail", -12, 4, zoom=3.0, focus=(0.05, 0.35, 0.15)))
    return Model(tuple(parts), views, hangs=True, decal=(0.0, 0.62, 0.36), fill=0.86)


def skirt(style: int) -> Model:
    """Skirts: A-line, pleated, pencil, tiered, mini, circle."""
    kind = style % 6
    hem = [0.46, 0.50, 0.31, 0.50, 0.40, 0.64][kind]
    low = [-0.55, -0.50, -0.62, -0.62, -0.26, -0.50][kind]
    rows = [(0.42, 0.255, 0.165), (0.36, 0.262, 0.17), (0.22, 0.32, 0.19),
            (0.05, (0.34 + hem) / 2, 0.21), (low, hem, 0.19 + 0.30 * (hem - 0.3))]  # fmt: skip
    body = torso(rows, drop=0.018, seed=style + 20, fold=0.008, back=-0.01)
    s, t = params(body)
    below = np.clip((t - 0.10) / 0.9, 0, 1)
    turns = 2 * np.pi * s
    if kind == 1:
        saw = 2 * np.abs((28 * s) % 1 - 0.18) ** 0.8
        body = displaced(body, below**0.35 * 0.024 * (saw - 0.6))
    elif kind == 3:
        body = displaced(body, 0.022 * below * np.cos(13 * turns))
        for at in (0.38, 0.70):
            step = np.clip((t - at) / 0.012, 0, 1)
            body = displaced(body, step * 0.022 * (1 + 0.5 * np.cos(24 * turns)))
    elif kind in (0, 5):
        body = displaced(body, below**1.3 * (0.03 if kind == 0 else 0.055) * np.cos((7 + kind) * turns + np.sin(turns)))
    parts = [body, _waistband(body, ACCENT if kind in (3, 4) else SIDE_SLOT, 0.07)]
    if kind in (0, 4):
        parts += _buttons(body, 6 if kind == 0 else 4)
    views = (View("front", 0, 6), View("angle", -42, 10), View("detail", -20, 8, zoom=2.2, focus=(0.12, 0.22, 0.15)))
    return Model(tuple(parts), views, {MAIN: "denim" if kind == 4 else "cloth"}, hangs=True,
                 decal=(0.0, 0.5, 0.4), fill=0.72)  # fmt: skip


def _waistband(body: Part, slot: int, tall: float) -> Part:
    ring = body.grid[0]
    flat = ring * np.array([1, 0, 1], np.float32)
    away = flat / (np.linalg.norm(flat, axis=1, keepdims=True) + 1e-6)
    up = np.array([0, 1, 0], np.float32)
    rows = [ring - up * tall + away * g for g in (0.008, 0.017)]
    rows += [ring - up * (tall - 0.01) + away * 0.02, ring - up * 0.012 + away * 0.014]
    rows += [ring + up * 0.004 + away * 0.008, ring + up * 0.002 - away * 0.006, ring - up * 0.03 - away * 0.008]
    return part(np.stack(rows), slot)


def trousers(style: int) -> Model:
    """Trousers: straight, slim, wide, cropped, shorts, cuffed joggers."""
    kind = style % 6
    ankle = [0.135, 0.10, 0.215, 0.135, 0.205, 0.095][kind]
    knee = [0.15, 0.125, 0.19, 0.155, 0.195, 0.165][kind]
    low = [-1.10, -1.08, -1.10, -0.82, -0.12, -1.05][kind]
    out = [0.235, 0.21, 0.28, 0.23, 0.23, 0.22][kind]
    rows = [(0.62, 0.275, 0.165), (0.56, 0.285, 0.17), (0.40, 0.335, 0.195), (0.26, 0.362, 0.20),
            (0.16, 0.36, 0.185), (0.09, 0.30, 0.15)]  # fmt: skip
    hips = torso(rows, drop=0.022, seed=style + 44, fold=0.008, back=-0.012)
    leg_path = [(0.165, 0.34, 0), (0.178, 0.12, 0), ((0.17 + out) / 2, (low + 0.1) / 2, 0.012), (out, low, 0)]
    leg = tube(leg_path, [0.17, 0.192, knee, ankle], MAIN, flat=0.92, rows=110, columns=65, closed=False)
    s, t = params(leg)
    leg = displaced(leg, folds(leg, style + 4, 0.012, 0.5, 14) * np.clip(t * 4 - 0.6, 0, 1))
    if kind in (0, 1, 3):
        knees = np.exp(-(((t - 0.55) / 0.07) ** 2)) * np.cos(2 * np.pi * (s - 0.5)) ** 2
        leg = displaced(leg, 0.008 * knees * np.sin(60 * t))
    if kind == 2:
        leg = displaced(leg, 0.012 * np.exp(-(((s - 0.5) / 0.02) ** 2)) * np.clip(t * 3, 0, 1))
    leg = _lowered(leg, 0.34)
    legs = [leg, leg.mirrored()]
    parts = [hips, *legs, _waistband(hips, ACCENT if kind == 5 else SIDE_SLOT, 0.075)]
    if kind in (3, 5):
        parts += [_cuff(x, ACCENT if kind == 5 else SIDE_SLOT, 0.04) for x in legs]
    parts += _fly(hips) if kind != 5 else _drawstring()
    for side in (-1, 1):
        line = [(side * 0.16, 0.545, 0.16), (side * 0.22, 0.47, 0.165), (side * 0.325, 0.40, 0.085)]
        parts.append(tube(line, 0.0055, DARK, columns=7))
    cloth = ["denim", "denim", "cloth", "cloth", "cloth", "knit"][kind]
    detail = View("detail", -20, 6, zoom=3.0, focus=(0.08, 0.4, 0.15))
    if kind == 4:
        detail = View("detail", -20, 6, zoom=2.0, focus=(0.08, 0.4, 0.15))
    return Model(tuple(parts), (View("front", 0, 3), View("angle", -38, 5), detail),
                 {MAIN: cloth, INSIDE: cloth, DARK: "cloth"}, hangs=True, decal=(0.0, 0.5, 0.3), fill=0.86)  # fmt: skip


def _fly(hips: Part) -> list[Part]:
    t = np.linspace(0.12, 0.75, 30).astype(np.float32)
    line = _surface(hips, np.full(30, 0.5, np.float32), t, 0.003)
    bent = _surface(hips, 0.535 - 0.035 * np.clip((t - 0.55) / 0.2, 0, 1).astype(np.float32) ** 2, t, 0.002)
    button = revolve([(0.0, 0.014), (0.018, 0.012), (0.022, 0.0)], METAL, rows=12, columns=25).turned("x", 90)
    place = _surface(hips, np.float32([0.5]), np.float32([0.05]), 0.016)[0]
    return [tube(line, 0.005, DARK, smooth=False, columns=7), tube(bent, 0.003, DARK, smooth=False, columns=7),
            button.moved(*map(float, place))]  # fmt: skip


def _drawstring() -> list[Part]:
    return [
        tube([(x * 0.4, 0.56, 0.19), (x, 0.48, 0.215), (x * 1.2, 0.36, 0.212)], 0.009, TRIM, columns=9)
        for x in (-0.04, 0.05)
    ]


__all__ = ["Slots", "dress", "hoodie", "shirt", "skirt", "tee", "trousers"]
