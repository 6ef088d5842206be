"""Models of sneakers: court, running, high-top, slip-on, retro and canvas."""

from __future__ import annotations

import numpy as np

from indexer.sample.cloth import groove
from indexer.sample.paint import Model
from indexer.sample.shoes import (
    PROFILE,
    along,
    laces,
    outline,
    ring_of,
    sole,
    tongue,
    upper,
)
from indexer.sample.surfaces import (
    ACCENT,
    GUM,
    INSIDE,
    MAIN,
    SIDE_SLOT,
    TRIM,
    Floats,
    SlotRule,
    Slots,
    displaced,
    params,
    tube,
)


def sneaker(style: int) -> Model:
    """Build a sneaker: court, runner, high-top, slip-on, retro, canvas."""
    kind = style % 6
    b, line = outline()
    lat = line[:, 1]
    heel, toe = [
        (0.085, 0.075),
        (0.155, 0.085),
        (0.075, 0.07),
        (0.075, 0.07),
        (0.10, 0.075),
        (0.085, 0.08),
    ][kind]
    base = along(b, [(-1, heel), (0.2, toe), (1, toe + 0.02)]) - 0.012
    high = kind == 2
    rise = 0.03 if kind == 1 else 0.0
    body_y = along(b, [(-1, 0.25), (-0.4, 0.245), (0.2, 0.215), (0.6, 0.20), (1, 0.185)]) + rise
    vamp_y = along(b, [(-1, 0.34), (-0.4, 0.34), (0.0, 0.325), (0.5, 0.27), (1, 0.235)]) + rise
    throat = 0.10 if kind == 3 else 0.05
    x_top = -0.475 + (b + 1) / 2 * (0.475 + throat)
    y_top = along(b, [(-1, 0.425), (-0.7, 0.385), (-0.1, 0.365), (0.6, 0.365), (1, 0.36)]) + rise
    if high:
        x_top = -0.46 + (b + 1) / 2 * (0.46 + 0.0)
        y_top = along(b, [(-1, 0.62), (0, 0.60), (1, 0.61)])
    if kind == 3:
        y_top = along(b, [(-1, 0.38), (-0.4, 0.315), (0.3, 0.32), (1, 0.33)])
    rings = [
        ring_of(line[:, 0], base, lat),
        ring_of(line[:, 0] * 1.015, base + 0.05, lat * 1.03),
        ring_of(-0.492 + (b + 1) / 2 * 0.99, body_y, lat * 0.95),
        ring_of(-0.485 + (b + 1) / 2 * 0.885, vamp_y, lat * 0.68),
    ]
    if high:
        rings.append(ring_of(-0.465 + (b + 1) / 2 * 0.50, 0.44 + 0 * b, lat * 0.60))
    rings.append(ring_of(x_top, y_top, lat * (0.58 if kind != 3 else 0.64)))
    body = upper(rings, _sneaker_rule(kind))
    s, t = params(body)
    body = displaced(
        body, groove(np.abs(s - 0.5) - 0.15 + 0.05 * t, 0.0, 0.006, 0.006) * (t > 0.35)
    )
    body = displaced(body, groove(t, 0.95, 0.012, 0.008))
    parts = [body]
    band = {0: None, 1: ACCENT, 2: ACCENT, 3: None, 4: ACCENT, 5: ACCENT}[kind]
    parts.append(sole(line, b, heel=heel, toe=toe, flare=0.07 if kind == 1 else 0.035,
                       slot=TRIM if kind != 4 else GUM, band=band))  # fmt: skip
    rim = body.grid[-1] - np.array([0, 0.004, 0], np.float32)
    parts.append(tube(rim[::2], 0.015 if kind != 3 else 0.009, ACCENT if kind in (0, 1,
            4) else SIDE_SLOT,
                      loop=True, smooth=False, columns=11))  # fmt: skip
    if kind != 3:
        end = 0.93 if not high else 0.97
        parts.append(tongue(throat if not high else 0.0, y_top[len(b) // 2], SIDE_SLOT))
        parts += laces(body, 5 if not high else 8, 0.62 if not high else 0.50, end)
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
