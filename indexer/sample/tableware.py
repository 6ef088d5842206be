"""Models of tableware: mugs, vases, teapots and drinking bottles."""

from __future__ import annotations

import numpy as np

from indexer.sample.camera import View
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
    Floats,
    Part,
    SlotRule,
    Slots,
    displaced,
    params,
    revolve,
    tube,
)

TABLE = (View("front", 0, 14), View("angle", -38, 26))


def _banded(limit: float, top: int, rest: int = MAIN) -> SlotRule:
    def rule(_: Floats, t: Floats) -> Slots:
        return np.where(t < limit, top, rest).astype(np.uint8)

    return rule


def mug(style: int) -> Model:
    """Build a mug: straight, tapered, round, tall, faceted, on a foot."""
    wall = [
        [(0.40, 0.48), (0.40, -0.40), (0.38, -0.47), (0.30, -0.49)],
        [(0.46, 0.46), (0.36, -0.40), (0.34, -0.46), (0.26, -0.48)],
        [(0.36, 0.42), (0.46, 0.10), (0.47, -0.15), (0.38, -0.40), (0.22, -0.44)],
        [(0.34, 0.62), (0.32, -0.10), (0.31, -0.55), (0.28, -0.60), (0.22, -0.61)],
        [(0.46, 0.40), (0.47, -0.10), (0.44, -0.38), (0.30, -0.44), (0.20, -0.45)],
        [(0.47, 0.46), (0.44, 0.0), (0.34, -0.28), (0.20, -0.36), (0.24, -0.46), (0.20, -0.47)],
        [(0.38, 0.46), (0.42, 0.0), (0.44, -0.42), (0.42, -0.48), (0.32, -0.50)],
    ][style % 7]
    rim, top = wall[0]
    lip = [(rim - 0.012, top + 0.014), (rim - 0.038, top - 0.002)]
    inner = [(r * 0.93 - 0.01, y + 0.02) for r, y in wall[:-1]] + [(0.0, wall[-1][1] + 0.05)]
    outer = [(0.0, wall[-1][1]), *wall[::-1]]
    body = revolve(outer, MAIN, rows=56, power=3.2 if style == 4 else 2.0, closed=True)
    inside = revolve([lip[-1], *inner[1:]], INSIDE, rows=40, power=3.2 if style == 4 else 2.0,
                     inside=INSIDE)  # fmt: skip
    edge = revolve([(rim, top), *lip], ACCENT if style in (1, 5) else SIDE_SLOT, rows=8,
                   power=3.2 if style == 4 else 2.0)  # fmt: skip
    mid = [y for _, y in wall]
    high, low = top - 0.13, min(mid) + 0.22
    side = rim * 0.95
    big = 0.30 if style != 3 else 0.24
    loops = {
        0: [(side, high), (side + big, high - 0.02), (side + big, low), (side - 0.02, low - 0.02)],
        1: [(side, high), (side + 0.20, high + 0.02), (side + 0.32, high - 0.16),
            (side + 0.18, low + 0.06), (0.36, low)],
    }  # fmt: skip
    xy = loops[style % 2]
    path = [(x, y, 0.0) for x, y in xy]
    handle = tube(path, 0.062, ACCENT if style in (1, 5) else SIDE_SLOT, flat=0.62, up=(0, 0, 1),
                  rows=40)  # fmt: skip
    handle = tube(path, 0.05, ACCENT if style in (1, 5) else SIDE_SLOT, flat=1.35, rows=40)
    parts = (body, inside, edge, handle.turned("y", 18))
    finish = {MAIN: "ceramic", INSIDE: "ceramic", ACCENT: "ceramic"}
    if style in (4, 6):
        finish = {MAIN: "matte", INSIDE: "ceramic", ACCENT: "matte"}
    return Model(
        parts, TABLE, finish, decal=(0.0, (top - wall[-1][1]) * 0.48, 0.52 if style != 3 else 0.46)
    )


