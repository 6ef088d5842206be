"""Models of dresses, skirts and trousers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from indexer.sample.camera import View
from indexer.sample.cloth import (
    buttons,
    collar_band,
    cuff,
    folds,
    label,
    lowered,
    pointed,
    sleeve,
    surface_points,
    torso,
    waistband,
)
from indexer.sample.paint import Model
from indexer.sample.surfaces import (
    ACCENT,
    DARK,
    INSIDE,
    MAIN,
    METAL,
    SIDE_SLOT,
    TRIM,
    Part,
    displaced,
    params,
    revolve,
    tube,
)


def dress(style: int) -> Model:
    """Build a dress: A-line, shift, strappy, maxi, wrap-waist, skater."""
    kind = style % 6
    hem_w = [0.52, 0.36, 0.46, 0.50, 0.44, 0.58][kind]
    hem_y = [-0.85, -0.70, -0.80, -1.25, -1.0, -0.62][kind]
    waist = [0.255, 0.31, 0.25, 0.255, 0.245, 0.245][kind]
    strappy = kind in (2, 3)
    if strappy:
        rows = [
            (0.40, 0.265, 0.15),
            (0.36, 0.285, 0.165),
            (0.26, 0.295, 0.18),
            (0.02, waist, 0.145),
        ]
    else:
        rows = [(0.640, 0.155, 0.10), (0.615, 0.20, 0.112), (0.585, 0.27, 0.125),
                (0.545, 0.325, 0.13),
                (0.47, 0.345, 0.14), (0.30, 0.32, 0.165), (0.02, waist, 0.14)]  # fmt: skip
    rows += [(-0.06, waist + 0.012, 0.145), (-0.30, (waist + hem_w) / 2 + 0.01, 0.20),
             (hem_y, hem_w, 0.20 + 0.25 * (hem_w - 0.3))]  # fmt: skip
    drop = 0.03 if strappy else [0.13, 0.10, 0, 0, 0.24, 0.17][kind]
    body = torso(rows, drop=drop, seed=style + 50, fold=0.012)
    if kind == 4:
        body = pointed(body, 0.34)
    s, t = params(body)
    below = np.clip((t - 0.42) / 0.58, 0, 1) ** 1.3
    gores = [9, 5, 11, 12, 8, 13][kind]
    body = displaced(body, below * [0.035, 0.012, 0.04, 0.045, 0.03, 0.05][kind]
                     * np.cos(2 * np.pi * gores * s + 1.2 * np.sin(2 * np.pi * s)))  # fmt: skip
    parts = [body]
    if strappy:
        for side in (-1, 1):
            path = [(side * 0.17, 0.385, 0.14), (side * 0.165, 0.56, 0.06),
                    (side * 0.15, 0.58, -0.03),
                    (side * 0.14, 0.40, -0.135)]  # fmt: skip
            parts.append(tube(path, 0.016, SIDE_SLOT, flat=0.4, up=(0, 0.3, 1), columns=9))
        parts.append(collar_band(body, SIDE_SLOT, 0.010, 1.2))
    else:
        parts += [collar_band(body, SIDE_SLOT, 0.011, 1.2), label(0.59, -0.085)]
        if kind in (0, 4, 5):
            path = [
                (0.16, 0.46, 0),
                (0.29, 0.40, 0),
                (0.39, 0.29, 0),
                (0.50, 0.12 if kind != 5 else 0.19, 0.01),
            ]
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
        for lean, fall in ((-0.03, 0.32), (0.04, 0.26)):
            tie = [(0.12, 0.0, 0.15), (0.13 + lean, -0.15, 0.20), (0.14 + lean * 2, -fall, 0.22)]
            parts.append(tube(tie, [0.015, 0.02, 0.026], ACCENT, flat=0.3, columns=9))
    views = (
        View("front", 0, 3),
        View("angle", -40, 5),
    )
    return Model(tuple(parts), views, hangs=True, decal=(0.0, 0.62, 0.36), fill=0.86)


def skirt(style: int) -> Model:
    """Build a skirt: A-line, pleated, pencil, tiered, mini, circle."""
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
        body = displaced(
            body,
            below**1.3
            * (0.03 if kind == 0 else 0.055)
            * np.cos((7 + kind) * turns + np.sin(turns)),
        )
    parts = [body, waistband(body, ACCENT if kind in (3, 4) else SIDE_SLOT, 0.07)]
    if kind in (0, 4):
        parts += buttons(body, 6 if kind == 0 else 4)
    views = (
        View("front", 0, 6),
        View("angle", -42, 10),
    )
    return Model(tuple(parts), views, {MAIN: "denim" if kind == 4 else "cloth"}, hangs=True,
                 decal=(0.0, 0.5, 0.4), fill=0.72)  # fmt: skip


def trousers(style: int) -> Model:
    """Build trousers: straight, slim, wide, cropped, shorts, cuffed joggers."""
    kind = style % 6
    ankle = [0.135, 0.10, 0.215, 0.135, 0.205, 0.095][kind]
    knee = [0.15, 0.125, 0.19, 0.155, 0.195, 0.165][kind]
    low = [-1.10, -1.08, -1.10, -0.82, -0.12, -1.05][kind]
    out = [0.235, 0.21, 0.28, 0.23, 0.23, 0.22][kind]
    rows = [(0.62, 0.275, 0.165), (0.56, 0.285, 0.17), (0.40, 0.335, 0.195), (0.26, 0.362, 0.20),
            (0.16, 0.36, 0.185), (0.09, 0.30, 0.15)]  # fmt: skip
    hips = torso(rows, drop=0.022, seed=style + 44, fold=0.008, back=-0.012)
    leg_path = [
        (0.165, 0.34, 0),
        (0.178, 0.12, 0),
        ((0.17 + out) / 2, (low + 0.1) / 2, 0.012),
        (out, low, 0),
    ]
    leg = tube(
        leg_path, [0.17, 0.192, knee, ankle], MAIN, flat=0.92, rows=110, columns=65, closed=False
    )
    s, t = params(leg)
    leg = displaced(leg, folds(leg, style + 4, 0.012, 0.5, 14) * np.clip(t * 4 - 0.6, 0, 1))
    if kind in (0, 1, 3):
        knees = np.exp(-(((t - 0.55) / 0.07) ** 2)) * np.cos(2 * np.pi * (s - 0.5)) ** 2
        leg = displaced(leg, 0.008 * knees * np.sin(60 * t))
    if kind == 2:
        leg = displaced(leg, 0.012 * np.exp(-(((s - 0.5) / 0.02) ** 2)) * np.clip(t * 3, 0, 1))
    leg = replace(lowered(leg, 0.34), dark=(0.0, 0.95))
    legs = [leg, leg.mirrored()]
    parts = [hips, *legs, waistband(hips, ACCENT if kind == 5 else SIDE_SLOT, 0.075)]
    if kind in (3, 5):
        parts += [cuff(x, ACCENT if kind == 5 else SIDE_SLOT, 0.04) for x in legs]
    parts += _fly(hips) if kind != 5 else _drawstring()
    for side in (-1, 1):
        line = [(side * 0.16, 0.545, 0.16), (side * 0.22, 0.47, 0.165), (side * 0.325, 0.40, 0.085)]
        parts.append(tube(line, 0.0055, DARK, columns=7))
    cloth = ["denim", "denim", "cloth", "cloth", "cloth", "knit"][kind]
    return Model(tuple(parts), (View("front", 0, 3), View("angle", -38, 5)),
                 {MAIN: cloth, INSIDE: cloth, DARK: "cloth"}, hangs=True, decal=(0.0, 0.5, 0.3),
                 fill=0.86)  # fmt: skip


def _fly(hips: Part) -> list[Part]:
    t = np.linspace(0.12, 0.75, 9).astype(np.float32)
    line = surface_points(hips, np.full(9, 0.5, np.float32), t, 0.003)
    hook = np.clip((t - 0.5) / 0.25, 0, 1) ** 2.5
    bent = surface_points(hips, np.full(9, 0.535, np.float32), t, 0.002)
    bent += (line - bent) * hook[:, None]  # (9, 3): the stitches turn inward at the middle
    button = revolve(
        [(0.0, 0.014), (0.018, 0.012), (0.022, 0.0)], METAL, rows=12, columns=25
    ).turned("x", 90)
    place = surface_points(hips, np.array([0.5]), np.array([0.05]), 0.016)[0]
    return [tube(line, 0.005, DARK, columns=7), tube(bent, 0.003, DARK,
            smooth=False, columns=7),
            button.moved(*map(float, place))]  # fmt: skip


def _drawstring() -> list[Part]:
    return [
        tube(
            [(x * 0.4, 0.56, 0.19), (x, 0.48, 0.215), (x * 1.2, 0.36, 0.212)],
            0.009,
            TRIM,
            columns=9,
        )
        for x in (-0.04, 0.05)
    ]
