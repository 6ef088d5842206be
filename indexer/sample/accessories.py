"""Things to wear on head and wrist: hats, sunglasses and watches."""

from __future__ import annotations

import numpy as np

from indexer.sample.camera import View
from indexer.sample.paint import Model
from indexer.sample.surfaces import (
    SIDE_SLOT,
    ACCENT,
    DARK,
    DIAL,
    HANDS,
    INSIDE,
    LENS,
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
    tube,
)


def hat(style: int) -> Model:
    """Hats: baseball cap, bucket hat, beanie, fedora, sun hat, bobble hat."""
    kind = style % 6
    parts = (_cap, _bucket_hat, _beanie, _fedora, _sun_hat, _bobble)[kind]()
    knit = kind in (2, 5)
    finish = {MAIN: "knit" if knit else ("velvet" if kind == 3 else "cloth"), ACCENT: "knit" if knit else "cloth"}
    views = (View("front", -24, 14), View("side", -66, 12))
    return Model(tuple(parts), views, finish, decal=(0.0, 0.42, 0.30), scale=1.3, fill=0.80)


def _cap() -> list[Part]:
    line = [(0.515, -0.02), (0.52, 0.10), (0.50, 0.28), (0.42, 0.46), (0.26, 0.58), (0.10, 0.625), (0.0, 0.63)]
    crown = revolve(line[::-1], MAIN, rows=72, columns=121, depth=1.12)
    s, t = params(crown)
    seams = np.zeros_like(s + t)
    for k in range(6):
        far = np.abs((s - (k + 0.5) / 6 + 0.5) % 1 - 0.5)
        seams = seams + groove(np.float32(far * (0.2 + t)), 0.0, 0.004, 0.008)
    front = np.exp(-(((s - 0.5) / 0.12) ** 2)) * np.clip(np.sin(np.pi * t), 0, 1)
    crown = displaced(crown, seams + 0.025 * front)
    parts = [crown, revolve([(0.0, 0.665), (0.03, 0.66), (0.045, 0.63), (0.03, 0.615)], ACCENT, rows=12, closed=True)]
    a = np.linspace(-1.12, 1.12, 61)[None, :]
    f = np.linspace(0, 1, 24)[:, None]
    reach = 0.52 * np.cos(a * 1.36).clip(0, 1) ** 0.55
    x = 0.52 * np.sin(a) * (1 + 0.06 * f)
    z = 0.582 * np.cos(a) + f * reach * 0.92
    bend = -0.16 * np.abs(np.sin(a)) ** 2.2
    y = 0.045 + f * (0.03 - 0.10 * f) + bend * (0.45 + 0.55 * f) + 0 * reach
    brim = part(np.stack(np.broadcast_arrays(x, y, z), -1), ACCENT, inside=ACCENT)
    fs = params(brim)[1]
    ridges = sum(groove(fs, k / 6, 0.012, 0.004) for k in range(2, 6))
    brim = displaced(brim, ridges)
    parts += [brim, tube(brim.grid[-1][::2], 0.013, ACCENT, smooth=False, columns=9)]
    for side in (-1, 1):
        for turn in (58, 118):
            eye = revolve([(0, 0.010), (0.012, 0.010), (0.020, 0.006), (0.022, 0.0)], DARK, rows=8, columns=17)
            parts.append(eye.turned("x", 62).moved(0, 0.36, 0.51).turned("y", side * turn))
    return parts


def _bucket_hat() -> list[Part]:
    crown = revolve([(0.0, 0.42), (0.30, 0.42), (0.385, 0.40), (0.41, 0.34), (0.46, 0.0)], MAIN, rows=64, columns=97)
    _, t = params(crown)
    crown = displaced(crown, groove(t, 0.40, 0.008, 0.010) + folds(crown, 4, 0.006))
    brim = revolve([(0.46, 0.01), (0.50, -0.03), (0.60, -0.16), (0.68, -0.27)], SIDE_SLOT, rows=40, columns=97,
                   inside=SIDE_SLOT)  # fmt: skip
    s, t = params(brim)
    brim = displaced(brim, 0.02 * t * np.sin(2 * np.pi * (3 * s + 0.2)) + sum(groove(t, k / 6, 0.02, 0.005) for k in range(1, 6)))
    edge = tube(brim.grid[-1][::2], 0.012, SIDE_SLOT, loop=True, smooth=False, columns=9)
    return [crown, brim, edge]


