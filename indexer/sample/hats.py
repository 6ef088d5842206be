"""Models of hats: caps, bucket hats, beanies, fedoras and sun hats."""

from __future__ import annotations

import numpy as np

from indexer.sample.boxes import box
from indexer.sample.camera import View
from indexer.sample.cloth import folds, groove
from indexer.sample.paint import Model
from indexer.sample.surfaces import (
    ACCENT,
    DARK,
    MAIN,
    SIDE_SLOT,
    TRIM,
    Part,
    displaced,
    params,
    part,
    revolve,
    tube,
)


def hat(style: int) -> Model:
    """Build a hat: baseball cap, bucket hat, beanie, fedora, sun hat, bobble hat."""
    kind = style % 6
    parts = (_cap, _bucket_hat, _beanie, _fedora, _sun_hat, _bobble)[kind]()
    knit = kind in (2, 5)
    finish = {
        MAIN: "knit" if knit else ("velvet" if kind == 3 else "cloth"),
        ACCENT: "knit" if knit else "cloth",
    }
    views = (View("front", -24, 14), View("side", -66, 12))
    return Model(tuple(parts), views, finish, decal=(0.0, 0.42, 0.30), scale=1.3, fill=0.80)


def _cap() -> list[Part]:
    line = [
        (0.515, -0.02),
        (0.52, 0.10),
        (0.50, 0.28),
        (0.42, 0.46),
        (0.26, 0.58),
        (0.10, 0.625),
        (0.0, 0.63),
    ]
    crown = revolve(line[::-1], MAIN, rows=72, columns=121, depth=1.12)
    s, t = params(crown)
    seams = np.zeros_like(s + t)
    for k in range(6):
        far = np.abs((s - (k + 0.5) / 6 + 0.5) % 1 - 0.5)
        seams = seams + groove(far * (0.2 + t), 0.0, 0.004, 0.008)
    front = np.exp(-(((s - 0.5) / 0.12) ** 2)) * np.clip(np.sin(np.pi * t), 0, 1)
    crown = displaced(crown, seams + 0.025 * front)
    parts = [
        crown,
        revolve(
            [(0.0, 0.665), (0.03, 0.66), (0.045, 0.63), (0.03, 0.615)], ACCENT, rows=12, closed=True
        ),
    ]
    a = np.linspace(-1.12, 1.12, 61)[None, :]
    f = np.linspace(0, 1, 24)[:, None]
    reach = 0.52 * np.cos(a * 1.40).clip(0, 1) ** 0.55
    x = 0.52 * np.sin(a) * (1 + 0.06 * f)
    z = 0.582 * np.cos(a) + f * reach * 0.92
    bend = -0.16 * np.abs(np.sin(a)) ** 2.2
    y = 0.045 + f * (0.03 - 0.10 * f) + bend * f * (reach / 0.52)
    brim = part(np.stack(np.broadcast_arrays(x, y, z), -1), ACCENT, inside=ACCENT)
    fs = params(brim)[1]
    ridges = sum(groove(fs, k / 6, 0.012, 0.004) for k in range(2, 6))
    brim = displaced(brim, ridges)
    parts += [brim, tube(brim.grid[-1][::2], 0.013, ACCENT, smooth=False, columns=9)]
    for side in (-1, 1):
        for turn in (58, 118):
            eye = revolve(
                [(0, 0.010), (0.012, 0.010), (0.020, 0.006), (0.022, 0.0)], DARK, rows=8, columns=17
            )
            parts.append(
                eye.turned("x", 62).moved(0, 0.36, _crown_radius(turn)).turned("y", side * turn)
            )
    return parts


def _crown_radius(degrees: float) -> float:
    """Return the radius of a cap's crown at the height of the eyelets."""
    a = np.deg2rad(degrees)
    return float(1 / np.hypot(np.sin(a) / 0.472, np.cos(a) / 0.528))


