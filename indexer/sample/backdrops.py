"""Procedural backdrops of shopper photos: tables, floors, walls, cloth and pavement."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
from PIL import Image

from indexer.sample.surfaces import Floats

SIDE = 640  # of the square textures, before they are drawn in perspective
PLACES = ("wood", "marble", "linen", "concrete", "carpet", "tiles", "paint", "bricks", "pavement")
FLAT = ("wood", "linen", "carpet", "concrete", "tiles")  # to lay clothes on
WALLS = ("paint", "bricks", "concrete", "tiles", "wood")


def _noise(rng: np.random.Generator, cells: tuple[int, int]) -> Floats:
    """Return smooth noise (SIDE, SIDE) around 0, with the given number of cells down and across."""
    small = rng.normal(size=cells).astype(np.float32)
    image = Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return np.asarray(image, np.float32)


def _fractal(rng: np.random.Generator, first: int, octaves: int = 5) -> Floats:
    total = np.zeros((SIDE, SIDE), np.float32)
    for k in range(octaves):
        total += _noise(rng, (first * 2**k, first * 2**k)) * np.float32(0.55**k)
    return total


def _tint(level: Floats, color: tuple[int, int, int]) -> Floats:
    return np.asarray(level[..., None] * np.array(color, np.float32), np.float32)


def _wood(rng: np.random.Generator) -> Floats:
    color = ((178, 132, 88), (120, 82, 56), (204, 170, 128), (150, 120, 96))[int(rng.integers(4))]
    planks = int(rng.integers(4, 8))
    edge = np.linspace(0, SIDE, planks + 1).astype(int)
    level = np.ones((SIDE, SIDE), np.float32)
    for top, bottom in pairwise(edge):
        grain = _noise(rng, (90, 3)) * 0.05 + _noise(rng, (220, 7)) * 0.03
        rings = 0.05 * np.sin(14 * _noise(rng, (7, 2)))
        plank = 1 + float(rng.normal(0, 0.07)) + grain + rings
        level[top:bottom] = plank[top:bottom]
        level[top : top + 2] *= 0.55
        joint = int(rng.integers(60, SIDE - 60))
        level[top:bottom, joint : joint + 2] *= 0.6
    return _tint(level, color)


def _marble(rng: np.random.Generator) -> Floats:
    field = _fractal(rng, 3)
    vein = np.exp(-((np.abs(np.sin(1.7 * field + 0.4 * _noise(rng, (3, 3)))) / 0.09) ** 1.1))
    level = 1 - 0.35 * vein * (0.5 + 0.5 * np.tanh(_noise(rng, (4, 4)))) + 0.02 * field
    return _tint(level, ((236, 234, 230), (70, 74, 80), (226, 214, 198))[int(rng.integers(3))])


def _linen(rng: np.random.Generator) -> Floats:
    colors = ((226, 220, 208), (168, 180, 190), (120, 128, 140), (208, 182, 170), (236, 234, 232))
    threads = _noise(rng, (SIDE // 2, 40)) * 0.035 + _noise(rng, (40, SIDE // 2)) * 0.035
    folds = _fractal(rng, 2, 3)
    relief = np.gradient(folds, axis=1) * 9 + np.gradient(folds, axis=0) * 7
    level = 1 + threads + np.clip(relief, -0.22, 0.16)
    return _tint(level, colors[int(rng.integers(5))])


def _concrete(rng: np.random.Generator) -> Floats:
    level = 1 + 0.07 * _fractal(rng, 3, 6) + 0.03 * rng.normal(size=(SIDE, SIDE)).astype(np.float32)
    return _tint(level, ((168, 168, 166), (134, 134, 136), (190, 184, 176))[int(rng.integers(3))])


def _carpet(rng: np.random.Generator) -> Floats:
    colors = ((150, 140, 128), (96, 104, 118), (176, 150, 120), (130, 76, 70))
    level = 1 + 0.12 * rng.normal(size=(SIDE, SIDE)).astype(np.float32) + 0.06 * _fractal(rng, 8, 4)
    base = _tint(level, colors[int(rng.integers(4))])
    if rng.random() < 0.5:
        y, x = np.mgrid[0:SIDE, 0:SIDE]
        step = int(rng.integers(70, 130))
        band = ((x + y) // step % 2 == 0)[..., None]
        base = np.where(band, base * 0.84, base)
    return base


def _tiles(rng: np.random.Generator) -> Floats:
    step = int(rng.integers(70, 150))
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    tone = rng.normal(1, 0.04, (SIDE // step + 1, SIDE // step + 1)).astype(np.float32)
    level = tone[y // step, x // step] + 0.02 * _fractal(rng, 4)
    grout = (x % step < 3) | (y % step < 3)
    level = np.where(grout, 0.72, level).astype(np.float32)
    colors = ((228, 228, 224), (196, 210, 206), (150, 162, 176), (206, 186, 160))
    return _tint(level, colors[int(rng.integers(4))])


def _paint(rng: np.random.Generator) -> Floats:
    colors = ((228, 224, 214), (202, 214, 214), (222, 206, 194), (190, 196, 186), (160, 172, 186))
    level = 1 + 0.015 * _fractal(rng, 3, 6)
    return _tint(level, colors[int(rng.integers(5))])


def _bricks(rng: np.random.Generator) -> Floats:
    h, w = 46, 118
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    row = y // h
    shifted = x + (row % 2) * w // 2
    tone = rng.normal(1, 0.10, (SIDE // h + 1, SIDE // w + 3)).astype(np.float32)
    level = tone[row, shifted // w] + 0.06 * _fractal(rng, 10, 4)
    color = ((176, 104, 82), (214, 206, 198), (140, 96, 84))[int(rng.integers(3))]
    rgb = _tint(level, color)
    mortar = ((y % h) < 5) | ((shifted % w) < 5)
    return np.where(mortar[..., None], np.array((196, 190, 182), np.float32) * 0.95, rgb)


def _pavement(rng: np.random.Generator) -> Floats:
    h, w = 64, 64
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    row = y // h
    shifted = x + (row % 2) * w // 2
    tone = rng.normal(1, 0.12, (SIDE // h + 1, SIDE // w + 3)).astype(np.float32)
    bump = np.minimum(np.minimum(y % h, h - y % h), np.minimum(shifted % w, w - shifted % w))
    level = tone[row, shifted // w] * np.clip(0.45 + bump / 14, 0, 1) + 0.07 * _fractal(rng, 20, 4)
    return _tint(level, ((150, 146, 142), (128, 122, 116))[int(rng.integers(2))])


_MAKERS = {
    "wood": _wood,
    "marble": _marble,
    "linen": _linen,
    "concrete": _concrete,
    "carpet": _carpet,
    "tiles": _tiles,
    "paint": _paint,
    "bricks": _bricks,
    "pavement": _pavement,
}


@lru_cache(maxsize=64)
def texture(place: str, number: int) -> Image.Image:
    """Draw the square texture of a place, SIDE by SIDE; every number gives a different texture."""
    rng = np.random.default_rng([77, PLACES.index(place), number])
    return Image.fromarray(np.uint8(np.clip(_MAKERS[place](rng), 0, 255)))


def _coefficients(
    target: list[tuple[float, float]], source: list[tuple[float, float]]
) -> list[float]:
    """Return the eight coefficients of the perspective from target corners to source corners."""
    lines, values = [], []
    for (x, y), (u, v) in zip(target, source, strict=True):
        lines.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        lines.append([0, 0, 0, x, y, 1, -v * x, -v * y])
        values += [u, v]
    return [float(c) for c in np.linalg.solve(np.array(lines), np.array(values))]


def in_perspective(
    picture: Image.Image,
    target: list[tuple[float, float]],
    source: list[tuple[float, float]],
    size: tuple[int, int],
) -> Image.Image:
    """Draw a picture in perspective: its source corners move to the target corners."""
    data = _coefficients(target, source)
    how = Image.Transform.PERSPECTIVE
    return picture.transform(size, how, data, Image.Resampling.BILINEAR)


def flat(rng: np.random.Generator, width: int, height: int, places: tuple[str, ...]) -> Floats:
    """Draw a surface seen from the front or from above, (height, width, 3)."""
    picture = texture(str(rng.choice(places)), int(rng.integers(4)))
    turn = float(rng.uniform(-12, 12)) + 90 * int(rng.integers(2))
    c, s = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    reach = SIDE * 0.34
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    source = [
        (
            SIDE / 2 + reach * (c * x - s * y * height / width),
            SIDE / 2 + reach * (s * x + c * y * height / width),
        )
        for x, y in corners
    ]
    target = [(0.0, 0.0), (float(width), 0.0), (float(width), float(height)), (0.0, float(height))]
    return np.asarray(in_perspective(picture, target, source, (width, height)), np.float32)


def room(rng: np.random.Generator, width: int, height: int, horizon: float) -> Floats:
    """Draw a floor or table and a wall behind it, (height, width, 3); horizon is a height share."""
    wall = texture(str(rng.choice(WALLS)), int(rng.integers(4)))
    floor = texture(str(rng.choice((*PLACES[:6], "pavement"))), int(rng.integers(4)))
    line = horizon * height
    tilt = float(rng.uniform(-0.03, 0.03)) * height
    cut = min(max(int(line - abs(tilt)) - 2, 1), height - 1)  # above: only wall
    end = min(max(int(line + abs(tilt)) + 3, cut + 1), height)  # below: only floor
    w, h = float(width), float(height)
    side = float(SIDE)
    top = in_perspective(
        wall,
        [(0, 0), (w, 0), (w, line + tilt), (0, line - tilt)],
        [(0, side * 0.3), (side, side * 0.3), (side, side * 0.95), (0, side * 0.95)],
        (width, end),
    )
    wide = float(rng.uniform(0.5, 1.0))
    low = in_perspective(
        floor,
        [
            (-0.3 * w * wide, line - tilt - cut),
            (w + 0.3 * w * wide, line + tilt - cut),
            (w * 2.1, h * 1.05 - cut),
            (-w * 1.1, h * 1.05 - cut),
        ],
        [(0, 0), (side, 0), (side, side * 0.9), (0, side * 0.9)],
        (width, height - cut),
    )
    x = np.arange(width, dtype=np.float32)[None, :]
    y = np.arange(height, dtype=np.float32)[:, None]
    edge = line + tilt * (2 * x / width - 1)
    near = np.exp(np.abs(y - edge) * np.float32(-1 / (0.03 * height)))[..., None]  # (h, w, 1)
    scene = np.empty((height, width, 3), np.float32)
    scene[:end] = np.asarray(top)
    scene[:end] *= 0.92 - 0.12 * near[:end]
    front = np.asarray(low, np.float32) * (1 - 0.30 * near[cut:])
    scene[end:] = front[end - cut :]
    share = np.clip((y - edge)[cut:end] / 1.5 + 0.5, 0, 1)[..., None]
    scene[cut:end] = scene[cut:end] * (1 - share) + front[: end - cut] * share
    return scene