def _beanie() -> list[Part]:
    dome = revolve([(0.0, 0.62), (0.12, 0.60), (0.30, 0.50), (0.42, 0.30), (0.45, 0.05), (0.44, -0.1)], MAIN, rows=72,
                   columns=145, closed=True)  # fmt: skip
    s, t = params(dome)
    dome = displaced(dome, 0.009 * np.abs(np.cos(np.pi * 34 * s)) * np.clip(t * 4, 0, 1) + folds(dome, 3, 0.02))
    cuff = revolve([(0.44, 0.14), (0.475, 0.155), (0.488, 0.11), (0.485, -0.10), (0.475, -0.16), (0.44, -0.15)], ACCENT, rows=40,
                   columns=145)  # fmt: skip
    s, t = params(cuff)
    cuff = displaced(cuff, 0.013 * np.abs(np.cos(np.pi * 34 * s)) * np.clip(8 * t * (1 - t), 0, 1))
    return [dome, cuff, box((0.15, 0.09, 0.012), (0.0, -0.01, 0.505), TRIM, round=0.006)]


def _bobble() -> list[Part]:
    parts = _beanie()[:2]
    rng = np.random.default_rng(4)
    ball = revolve([(0.0, 0.57), (0.14, 0.61), (0.19, 0.72), (0.14, 0.84), (0.0, 0.88)], ACCENT, rows=48, columns=65)
    rough = rng.normal(size=ball.grid.shape[:2]).astype(np.float32)
    rough[:, -1] = rough[:, 0]
    return [*parts, displaced(ball, 0.014 * rough)]


def _brimmed(width: float, wave: float, curl: float, slot: int) -> list[Part]:
    line = [(0.44, 0.0), (0.50, -0.012), (0.5 + (width - 0.5) / 2, -0.02), (width, curl)]
    brim = revolve(line, slot, rows=36, columns=121, depth=1.06, inside=slot)
    s, t = params(brim)
    brim = displaced(brim, wave * t * np.sin(2 * np.pi * (2 * s + 0.1)))
    return [brim, tube(brim.grid[-1][::2], 0.012, slot, loop=True, smooth=False, columns=9)]


def _fedora() -> list[Part]:
    crown = revolve([(0.0, 0.40), (0.16, 0.43), (0.30, 0.44), (0.365, 0.38), (0.41, 0.2), (0.445, 0.0)], MAIN, rows=72, columns=121,
                    depth=1.12)  # fmt: skip
    grid = crown.grid.copy()
    up = np.clip((grid[..., 1] - 0.1) / 0.3, 0, 1)
    grid[..., 1] -= up * 0.10 * np.exp(-((grid[..., 0] / 0.09) ** 2))
    pinch = np.clip(grid[..., 2] / 0.45, 0, 1) ** 2 * up
    grid[..., 0] *= 1 - 0.34 * pinch
    crown = Part(grid, crown.uv, MAIN)
    band = revolve([(0.438, 0.115), (0.446, 0.11), (0.452, 0.02), (0.45, 0.012)], ACCENT, rows=16, columns=97, depth=1.115)
    return [crown, band, *_brimmed(0.74, 0.03, 0.035, SIDE_SLOT)]


def _sun_hat() -> list[Part]:
    crown = revolve([(0.0, 0.40), (0.15, 0.395), (0.30, 0.34), (0.40, 0.20), (0.44, 0.0)], MAIN, rows=64, columns=97)
    band = revolve([(0.428, 0.12), (0.442, 0.11), (0.452, 0.02), (0.448, 0.01)], ACCENT, rows=16, columns=97)
    brim = _brimmed(0.98, 0.055, -0.10, SIDE_SLOT)
    for side, fall in ((-0.05, 0.30), (0.06, 0.24)):
        tie = [(-0.40, 0.06, -0.22), (-0.52 + side, 0.0, -0.30), (-0.66 + side, -0.02, -0.34 - fall * 0.4)]
        brim.append(tube(tie, [0.03, 0.035, 0.045], ACCENT, flat=0.25, up=(0, 1, 0), rows=24, columns=11))
    return [crown, band, *brim]


