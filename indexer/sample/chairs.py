"""Models of chairs: shell, spindle, upholstered, stool, ladder-back and cantilever."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from indexer.sample.boxes import box
from indexer.sample.camera import View
from indexer.sample.paint import Model
from indexer.sample.surfaces import (
    ACCENT,
    MAIN,
    METAL,
    TINT,
    WOOD,
    Part,
    capped,
    curve,
    normals,
    part,
    revolve,
    tube,
)

SEATED = (View("front", -20, 10), View("angle", -52, 20))


def _legs(
    corners: Sequence[tuple[float, float]],
    top: float,
    *,
    splay: float = 0.06,
    radius: float = 0.032,
    slot: int = WOOD,
) -> list[Part]:
    made = []
    for x, z in corners:
        foot = (x + np.sign(x) * splay, -0.9, z + np.sign(z) * splay)
        made.append(capped(tube([(x, top, z), foot], [radius, radius * 0.62], slot, rows=12)))
    return made


def seat_corners(half: float, depth: float) -> list[tuple[float, float]]:
    """Return the four corners (x, z) of a seat."""
    return [(half, depth), (-half, depth), (half, -depth), (-half, -depth)]


def _shell(slot: int = MAIN) -> Part:
    """Build a molded seat and back in one sheet."""
    side = [
        (-0.02, 0.44),
        (0.0, 0.40),
        (-0.035, 0.22),
        (-0.045, 0.0),
        (0.0, -0.22),
        (0.14, -0.33),
        (0.36, -0.37),
        (0.60, -0.43),
    ]
    line = curve(side, 64)
    n = len(line)
    t = np.linspace(0, 1, n)[:, None]
    s = np.linspace(-1, 1, 49)[None, :]
    half = np.interp(
        t, [0, 0.1, 0.45, 0.6, 0.85, 0.95, 1.0], [0.38, 0.42, 0.44, 0.44, 0.41, 0.34, 0.26]
    )
    back = np.clip((t - 0.5) / 0.3, 0, 1)
    x = half * np.sin(s * 1.35) / np.sin(1.35)
    y = (
        line[:, :1]
        + (1 - back) * 0.10 * np.abs(s) ** 3
        - 0.05 * np.abs(s) ** 4 * np.clip((t - 0.85) / 0.15, 0, 1)
    )
    z = line[:, 1:] + back * 0.13 * np.abs(s) ** 2.2
    return part(np.stack([x, y, z], -1), slot, inside=slot)


def _thicken(sheet: Part, thickness: float) -> list[Part]:
    """Thicken a sheet: add a back side and a round edge."""
    off = normals(sheet.grid) * thickness
    edge = np.concatenate(
        [sheet.grid[0], sheet.grid[1:, -1], sheet.grid[-1, -2::-1], sheet.grid[-2:0:-1, 0]]
    )
    shift = np.concatenate([off[0], off[1:, -1], off[-1, -2::-1], off[-2:0:-1, 0]])
    ring = np.concatenate([edge, edge[:1]]) - 0.5 * np.concatenate([shift, shift[:1]])
    border = tube(ring[::2], thickness * 0.56, sheet.slot if isinstance(sheet.slot,
            int) else MAIN, smooth=False,
                  loop=True, columns=9)  # fmt: skip
    return [sheet, Part(sheet.grid - off, sheet.uv, sheet.slot, sheet.inside), border]


def chair(style: int) -> Model:
    """Build a chair: shell, spindle, upholstered, bar stool, ladder-back, cantilever."""
    makers = (_shell_chair, _spindle_chair, _dining_chair, _stool, _ladder_chair, _cantilever)
    kind = style % 6
    finish = {
        MAIN: ["matte", "matte", "velvet", "cloth", "cloth", "cloth"][kind],
        WOOD: "wood",
        METAL: "metal",
    }
    return Model(tuple(makers[kind]()), SEATED, finish, decal=(0.0, 0.2, 0.4), fill=0.86)


def _shell_chair() -> list[Part]:
    parts = _thicken(_shell(), 0.028)
    parts += _legs(seat_corners(0.24, 0.24), -0.06, splay=0.10)
    rods = [[(-0.24, -0.10, z), (0.24, -0.10, z)] for z in (0.20, -0.20)]
    parts += [tube(rod, 0.02, METAL, rows=8) for rod in rods]
    return parts


def _spindle_chair() -> list[Part]:
    seat = box((0.86, 0.075, 0.82), (0, -0.05, 0), TINT, edge=0.036)
    pad = box((0.76, 0.11, 0.72), (0, 0.015, 0.01), MAIN, edge=0.05, puff=0.02)
    parts = [seat, pad, *_legs(seat_corners(0.30, 0.28), -0.06, splay=0.10, slot=TINT)]
    parts += [
        tube([(x * 1.14, -0.52, 0.33), (x * 1.14, -0.52, -0.33)], 0.018, TINT, rows=8)
        for x in (-0.30, 0.30)
    ]
    parts.append(tube([(-0.34, -0.52, 0), (0.34, -0.52, 0)], 0.018, TINT, rows=8))
    for k in range(7):
        x = (k - 3) * 0.105
        top = 0.76 - 0.004 * (k - 3) ** 2
        parts.append(
            tube(
                [(x, -0.02, -0.34), (x * 1.2, top, -0.47 + 0.012 * (k - 3) ** 2 * 0.4)],
                0.0165,
                TINT,
                rows=12,
                columns=11,
            )
        )
    rail = [
        (-0.45, 0.68, -0.40),
        (-0.25, 0.755, -0.46),
        (0, 0.78, -0.475),
        (0.25, 0.755, -0.46),
        (0.45, 0.68, -0.40),
    ]
    parts.append(
        capped(
            tube(rail, [0.045, 0.06, 0.065, 0.06, 0.045], TINT, flat=0.40, up=(0, 0, 1), rows=40)
        )
    )
    for side in (-1, 1):
        parts.append(
            tube([(side * 0.36, -0.02, -0.33), (side * 0.43, 0.68, -0.405)], 0.022, TINT, rows=12)
        )
    return parts


def _dining_chair() -> list[Part]:
    seat = box((0.84, 0.18, 0.82), (0, -0.06, 0.02), MAIN, edge=0.07, puff=0.03)
    back = box((0.80, 0.74, 0.15), (0, 0.46, -0.38), MAIN, edge=0.07, puff=0.03).turned(
        "x", -8, (0, 0, -0.38)
    )
    parts = [seat, back, *_legs(seat_corners(0.33, 0.31), -0.12, splay=0.04)]
    for x in (-0.2, 0.0, 0.2):
        for y in (0.36, 0.58):
            stud = revolve(
                [(0, 0.016), (0.022, 0.01), (0.026, 0)], ACCENT, rows=10, columns=21
            ).turned("x", 90)
            parts.append(stud.moved(x, y, -0.305 - (y - 0.46) * 0.14))
    return parts


def _stool() -> list[Part]:
    seat = revolve([(0.0, -0.03), (0.34, -0.03), (0.37, 0.0), (0.37, 0.07), (0.33, 0.12),
            (0.0, 0.14)], MAIN, rows=48,
                   closed=True)  # fmt: skip
    seat = Part(
        seat.grid,
        np.stack([seat.grid[..., 0], seat.grid[..., 2] - seat.grid[..., 1]], -1),
        MAIN,
        closed=True,
    )
    parts = [seat.moved(0, 0.25, 0)]
    for k in range(4):
        a = np.deg2rad(45 + 90 * k)
        x, z = float(np.sin(a)), float(np.cos(a))
        parts.append(
            capped(
                tube(
                    [(x * 0.26, 0.24, z * 0.26), (x * 0.42, -0.9, z * 0.42)],
                    [0.03, 0.024],
                    WOOD,
                    rows=12,
                )
            )
        )
    a = np.linspace(0, 2 * np.pi, 41)
    parts.append(
        tube(
            np.stack([0.375 * np.sin(a), 0 * a - 0.48, 0.375 * np.cos(a)], -1),
            0.016,
            METAL,
            loop=True,
            smooth=False,
        )
    )
    parts.append(revolve([(0.0, 0.20), (0.30, 0.20), (0.33, 0.24)], WOOD, rows=16))
    return parts


def _ladder_chair() -> list[Part]:
    parts = [box((0.84, 0.06, 0.80), (0, -0.10, 0), WOOD, edge=0.03)]
    parts.append(box((0.80, 0.13, 0.76), (0, -0.01, 0.01), MAIN, edge=0.06, puff=0.02))
    for x in (-0.37, 0.37):
        parts.append(
            capped(
                tube(
                    [(x, -0.9, -0.34), (x, -0.1, -0.37), (x, 0.4, -0.41), (x, 0.88, -0.50)],
                    [0.028, 0.036, 0.034, 0.026],
                    WOOD,
                    rows=40,
                )
            )
        )
        parts.append(
            capped(tube([(x, -0.9, 0.36), (x, -0.1, 0.36)], [0.028, 0.036], WOOD, rows=12))
        )
        parts.append(tube([(x, -0.5, 0.36), (x, -0.5, -0.35)], 0.02, WOOD, rows=8))
    parts.append(tube([(-0.37, -0.42, 0.36), (0.37, -0.42, 0.36)], 0.02, WOOD, rows=8))
    for y, z in ((0.28, -0.40), (0.50, -0.425), (0.74, -0.47)):
        bow = [(-0.37, y, z), (0, y + 0.02, z - 0.035), (0.37, y, z)]
        parts.append(tube(bow, 0.062, WOOD, flat=0.22, up=(0, 0, 1), rows=32))
    return parts


def _cantilever() -> list[Part]:
    parts = []
    for side in (-1, 1):
        x = side * 0.40
        frame = [(x, 0.86, -0.46), (x, 0.30, -0.42), (x, -0.02, -0.30), (x, -0.04, 0.0),
                (x, -0.06, 0.34), (x, -0.16, 0.42),
                 (x, -0.50, 0.40), (x, -0.84, 0.38), (x, -0.89, 0.28), (x, -0.89, -0.1),
                 (x, -0.89, -0.40)]  # fmt: skip
        parts.append(tube(frame, 0.028, METAL, rows=110, columns=15))
    parts.append(tube([(-0.40, -0.89, -0.40), (0.40, -0.89, -0.40)], 0.028, METAL, rows=8))
    parts.append(box((0.84, 0.09, 0.72), (0, 0.01, 0.04), MAIN, edge=0.045, puff=0.015))
    back = box((0.84, 0.44, 0.08), (0, 0.60, -0.42), MAIN, edge=0.04, puff=0.015)
    parts.append(back.turned("x", -5, (0, 0.6, -0.42)))
    return parts
