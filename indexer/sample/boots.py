"""Models of boots, from desert boots to riding boots."""

from __future__ import annotations

import numpy as np

from indexer.sample.boxes import box
from indexer.sample.cloth import groove
from indexer.sample.paint import Model
from indexer.sample.shoes import (
    COLUMNS,
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
    displaced,
    normals,
    params,
    tube,
)


def boot(style: int) -> Model:
    """Build a boot: chelsea, lace-up, rain boot, heeled ankle boot, riding boot, desert boot."""
    kind = style % 6
    pointed = 1.0 if kind in (3, 4) else 0.2
    b, line = outline(pointed)
    lat = line[:, 1]
    high = [0.62, 0.72, 0.95, 0.56, 1.05, 0.48][kind]
    lift = [0.0, 0.0, 0.0, 0.14, 0.0, 0.0][kind]
    thick = [0.045, 0.075, 0.06, 0.03, 0.035, 0.05][kind]
    heel = thick + [0.035, 0.045, 0.03, 0.0, 0.04, 0.01][kind]
    raise_y = along(b, [(-1, lift), (-0.3, lift * 0.9), (0.35, 0.0), (1, 0.0)])
    base = (
        raise_y
        + along(
            b, [(-1, heel), (-0.3, heel * 0.85 + thick * 0.15), (0.3, thick), (1, thick + 0.02)]
        )
        - 0.012
    )
    body_y = (
        along(b, [(-1, 0.24), (-0.4, 0.235), (0.2, 0.215), (0.6, 0.19), (1, 0.17 - 0.05 * pointed)])
        + raise_y
        + thick * 0.4
    )
    vamp_y = (
        along(b, [(-1, 0.36), (-0.4, 0.36), (0.1, 0.345), (0.5, 0.275), (1, 0.22 - 0.06 * pointed)])
        + raise_y * 0.9
        + thick * 0.4
    )
    top = along(
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
        ring_of(line[:, 0], base, lat),
        ring_of(line[:, 0] * 1.012, base + 0.045, lat * 1.02),
        ring_of(-0.495 + (b + 1) / 2 * (0.965 + 0.04 * pointed), body_y, lat * 0.92),
        ring_of(-0.49 + (b + 1) / 2 * 0.80, vamp_y, lat * 0.72),
        ring_of(
            -0.475 + (b + 1) / 2 * 0.515,
            ankle + 0 * b,
            0.106 * leg,
        ),
        ring_of(-0.485 + (b + 1) / 2 * (0.485 + reach), top, 0.118 * leg * calf / 0.62),
    ]
    body = upper(rings, _boot_rule(kind), rows=96)
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
    parts += _bottom(b, line, lift, heel, thick, kind)
    if kind in (1, 5):
        start, end, count = (0.50, 0.95, 8) if kind == 1 else (0.58, 0.93, 3)
        parts.append(tongue(-0.02, high - 0.05, SIDE_SLOT))
        parts += laces(body, count, start, end, ACCENT if kind == 5 else TRIM)
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


def _bottom(
    b: Floats, line: Floats, lift: float, heel: float, thick: float, kind: int
) -> list[Part]:
    """Build the sole of a boot, raised over the heel by ``lift``, and the block of the heel."""
    spot = sole(line, b, heel=heel, toe=thick, flare=0.03, slot=GUM if kind in (2, 5) else DARK)
    rise = along(
        np.clip(spot.grid[..., 0] / 0.5, -1, 1), [(-1, lift), (-0.3, lift * 0.9), (0.35, 0), (1, 0)]
    )
    grid = spot.grid.copy()
    grid[..., 1] += rise
    parts = [Part(grid, spot.uv, spot.slot, closed=True)]
    if lift > 0.02:
        block = box((0.24 if kind != 3 else 0.17, lift + 0.02, 0.20 if kind != 3 else 0.17),
                    (-0.375, lift / 2, 0), DARK, edge=0.03, taper=1.15)  # fmt: skip
        parts.append(block)
    return parts


def _buckled(body: Part) -> list[Part]:
    """Build a belt around the top of a shaft, with its buckle."""
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