def vase(style: int) -> Model:
    """Build a vase: amphora, bottle, cylinder, gourd, bowl-shaped, bud, ribbed."""
    line = [
        [(0.0, -0.7), (0.20, -0.7), (0.24, -0.66), (0.40, -0.1), (0.36, 0.22), (0.15, 0.48),
         (0.14, 0.58), (0.22, 0.70)],
        [(0.0, -0.7), (0.34, -0.7), (0.42, -0.5), (0.36, -0.2), (0.12, 0.10), (0.10, 0.5),
         (0.13, 0.7)],
        [(0.0, -0.7), (0.28, -0.7), (0.30, -0.66), (0.30, 0.2), (0.30, 0.66), (0.31, 0.7)],
        [(0.0, -0.7), (0.26, -0.7), (0.40, -0.42), (0.26, -0.02), (0.27, 0.16), (0.30, 0.34),
         (0.18, 0.56), (0.20, 0.7)],
        [(0.0, -0.5), (0.22, -0.5), (0.26, -0.46), (0.52, -0.02), (0.48, 0.26), (0.36, 0.40),
         (0.38, 0.46)],
        [(0.0, -0.5), (0.18, -0.5), (0.36, -0.3), (0.38, -0.1), (0.22, 0.14), (0.07, 0.24),
         (0.06, 0.5), (0.10, 0.56)],
        [(0.0, -0.7), (0.22, -0.7), (0.25, -0.66), (0.30, -0.3), (0.40, 0.25), (0.36, 0.45),
         (0.26, 0.58), (0.30, 0.66)],
    ][style % 7]  # fmt: skip
    body = revolve(line, MAIN, rows=80, columns=97, closed=True)
    if style in (3, 6):
        s, t = params(body)
        push = (
            0.012
            * np.cos(2 * np.pi * 24 * s)
            * np.clip(t * 6 - 1.2, 0, 1)
            * np.clip(8 - 8 * t, 0, 1)
        )
        body = displaced(body, push)
    rim, top = line[-1]
    throat = [(rim, top), (rim - 0.012, top + 0.01), (rim - 0.03, top)]
    throat += [(max(r - 0.035, 0.02), y) for r, y in reversed(line[-3:-1])]
    inside = revolve(throat, INSIDE, rows=24, inside=INSIDE)
    parts: list[Part] = [body, inside]
    if style in (0, 4):
        for side in (0, 180):
            ear = [(0.13, 0.52, 0), (0.30, 0.56, 0), (0.42, 0.38, 0), (0.35, 0.16, 0)]
            if style == 4:
                ear = [(0.34, 0.36, 0), (0.52, 0.40, 0), (0.60, 0.22, 0), (0.46, 0.12, 0)]
            parts.append(tube(ear, 0.036, SIDE_SLOT).turned("y", side + 15))
    glaze = "matte" if style in (2, 6) else "ceramic"
    views = (View("front", 0, 10), View("angle", -35, 24))
    return Model(tuple(parts), views, {MAIN: glaze, INSIDE: glaze, ACCENT: glaze},
                 decal=(0.0, 0.9, 0.5))  # fmt: skip


def teapot(style: int) -> Model:
    """Build a teapot: round, squat, tall and cone-shaped, with loop or hoop handles."""
    line = [
        [(0.0, -0.42), (0.24, -0.42), (0.30, -0.38), (0.46, -0.12), (0.46, 0.06), (0.30, 0.28),
         (0.20, 0.33)],
        [(0.0, -0.32), (0.34, -0.32), (0.48, -0.22), (0.54, -0.02), (0.42, 0.16), (0.22, 0.24)],
        [(0.0, -0.52), (0.30, -0.52), (0.35, -0.46), (0.36, -0.1), (0.30, 0.26), (0.22, 0.38)],
        [(0.0, -0.40), (0.46, -0.40), (0.48, -0.34), (0.36, 0.0), (0.24, 0.28), (0.18, 0.34)],
        [(0.0, -0.44), (0.34, -0.44), (0.44, -0.36), (0.45, 0.10), (0.36, 0.28), (0.20, 0.34)],
    ][style % 5]  # fmt: skip
    body = revolve(line, MAIN, rows=72, closed=True)
    rim, top = line[-1]
    lid = revolve(
        [(rim + 0.025, top - 0.01), (rim + 0.02, top + 0.03), (rim * 0.7, top + 0.075),
        (0.05, top + 0.10),
         (0.045, top + 0.12), (0.075, top + 0.16), (0.055, top + 0.20), (0.0, top + 0.21)],
        _banded(0.58, SIDE_SLOT, WOOD) if style in (1, 4) else _banded(2, SIDE_SLOT),
        rows=48, closed=True,
    )  # fmt: skip
    wide = max(r for r, _ in line)
    mid = (line[0][1] + top) / 2
    spout = tube(
        [(-wide * 0.8, mid - 0.14, 0), (-wide - 0.12, mid - 0.06, 0), (-wide - 0.20, mid + 0.14, 0),
         (-wide - 0.32, mid + 0.30, 0)],
        [0.13, 0.10, 0.065, 0.05], SIDE_SLOT, inside=DARK, closed=False,
    )  # fmt: skip
    if style in (1, 4):
        hoop = [(wide * 0.62, top - 0.04, 0), (wide * 0.66, top + 0.30, 0), (0.18, top + 0.52, 0),
                (-0.18, top + 0.52, 0), (-wide * 0.66, top + 0.30, 0),
                (-wide * 0.62, top - 0.04, 0)]  # fmt: skip
        handle = tube(hoop, 0.034, WOOD if style == 1 else METAL, rows=64)
    else:
        back = [(wide * 0.78, top - 0.08, 0), (wide + 0.22, top - 0.02, 0),
                (wide + 0.28, mid - 0.05, 0), (wide * 0.9, mid - 0.20, 0)]  # fmt: skip
        handle = tube(back, 0.045, SIDE_SLOT, flat=1.25)
    glaze = "matte" if style == 2 else "ceramic"
    finish = {MAIN: glaze, INSIDE: glaze, ACCENT: glaze}
    views = (View("front", 14, 14), View("angle", -40, 28))
    return Model((body, lid, spout, handle), views, finish, decal=(0.0, 0.62, 0.5))