def _outline(kind: int) -> Floats:
    """A closed rim (n, 2) around the origin, for the right lens."""
    shapes = [
        [(-0.24, 0.10), (-0.10, 0.17), (0.12, 0.18), (0.29, 0.16), (0.27, -0.02), (0.15, -0.17), (-0.06, -0.18), (-0.22, -0.07)],
        [(0.23 * float(np.cos(a)), 0.23 * float(np.sin(a))) for a in np.linspace(0, 2 * np.pi, 13)[:-1]],
        [(-0.24, 0.14), (0.0, 0.17), (0.24, 0.13), (0.27, 0.0), (0.16, -0.20), (-0.02, -0.24), (-0.19, -0.12), (-0.25, 0.02)],
        [(-0.22, 0.06), (-0.06, 0.13), (0.16, 0.18), (0.35, 0.25), (0.30, 0.06), (0.16, -0.14), (-0.06, -0.16), (-0.20, -0.08)],
        [(-0.25, 0.17), (0.0, 0.18), (0.26, 0.18), (0.28, 0.0), (0.26, -0.17), (0.0, -0.19), (-0.23, -0.17), (-0.26, 0.0)],
        [(-0.26, 0.02), (-0.14, 0.12), (0.10, 0.13), (0.28, 0.05), (0.26, -0.06), (0.08, -0.13), (-0.14, -0.12), (-0.25, -0.06)],
    ]
    points = np.array(shapes[kind], np.float32)
    return curve(points, 97, loop=True)


def sunglasses(style: int) -> Model:
    """Sunglasses: wayfarer, round, aviator, cat-eye, square, oval."""
    kind = style % 6
    rim = _outline(kind)
    radius = [0.034, 0.026, 0.020, 0.036, 0.038, 0.028][kind]
    frame = MAIN
    center = 0.315
    curveback = 0.30

    def placed(xy: Floats, sign: int) -> Floats:
        x = (xy[..., 0] + center) * sign
        return np.stack([x, xy[..., 1], -curveback * x**2], axis=-1).astype(np.float32)

    parts: list[Part] = []
    for sign in (1, -1):
        parts.append(tube(placed(rim, sign)[::1], radius, frame, flat=1.25, up=(0, 0, 1), loop=True, smooth=False, columns=15))
        scale = np.linspace(0, 1, 16)[:, None, None]
        disc = placed(rim[None] * scale, sign)
        disc[..., 2] += 0.028 * (1 - scale[..., 0] ** 2)
        parts.append(part(disc, LENS, inside=LENS, planar=True))
    top = 0.06 if kind != 2 else 0.12
    bridge = [(-0.085, top - 0.02, 0.0), (-0.04, top + 0.02, 0.012), (0.04, top + 0.02, 0.012), (0.085, top - 0.02, 0.0)]
    parts.append(tube(bridge, radius * 0.95, frame if kind != 2 else METAL, rows=24))
    if kind == 2:
        parts.append(tube([(-0.16, 0.155, -0.01), (0.0, 0.165, 0.01), (0.16, 0.155, -0.01)], 0.016, METAL, rows=24))
    edge = float(rim[:, 0].max()) + center
    row = float(rim[int(np.argmax(rim[:, 0])), 1])
    for side in (-1, 1):
        arm = [(side * edge, row, -curveback * edge**2), (side * (edge + 0.045), row, -curveback * edge**2 - 0.06),
               (side * (edge + 0.05), row, -0.6), (side * (edge + 0.03), row - 0.02, -0.95), (side * (edge - 0.02), row - 0.20, -1.22)]  # fmt: skip
        parts.append(capped(tube(arm, [0.034, 0.034, 0.028, 0.028, 0.036], frame if kind not in (1, 2) else METAL, flat=0.42,
                                 up=(1, 0, 0), rows=48, columns=15)))  # fmt: skip
        parts.append(box((0.028, 0.03, 0.014), (side * (edge - 0.005), row, -curveback * edge**2 + radius), METAL, round=0.006))
    views = (View("front", -10, 10), View("angle", -42, 18))
    finish = {MAIN: "gloss", LENS: "glass", ACCENT: "gloss"}
    return Model(tuple(parts), views, finish, scale=2.2, fill=0.84)


