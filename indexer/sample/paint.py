"""Render pictures: lay colors and patterns on the visible surfaces and light them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.sample import light
from indexer.sample.camera import View, VisibleSurface, visible_surface
from indexer.sample.palette import Rgb
from indexer.sample.patterns import Tile, packed
from indexer.sample.pen import SIDE as TILE
from indexer.sample.surfaces import MAIN, SIDE_SLOT, SLOTS, Floats, Part

Pixels = NDArray[np.uint8]
Paint = Tile | Rgb


@dataclass(frozen=True)
class Model:
    """The shape of a product: its surfaces, the material of each slot, and its catalog views.

    ``decal`` places a print: (u, v, side) in world units. Products that hang cast their shadow
    on the wall behind them, others on the floor. ``views`` are the catalog pictures.
    """

    parts: tuple[Part, ...]
    views: tuple[View, ...]
    finish: Mapping[int, str] = field(default_factory=dict)
    hangs: bool = False
    decal: tuple[float, float, float] = (0.0, 0.5, 0.5)
    scale: float = 1.0  # larger: finer patterns
    fill: float = 0.8


_FINISH = {0: "cloth", 1: "cloth", 2: "matte", 3: "metal", 4: "wood", 5: "cloth", 6: "glass"}
_FINISH |= {7: "rubber", 8: "glow", 9: "cloth", 10: "matte", 11: "matte", 12: "rubber", 13: "matte"}


def finishes(model: Model) -> tuple[str, ...]:
    """Return the finish of every slot; SIDE_SLOT has that of MAIN."""
    named = {**_FINISH, SIDE_SLOT: model.finish.get(MAIN, "cloth"), **model.finish}
    return tuple(named[k] for k in range(SLOTS))


@dataclass(frozen=True)
class SlotPixels:
    """The fine pixels of a slot, all (k,): flat positions and pattern coordinates."""

    slot: int
    pixel: NDArray[np.int32]
    u: Floats
    v: Floats


@dataclass(frozen=True)
class Shot:
    """A lit view of a model, which all variants of a product share."""

    model: Model
    view: View
    sight: VisibleSurface
    shade: light.Lighting
    slots: tuple[SlotPixels, ...]
    span: tuple[float, float]  # v from the top to the bottom of the main slot


def shoot(
    model: Model,
    view: View,
    *,
    height: int,
    width: int,
    scale: int = 2,
    lamp: float = 0.0,
) -> Shot:
    """Find the visible surface of a model and light it; ``lamp`` turns the light by degrees."""
    sight = visible_surface(
        model.parts, view, height=height, width=width, scale=scale, fill=model.fill
    )
    shade = light.shade_surface(sight, finishes(model), lamp)
    order = np.argsort(sight.slot, kind="stable")
    counts = np.bincount(sight.slot, minlength=SLOTS)
    ends = np.cumsum(counts)
    pixel, u, v = sight.pixel[order], sight.u[order], sight.v[order]
    pieces = [(k, slice(ends[k] - counts[k], ends[k])) for k in range(SLOTS) if counts[k] > 0]
    slots = tuple(SlotPixels(k, pixel[here], u[here], v[here]) for k, here in pieces)
    tall = [p.uv[..., 1] for p in model.parts if p.slot == MAIN or not isinstance(p.slot, int)]
    low, high = (min(v.min() for v in tall), max(v.max() for v in tall)) if tall else (0.0, 1.0)
    return Shot(model, view, sight, shade, slots, (float(low), float(high)))


def colored(shot: Shot, paints: Mapping[int, Paint]) -> Floats:
    """Return the unlit colors (h, w, 3) in [0, 255], multiplied by the cover."""
    sight = shot.sight
    big = np.zeros(sight.height * sight.scale * sight.width * sight.scale, np.uint32)
    for slot_pixels in shot.slots:
        paint = paints[MAIN if slot_pixels.slot == SIDE_SLOT else slot_pixels.slot]
        if isinstance(paint, tuple):
            big[slot_pixels.pixel] = packed(paint)
        elif paint.mode == "decal" and slot_pixels.slot == SIDE_SLOT:
            big[slot_pixels.pixel] = paint.ground
        else:
            big[slot_pixels.pixel] = _sample_tile(paint, shot, slot_pixels.u, slot_pixels.v)
    size = (sight.width * sight.scale, sight.height * sight.scale)
    image = Image.frombuffer("RGBX", size, big.view(np.uint8), "raw", "RGBX", 0, 1)
    small = image.reduce(sight.scale) if sight.scale > 1 else image
    return np.asarray(small)[..., :3].astype(np.float32)


def _sample_tile(tile: Tile, shot: Shot, u: Floats, v: Floats) -> NDArray[np.uint32]:
    """Sample a tile at pattern coordinates (k,); return packed colors (k,)."""
    if tile.mode == "repeat":
        fine = np.float32(TILE / tile.period * shot.model.scale)
        column = (u * fine).astype(np.int32) & (TILE - 1)
        row = (v * fine).astype(np.int32) & (TILE - 1)
        return tile.pixels[row * TILE + column]
    if tile.mode == "span":
        top, bottom = shot.span
        row = ((v - top) * ((TILE - 1) / max(bottom - top, 1e-6))).astype(np.int32)
        return np.asarray(tile.pixels[np.clip(row, 0, TILE - 1) * TILE], np.uint32)
    cu, cv, side = shot.model.decal
    column = ((u - cu + side / 2) * (TILE / side)).astype(np.int32)
    row = ((v - cv + side / 2) * (TILE / side)).astype(np.int32)
    on = (column >= 0) & (column < TILE) & (row >= 0) & (row < TILE)
    return np.where(on, tile.pixels[np.where(on, row * TILE + column, 0)], np.uint32(tile.ground))


@dataclass(frozen=True)
class Plate:
    """A shot that can be colored many times, as color * ``times`` + ``plus``, all (h, w, 3)."""

    shot: Shot
    times: Floats
    plus: Floats


def plate(shot: Shot, ground: Floats) -> Plate:
    """Put a shot before a ground (h, w, 3) in [0, 255]."""
    shade = shot.shade
    times = np.repeat(shade.diffuse[..., None], 3, axis=2)
    plus = (255 * shade.shine)[..., None] + ground * (1 - shade.cover)[..., None]
    return Plate(shot, times, plus)


def develop(plate: Plate, paints: Mapping[int, Paint]) -> Pixels:
    """Return the finished picture, (h, w, 3)."""
    rgb = colored(plate.shot, paints)
    rgb *= plate.times
    rgb += plate.plus
    return np.clip(rgb, 0, 255, out=rgb).astype(np.uint8)


def studio(shot: Shot) -> Floats:
    """Return the catalog background (h, w, 3): pale gray with the object's soft shadow."""
    h, w = shot.sight.height, shot.sight.width
    level = _sweep(h, w)
    if shot.model.hangs:
        dark = light.wall_shadow(shot.shade.cover, round(0.022 * h), round(0.07 * h), 0.26)
    elif shot.view.zoom > 1.3:
        dark = light.wall_shadow(shot.shade.cover, round(0.02 * h), round(0.10 * h), 0.20)
    else:
        dark = light.floor_shadow(shot.sight)
    tint = np.array([1.0, 0.985, 0.955], np.float32)
    return np.asarray(level[..., None] * (1 - dark[..., None] * tint * 0.8), np.float32)


@lru_cache(maxsize=4)
def _sweep(h: int, w: int) -> Floats:
    """Return the empty studio (h, w), brightest at the upper left."""
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    y, x = y / h - 0.5, x / w - 0.5
    level = 247 - 15 * np.clip(np.hypot(x + 0.12, y + 0.18) - 0.15, 0, 1) ** 1.2
    return np.asarray(level, np.float32)
