"""Models of sunglasses and watches."""

from __future__ import annotations

import numpy as np

from indexer.sample.boxes import box
from indexer.sample.camera import View
from indexer.sample.cloth import groove
from indexer.sample.paint import Model
from indexer.sample.surfaces import (
    ACCENT,
    DARK,
    DIAL,
    HANDS,
    LENS,
    MAIN,
    METAL,
    Floats,
    Part,
    SlotRule,
    Slots,
    capped,
    curve,
    displaced,
    params,
    part,
    revolve,
    tube,
)


def _outline(kind: int) -> Floats:
    """Return a closed rim (n, 2) around the origin, for the right lens."""
    shapes = [
        [
            (-0.24, 0.10),
            (-0.10, 0.17),
            (0.12, 0.18),
            (0.29, 0.16),
            (0.27, -0.02),
            (0.15, -0.17),
            (-0.06, -0.18),
            (-0.22, -0.07),
        ],
        [
            (0.23 * float(np.cos(a)), 0.23 * float(np.sin(a)))
            for a in np.linspace(0, 2 * np.pi, 13)[:-1]
        ],
        [
            (-0.24, 0.14),
            (0.0, 0.17),
            (0.24, 0.13),
            (0.27, 0.0),
            (0.16, -0.20),
            (-0.02, -0.24),
            (-0.19, -0.12),
            (-0.25, 0.02),
        ],
        [
            (-0.22, 0.06),
            (-0.06, 0.13),
            (0.16, 0.18),
            (0.35, 0.25),
            (0.30, 0.06),
            (0.16, -0.14),
            (-0.06, -0.16),
            (-0.20, -0.08),
        ],
        [
            (-0.25, 0.17),
            (0.0, 0.18),
            (0.26, 0.18),
            (0.28, 0.0),
            (0.26, -0.17),
            (0.0, -0.19),
            (-0.23, -0.17),
            (-0.26, 0.0),
        ],
        [
            (-0.26, 0.02),
            (-0.14, 0.12),
            (0.10, 0.13),
            (0.28, 0.05),
            (0.26, -0.06),
            (0.08, -0.13),
            (-0.14, -0.12),
            (-0.25, -0.06),
        ],
    ]
    points = np.array(shapes[kind], np.float32)
    return curve(points, 97, loop=True)


def sunglasses(style: int) -> Model:
    """Build sunglasses: wayfarer, round, aviator, cat-eye, square, oval."""
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
        parts.append(
            tube(
                placed(rim, sign)[::1],
                radius,
                frame,
                flat=1.25,
                up=(0, 0, 1),
                loop=True,
                smooth=False,
                columns=15,
            )
        )
        scale = np.linspace(0, 1, 16)[:, None, None]
        disc = placed(rim[None] * scale, sign)
        disc[..., 2] += 0.028 * (1 - scale[..., 0] ** 2)
        parts.append(part(disc, LENS, inside=LENS, planar=True))
    top = 0.06 if kind != 2 else 0.12
    bridge = [
        (-0.085, top - 0.02, 0.0),
        (-0.04, top + 0.02, 0.012),
        (0.04, top + 0.02, 0.012),
        (0.085, top - 0.02, 0.0),
    ]
    parts.append(tube(bridge, radius * 0.95, frame if kind != 2 else METAL, rows=24))
    if kind == 2:
        parts.append(
            tube(
                [(-0.16, 0.155, -0.01), (0.0, 0.165, 0.01), (0.16, 0.155, -0.01)],
                0.016,
                METAL,
                rows=24,
            )
        )
    edge = float(rim[:, 0].max()) + center
    row = float(rim[int(np.argmax(rim[:, 0])), 1])
    for side in (-1, 1):
        arm = [(side * edge, row, -curveback * edge**2), (side * (edge + 0.045), row,
                -curveback * edge**2 - 0.06),
               (side * (edge + 0.05), row, -0.6), (side * (edge + 0.03), row - 0.02, -0.95),
               (side * (edge - 0.02), row - 0.20, -1.22)]  # fmt: skip
        parts.append(capped(tube(arm, [0.034, 0.034, 0.028, 0.028, 0.036],
                frame if kind not in (1, 2) else METAL, flat=0.42,
                                 up=(1, 0, 0), rows=48, columns=15)))  # fmt: skip
        parts.append(
            box(
                (0.028, 0.03, 0.014),
                (side * (edge - 0.005), row, -curveback * edge**2 + radius),
                METAL,
                edge=0.006,
            )
        )
    views = (View("front", -10, 10), View("angle", -42, 18))
    finish = {MAIN: "gloss", LENS: "glass", ACCENT: "gloss"}
    return Model(tuple(parts), views, finish, scale=2.2, fill=0.84)


