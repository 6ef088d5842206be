"""Models of home decor: table lamps and cushions."""

from __future__ import annotations

import numpy as np

from indexer.sample.camera import View
from indexer.sample.paint import Model
from indexer.sample.surfaces import (
    ACCENT,
    LIGHT,
    MAIN,
    METAL,
    TRIM,
    WOOD,
    Part,
    capped,
    displaced,
    params,
    part,
    revolve,
    tube,
)


def lamp(style: int) -> Model:
    """Build a table lamp: gourd, column, tripod, ball, cone and candlestick bases under a shade."""
    bases: list[list[tuple[float, float]]] = [
        [(0.0, -0.8), (0.20, -0.8), (0.21, -0.77), (0.12, -0.72), (0.26, -0.42), (0.20, -0.16),
         (0.09, -0.02), (0.05, 0.04), (0.0, 0.05)],
        [(0.0, -0.8), (0.24, -0.8), (0.24, -0.75), (0.05, -0.73), (0.045, -0.3), (0.045, 0.05),
        (0, 0.06)],
        [(0.0, -0.8), (0.20, -0.8), (0.32, -0.62), (0.34, -0.44), (0.22, -0.22), (0.05, -0.13),
         (0.05, 0.05), (0.0, 0.06)],
        [(0.0, -0.8), (0.30, -0.8), (0.30, -0.77), (0.10, -0.3), (0.05, 0.04), (0.0, 0.05)],
        [(0.0, -0.8), (0.18, -0.8), (0.18, -0.74), (0.07, -0.70), (0.13, -0.58), (0.07, -0.47),
         (0.13, -0.35), (0.07, -0.24), (0.12, -0.13), (0.05, -0.03), (0.0, 0.04)],
    ]  # fmt: skip
    kinds = (WOOD, METAL, ACCENT, ACCENT, WOOD)
    parts: list[Part] = []
    if style % 6 == 5:
        for k in range(3):
            leg = tube([(0.04, 0.0, 0), (0.30, -0.8, 0)], [0.03, 0.022], WOOD, rows=12)
            parts.append(capped(leg).turned("y", 60 + 120 * k))
        parts.append(
            revolve([(0.0, -0.06), (0.08, -0.05), (0.08, 0.05), (0.0, 0.06)], METAL, closed=True)
        )
    else:
        which = [0, 1, 2, 3, 4][style % 6]
        parts.append(revolve(bases[which], kinds[which], rows=96, closed=True))
        if which == 0:
            parts[0] = revolve(bases[0], ACCENT, rows=96, closed=True)
    low, high, bottom, top = [
        (0.46, 0.28, 0.0, 0.56), (0.34, 0.32, 0.0, 0.50), (0.50, 0.36, 0.0, 0.52),
        (0.44, 0.13, -0.04, 0.50), (0.40, 0.26, 0.02, 0.54), (0.42, 0.40, -0.02, 0.48),
    ][style % 6]  # fmt: skip
    shade = revolve([(low, bottom), ((low + high) / 2, (bottom + top) / 2),
            (high, top)], MAIN, rows=40,
                    columns=97, inside=LIGHT)  # fmt: skip
    s, t = params(shade)
    if style in (0, 3):
        shade = displaced(shade, 0.010 * np.cos(2 * np.pi * 40 * s) + 0 * t)
    parts.append(shade)
    for r, y in ((low, bottom), (high, top)):
        ring = revolve(
            [(r + 0.004, y - 0.012), (r + 0.010, y), (r + 0.004, y + 0.012)], TRIM, rows=8
        )
        parts.append(ring)
    bulb = revolve(
        [(0, 0.12), (0.07, 0.16), (0.10, 0.24), (0.06, 0.32), (0, 0.34)], LIGHT, closed=True
    )
    parts.append(bulb)
    finish = {
        MAIN: "glow",
        ACCENT: "ceramic",
        WOOD: "wood",
        TRIM: "cloth",
        LIGHT: "glow",
        METAL: "metal",
    }
    views = (View("front", 0, 6), View("angle", -30, 20))
    return Model(tuple(parts), views, finish, decal=(0.0, 0.3, 0.4))


def cushion(style: int) -> Model:
    """Build a cushion: square, oblong, round, piped, fringed, buttoned."""
    w, h = [(0.62, 0.62), (0.80, 0.46), (0.60, 0.60), (0.62, 0.62), (0.78, 0.50), (0.58, 0.58)][
        style % 6
    ]
    thick = 0.24
    n = 65
    g = np.linspace(-1, 1, n)
    x, y = np.meshgrid(g, -g)
    if style % 6 == 2:
        a, b = x * np.sqrt(1 - y**2 / 2), y * np.sqrt(1 - x**2 / 2)
        bulge = np.sqrt(np.clip(1 - a**2 - b**2, 0, 1)) ** 0.8
        px, py = a, b
    else:
        bulge = ((1 - np.abs(x) ** 2.4) * (1 - np.abs(y) ** 2.4)) ** 0.55
        pinch = 1 - 0.07 * (1 - np.abs(y) ** 2) * np.abs(x) ** 3
        px = x * pinch
        py = y * (1 - 0.07 * (1 - np.abs(x) ** 2) * np.abs(y) ** 3)
    rng = np.random.default_rng(style + 60)
    dent = np.zeros_like(x)
    for k in range(4):
        cx, cy = (-1) ** k * 0.95, (-1) ** (k // 2) * 0.95
        turn = np.arctan2(y - cy, x - cx)
        far = np.hypot(x - cx, y - cy)
        dent += 0.035 * np.sin(7 * turn + rng.uniform(0, 6)) * np.exp(-((far - 0.35) ** 2) / 0.12)
    z = thick * bulge + dent * (bulge > 0) * np.clip(bulge * 2, 0, 1) * 0.6
    if style % 6 in (2, 5):
        z = z - 0.16 * np.exp(-(x**2 + y**2) / 0.02) * 0.9
    front = part(np.stack([px * w, py * h, z], -1), MAIN, closed=True, planar=True)
    back = part(np.stack([px * w, py * h, -thick * bulge], -1), MAIN, closed=True, planar=True)
    parts = [front, back]
    edge = np.concatenate(
        [front.grid[0], front.grid[1:, -1], front.grid[-1, -2::-1], front.grid[-2:0:-1, 0]]
    )
    if style % 6 in (0, 2, 3):
        parts.append(tube(np.concatenate([edge, edge[:1]])[::2] * [1.005, 1.005, 0], 0.016, ACCENT,
                          columns=9, smooth=False, loop=True))  # fmt: skip
    if style % 6 in (2, 5):
        button = revolve(
            [(0.0, 0.02), (0.05, 0.015), (0.055, 0.0), (0.0, -0.02)], ACCENT, closed=True
        )
        parts.append(button.turned("x", 90).moved(0, 0, thick - 0.13))
    if style % 6 in (1, 4):
        for side in (-1, 1):
            for k in range(26):
                yy = h * (k / 12.5 - 1) * 0.93
                xx = side * (w * 0.985)
                parts.append(tube([(xx, yy, 0), (xx + side * 0.05, yy - 0.004, 0.01),
                                   (xx + side * 0.10, yy - 0.02, 0.0)], 0.013, ACCENT, rows=5,
                                  columns=7))  # fmt: skip
    cloth = ["cloth", "cloth", "velvet", "cloth", "knit", "velvet"][style % 6]
    views = (View("front", -12, 6), View("angle", -36, 12))
    return Model(tuple(parts), views, {MAIN: cloth}, decal=(0.0, 0.0, 0.62))