def _bucket_hat() -> list[Part]:
    crown = revolve(
        [(0.0, 0.42), (0.30, 0.42), (0.385, 0.40), (0.41, 0.34), (0.46, 0.0)],
        MAIN,
        rows=64,
        columns=97,
    )
    _, t = params(crown)
    crown = displaced(crown, groove(t, 0.40, 0.008, 0.010) + folds(crown, 4, 0.006))
    brim = revolve([(0.46, 0.01), (0.50, -0.03), (0.60, -0.16),
            (0.68, -0.27)], SIDE_SLOT, rows=40, columns=97,
                   inside=SIDE_SLOT)  # fmt: skip
    s, t = params(brim)
    brim = displaced(
        brim,
        0.02 * t * np.sin(2 * np.pi * (3 * s + 0.2))
        + sum(groove(t, k / 6, 0.02, 0.005) for k in range(1, 6)),
    )
    edge = tube(brim.grid[-1][::2], 0.012, SIDE_SLOT, loop=True, smooth=False, columns=9)
    return [crown, brim, edge]


def _beanie() -> list[Part]:
    dome = revolve([(0.0, 0.62), (0.12, 0.60), (0.30, 0.50), (0.42, 0.30), (0.45, 0.05),
            (0.44, -0.1)], MAIN, rows=72,
                   columns=145, closed=True)  # fmt: skip
    s, t = params(dome)
    dome = displaced(
        dome, 0.009 * np.abs(np.cos(np.pi * 34 * s)) * np.clip(t * 4, 0, 1) + folds(dome, 3, 0.02)
    )
    cuff = revolve([(0.44, 0.14), (0.475, 0.155), (0.488, 0.11), (0.485, -0.10), (0.475, -0.16),
            (0.44, -0.15)], ACCENT, rows=40,
                   columns=145)  # fmt: skip
    s, t = params(cuff)
    cuff = displaced(cuff, 0.013 * np.abs(np.cos(np.pi * 34 * s)) * np.clip(8 * t * (1 - t), 0, 1))
    return [dome, cuff, box((0.15, 0.09, 0.012), (0.0, -0.01, 0.505), TRIM, edge=0.006)]


def _bobble() -> list[Part]:
    parts = _beanie()[:2]
    rng = np.random.default_rng(4)
    ball = revolve(
        [(0.0, 0.57), (0.14, 0.61), (0.19, 0.72), (0.14, 0.84), (0.0, 0.88)],
        ACCENT,
        rows=48,
        columns=65,
    )
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
    crown = revolve([(0.0, 0.40), (0.16, 0.43), (0.30, 0.44), (0.365, 0.38), (0.41, 0.2),
            (0.445, 0.0)], MAIN, rows=72, columns=121,
                    depth=1.12)  # fmt: skip
    grid = crown.grid.copy()
    up = np.clip((grid[..., 1] - 0.1) / 0.3, 0, 1)
    grid[..., 1] -= up * 0.10 * np.exp(-((grid[..., 0] / 0.09) ** 2))
    pinch = np.clip(grid[..., 2] / 0.45, 0, 1) ** 2 * up
    grid[..., 0] *= 1 - 0.34 * pinch
    crown = Part(grid, crown.uv, MAIN)
    band = revolve(
        [(0.438, 0.115), (0.446, 0.11), (0.452, 0.02), (0.45, 0.012)],
        ACCENT,
        rows=16,
        columns=97,
        depth=1.115,
    )
    return [crown, band, *_brimmed(0.74, 0.03, 0.035, SIDE_SLOT)]


def _sun_hat() -> list[Part]:
    crown = revolve(
        [(0.0, 0.40), (0.15, 0.395), (0.30, 0.34), (0.40, 0.20), (0.44, 0.0)],
        MAIN,
        rows=64,
        columns=97,
    )
    band = revolve(
        [(0.428, 0.12), (0.442, 0.11), (0.452, 0.02), (0.448, 0.01)], ACCENT, rows=16, columns=97
    )
    brim = _brimmed(0.98, 0.055, -0.10, SIDE_SLOT)
    for side, fall in ((-0.05, 0.30), (0.06, 0.24)):
        tie = [
            (-0.40, 0.06, -0.22),
            (-0.52 + side, 0.0, -0.30),
            (-0.66 + side, -0.02, -0.34 - fall * 0.4),
        ]
        brim.append(
            tube(tie, [0.03, 0.035, 0.045], ACCENT, flat=0.25, up=(0, 1, 0), rows=24, columns=11)
        )
    return [crown, band, *brim]