def watch(style: int) -> Model:
    """Build a watch: dress, diver, square, field, chronograph, slim."""
    kind = style % 6
    radius = [0.30, 0.34, 0.29, 0.31, 0.35, 0.27][kind]
    power = 5.0 if kind == 2 else 2.0
    case = revolve(
        [(0.0, -0.07), (radius * 0.9, -0.07), (radius + 0.02, -0.04), (radius + 0.025, 0.03),
        (radius, 0.065), (radius - 0.035, 0.07),
         (radius - 0.045, 0.030)],
        METAL, rows=48, columns=97, power=power, closed=True,
    ).turned("x", 90)  # fmt: skip
    dial = revolve(
        [(radius - 0.035, 0.050), (0.0, 0.050)], _dial_rule(kind), rows=30, columns=121, power=power
    ).turned("x", 90)
    parts = [case, dial]
    if kind in (1, 4):
        bezel = revolve([(radius - 0.045, 0.062), (radius - 0.03, 0.085),
                (radius + 0.012, 0.080), (radius + 0.026, 0.05)],
                        DARK if kind == 1 else METAL, rows=16, columns=97)  # fmt: skip
        s, _ = params(bezel)
        bezel = displaced(bezel, 0.004 * np.cos(2 * np.pi * 60 * s) * (kind == 1))
        parts.append(bezel.turned("x", 90))
    for degrees, far, wide in ((-58, radius * 0.50, 0.014), (62, radius * 0.72, 0.010)):
        a = np.deg2rad(degrees)
        tip = (far * float(np.sin(a)), far * float(np.cos(a)), 0.070)
        parts.append(
            tube(
                [(-tip[0] * 0.18, -tip[1] * 0.18, 0.070), tip],
                [wide, wide * 0.7],
                HANDS,
                flat=0.4,
                rows=6,
                columns=9,
            )
        )
    parts.append(
        revolve([(0, 0.02), (0.018, 0.016), (0.02, 0)], METAL, rows=8, columns=17)
        .turned("x", 90)
        .moved(0, 0, 0.056)
    )
    crown = tube([(radius + 0.015, 0, 0), (radius + 0.085, 0, 0)], 0.034, METAL, rows=6)
    parts.append(capped(crown))
    wide = [0.175, 0.20, 0.20, 0.185, 0.205, 0.16][kind]
    for side in (1, -1):
        path = [(0, side * (radius - 0.06), -0.02), (0, side * (radius + 0.12), -0.03),
                (0, side * (radius + 0.36), -0.14),
                (0, side * (radius + 0.50), -0.36), (0, side * (radius + 0.46), -0.60),
                (0, side * (radius + 0.26), -0.82),
                (0, side * 0.12, -0.92), (0, -side * 0.06, -0.93 - 0.02 * side)]  # fmt: skip
        taper = np.array([1.0, 1.0, 0.96, 0.92, 0.88, 0.86, 0.86, 0.86]) * wide
        strap = tube(path, taper, MAIN, flat=0.17, up=(0, 0, 1), rows=110, columns=49, power=5.0)
        strap = Part(
            strap.grid,
            np.stack([strap.grid[..., 0], strap.uv[..., 1] * side], -1),
            MAIN,
            closed=True,
        )
        parts.append(strap)
        if kind in (0, 5, 3):
            s, t = params(strap)
            parts[-1] = displaced(
                strap, sum(groove(s, at, 0.01, 0.006) for at in (0.43, 0.57)) + 0 * t
            )
        for x in (-1, 1):
            lug = [(x * (wide + 0.02), side * (radius - 0.10), 0.0),
                    (x * (wide + 0.025), side * (radius + 0.04), -0.02),
                   (x * (wide + 0.02), side * (radius + 0.10), -0.07)]  # fmt: skip
            parts.append(capped(tube(lug, [0.04, 0.034, 0.026], METAL, rows=16, columns=13)))
    views = (
        View("front", -6, 4),
        View("angle", -38, 14),
        View("detail", -16, 10, zoom=1.9, focus=(0.0, 0.0, 0.06)),
    )
    finish = {
        MAIN: ["leather", "rubber", "leather", "cloth", "leather", "cloth"][kind],
        DIAL: "matte",
        HANDS: "metal",
    }
    return Model(tuple(parts), views, finish, scale=2.0, decal=(0.0, 0.4, 0.2), fill=0.86)


def _dial_rule(kind: int) -> SlotRule:
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