def bottle(style: int) -> Model:
    """Build a drinking bottle: loop cap, bamboo cap, sports, slim, flask, tumbler."""
    wide, tall = [
        (0.25, 0.62),
        (0.24, 0.66),
        (0.27, 0.55),
        (0.19, 0.70),
        (0.28, 0.60),
        (0.30, 0.48),
    ][style % 6]
    shoulder = [0.10, 0.16, 0.12, 0.14, 0.05, 0.02][style % 6]
    neck = [0.17, 0.15, 0.18, 0.13, 0.24, 0.31][style % 6]
    line = [(0.0, -tall), (wide - 0.04, -tall), (wide, -tall + 0.04), (wide, -tall + 0.3),
            (wide, 0.1),
            (wide, tall - shoulder - 0.14), (neck, tall - 0.04), (neck - 0.01, tall)]  # fmt: skip
    if style == 5:
        line = [(0.0, -tall), (0.19, -tall), (0.215, -tall + 0.04), (0.26, 0.0),
                (0.30, tall - 0.03),
                (0.30, tall)]  # fmt: skip
    body = revolve(line, MAIN, rows=72, closed=True)
    ring = revolve([(neck, tall - 0.01), (neck + 0.006, tall + 0.015), (neck - 0.01, tall + 0.035)],
                   METAL, rows=10)  # fmt: skip
    lid_slot = [ACCENT, WOOD, ACCENT, METAL, ACCENT, ACCENT][style % 6]
    high = [0.16, 0.15, 0.12, 0.16, 0.13, 0.06][style % 6]
    r = neck + (0.025 if style != 5 else 0.012)
    cap = revolve(
        [(0.0, tall + 0.03), (r, tall + 0.03), (r, tall + 0.04), (r, tall + high),
        (r - 0.03, tall + high + 0.02),
         (0.0, tall + high + 0.025)],
        lid_slot, rows=44, columns=97, closed=True,
    )  # fmt: skip
    s, t = params(cap)
    cap = displaced(cap, 0.006 * np.cos(2 * np.pi * 30 * s) * ((t > 0.3) & (t < 0.6)))
    parts = [body, ring, cap]
    level = tall + high
    if style in (0, 4):
        arch = [(-r * 0.8, level - 0.04, 0), (-r * 0.72, level + 0.14, 0), (0, level + 0.19, 0),
                (r * 0.72, level + 0.14, 0), (r * 0.8, level - 0.04, 0)]  # fmt: skip
        parts.append(tube(arch, 0.036, ACCENT, flat=0.6).turned("y", 20))
    if style == 2:
        parts.append(revolve([(0.09, level), (0.08, level + 0.1), (0.05, level + 0.14),
                (0, level + 0.145)],
                             TRIM, rows=20, closed=True))  # fmt: skip
    if style == 5:
        parts.append(tube([(0.10, 0.3, 0.02), (0.16, level + 0.5, 0.02)], 0.028, METAL, rows=8))
    finish = {MAIN: "matte" if style % 2 == 0 else "gloss", ACCENT: "matte"}
    views = (View("front", 0, 8), View("angle", -30, 22))
    return Model(tuple(parts), views, finish, decal=(0.0, tall * 1.05, 0.36))