def watch(style: int) -> Model:
    """Watches: dress, diver, square, field, chronograph, slim."""
    kind = style % 6
    radius = [0.30, 0.34, 0.29, 0.31, 0.35, 0.27][kind]
    power = 5.0 if kind == 2 else 2.0
    case = revolve(
        [(0.0, -0.07), (radius * 0.9, -0.07), (radius + 0.02, -0.04), (radius + 0.025, 0.03), (radius, 0.065), (radius - 0.035, 0.07),
         (radius - 0.045, 0.030)],
        METAL, rows=48, columns=97, power=power, closed=True,
    ).turned("x", 90)  # fmt: skip
    dial = revolve([(radius - 0.035, 0.050), (0.0, 0.050)], _dial_rule(kind), rows=30, columns=121, power=power).turned("x", 90)
    parts = [case, dial]
    if kind in (1, 4):
        bezel = revolve([(radius - 0.045, 0.062), (radius - 0.03, 0.085), (radius + 0.012, 0.080), (radius + 0.026, 0.05)],
                        DARK if kind == 1 else METAL, rows=16, columns=97)  # fmt: skip
        s, _ = params(bezel)
        bezel = displaced(bezel, 0.004 * np.cos(2 * np.pi * 60 * s) * (kind == 1))
        parts.append(bezel.turned("x", 90))
    for degrees, far, wide in ((-58, radius * 0.50, 0.014), (62, radius * 0.72, 0.010)):
        a = np.deg2rad(degrees)
        tip = (far * float(np.sin(a)), far * float(np.cos(a)), 0.070)
        parts.append(tube([(-tip[0] * 0.18, -tip[1] * 0.18, 0.070), tip], [wide, wide * 0.7], HANDS, flat=0.4, rows=6, columns=9))
    parts.append(revolve([(0, 0.02), (0.018, 0.016), (0.02, 0)], METAL, rows=8, columns=17).turned("x", 90).moved(0, 0, 0.056))
    crown = tube([(radius + 0.015, 0, 0), (radius + 0.085, 0, 0)], 0.034, METAL, rows=6)
    parts.append(capped(crown))
    wide = [0.175, 0.20, 0.20, 0.185, 0.205, 0.16][kind]
    for side in (1, -1):
        path = [(0, side * (radius - 0.06), -0.02), (0, side * (radius + 0.12), -0.03), (0, side * (radius + 0.36), -0.14),
                (0, side * (radius + 0.50), -0.36), (0, side * (radius + 0.46), -0.60), (0, side * (radius + 0.26), -0.82),
                (0, side * 0.12, -0.92), (0, -side * 0.06, -0.93 - 0.02 * side)]  # fmt: skip
        taper = np.array([1.0, 1.0, 0.96, 0.92, 0.88, 0.86, 0.86, 0.86]) * wide
        strap = tube(path, taper, MAIN, flat=0.17, up=(0, 0, 1), rows=110, columns=49, power=5.0)
        strap = Part(strap.grid, np.stack([strap.grid[..., 0], strap.uv[..., 1] * side], -1), MAIN, closed=True)
        parts.append(strap)
        if kind in (0, 5, 3):
            s, t = params(strap)
            parts[-1] = displaced(strap, sum(groove(s, at, 0.01, 0.006) for at in (0.43, 0.57)) + 0 * t)
        for x in (-1, 1):
            lug = [(x * (wide + 0.02), side * (radius - 0.10), 0.0), (x * (wide + 0.025), side * (radius + 0.04), -0.02),
                   (x * (wide + 0.02), side * (radius + 0.10), -0.07)]  # fmt: skip
            parts.append(capped(tube(lug, [0.04, 0.034, 0.026], METAL, rows=16, columns=13)))
    views = (View("front", -6, 4), View("angle", -38, 14), View("detail", -16, 10, zoom=1.9, focus=(0.0, 0.0, 0.06)))
    finish = {MAIN: ["leather", "rubber", "leather", "cloth", "leather", "cloth"][kind], DIAL: "matte", HANDS: "metal"}
    return Model(tuple(parts), views, finish, scale=2.0, decal=(0.0, 0.4, 0.2), fill=0.86)


def _dial_rule(kind: int):  # type: ignore[no-untyped-def]
    def rule(s: Floats, t: Floats) -> Slots:
        r = 1 - t
        slot = np.full(s.shape, DIAL, np.uint8)
        hour = np.abs((s * 12 + 0.5) % 1 - 0.5) / 12 * 6.28
        quarter = np.abs((s * 4 + 0.5) % 1 - 0.5) / 4 * 6.28
        minute = np.abs((s * 60 + 0.5) % 1 - 0.5) / 60 * 6.28
        slot[(hour * r < 0.028) & (r > 0.74) & (r < 0.92)] = HANDS
        slot[(quarter * r < 0.05) & (r > 0.66) & (r < 0.92)] = HANDS
        if kind in (1, 3, 4):
            slot[(minute * r < 0.012) & (r > 0.94)] = HANDS
        if kind == 4:
            for cx, cy in ((0.0, 0.42), (0.40, -0.1), (-0.40, -0.1)):
                a = (s - 0.5) * 2 * np.pi
                far = np.hypot(r * np.sin(a) - cx, -r * np.cos(a) - cy)
                slot[np.abs(far - 0.2) < 0.018] = METAL
        return slot

    return rule


__all__ = ["INSIDE", "hat", "sunglasses", "watch"]
