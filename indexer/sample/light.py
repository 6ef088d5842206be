"""Studio light: the brightness of a surface by its finish and direction."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageFilter

from indexer.sample.camera import VisibleSurface
from indexer.sample.surfaces import Floats

SIDE = 128  # a finish is a picture of a lit ball, SIDE pixels wide


@dataclass(frozen=True)
class Lighting:
    """The lighting of a surface; every array is (height, width), in pixels of the picture.

    ``diffuse`` multiplies the color, ``shine`` is added to it, ``cover`` is the share covered.
    """

    diffuse: Floats
    shine: Floats
    cover: Floats


def _step(low: float, high: float, x: Floats) -> Floats:
    t = np.clip((x - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


@lru_cache(maxsize=64)
def ball(finish: str, angle: float = 0.0) -> tuple[Floats, Floats]:
    """Return diffuse and shine by direction, both (SIDE * SIDE,); ``angle`` turns the lamp."""
    g = (np.arange(SIDE, dtype=np.float32) + 0.5) / SIDE * 2 - 1
    nx, ny = np.meshgrid(g, g)
    nz = np.sqrt(np.clip(1 - nx**2 - ny**2, 0, 1))
    c, s = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    lx, ly = c * nx + s * ny, c * ny - s * nx
    rx, ry, rz = 2 * nz * lx, 2 * nz * ly, 2 * nz**2 - 1
    key = np.clip((-0.50 * lx + 0.58 * ly + 0.64 * nz + 0.22) / 1.22, 0, 1)
    fill = np.clip((0.85 * lx + 0.05 * ly + 0.5 * nz + 0.3) / 1.3, 0, 1)
    sky = 0.5 + 0.5 * ly
    diffuse = 0.27 + 0.74 * key**1.25 + 0.14 * fill + 0.14 * sky
    window = _step(-0.98, -0.86, rx) * _step(-0.20, -0.32, rx) * _step(0.22, 0.34, ry)
    window = window * _step(0.92, 0.80, ry) * _step(-0.2, 0.1, rz)
    strip = _step(0.70, 0.76, rx) * _step(0.93, 0.86, rx) * _step(-0.7, -0.5, ry)
    strip = strip * _step(0.75, 0.5, ry)
    glint = np.clip((-0.36 * nx * 1.0 + 0.42 * ly + 0.83 * nz), 0, 1)
    rim = (1 - nz) ** 3
    if finish == "metal":
        env = 0.50 + 0.42 * np.tanh(2.2 * ry + 0.3) + 0.25 * np.cos(4.2 * rx + 1.0)
        diffuse = 0.30 + 0.62 * env
        shine = 0.55 * window + 0.4 * strip + 0.12 * rim
    elif finish in ("ceramic", "gloss"):
        bright = 0.62 if finish == "ceramic" else 0.7
        shine = bright * window * (0.55 + 0.45 * _step(0.2, 0.9, ry)) + 0.28 * strip + 0.16 * rim
        diffuse = 0.97 * diffuse
    elif finish == "glass":
        shine = 0.5 * window + 0.25 * strip + 0.15 * rim + 0.05
    elif finish == "leather":
        shine = 0.20 * glint**18 + 0.13 * glint**5 + 0.05 * rim + 0.06 * strip
    elif finish == "rubber":
        shine = 0.10 * glint**8 + 0.05 * rim
    elif finish == "wood":
        shine = 0.16 * glint**14 + 0.05 * rim
    elif finish == "velvet":
        shine = 0.16 * rim**0.6 + 0.02
        diffuse = diffuse * 0.97
    elif finish == "glow":
        diffuse = 0.80 + 0.32 * nz
        shine = 0.10 * nz**2
    elif finish == "matte":
        shine = 0.10 * glint**7 + 0.05 * rim
    else:
        shine = 0.05 * rim + 0.03 * glint**3
    return diffuse.ravel().astype(np.float32), np.asarray(shine, np.float32).ravel()


def blur(plane: Floats, radius: int) -> Floats:
    """Blur (h, w) widely by scaling down and up again."""
    h, w = plane.shape
    small = (max(2, w // radius), max(2, h // radius))
    image = Image.fromarray(plane).resize(small, Image.Resampling.HAMMING)
    return np.asarray(image.resize((w, h), Image.Resampling.BICUBIC), np.float32)


def reduced(fine: Floats, scale: int) -> Floats:
    """Return the mean of each scale by scale square of an (h * scale, w * scale) plane."""
    return np.asarray(Image.fromarray(fine).reduce(scale), np.float32) if scale > 1 else fine


def shade_surface(sight: VisibleSurface, finishes: tuple[str, ...], angle: float = 0.0) -> Lighting:
    """Light a visible surface; finishes name the material of each slot."""
    n = sight.normal
    column = np.clip(((n[:, 0] + 1) * (SIDE / 2)).astype(np.int32), 0, SIDE - 1)
    row = np.clip(((n[:, 1] + 1) * (SIDE / 2)).astype(np.int32), 0, SIDE - 1)
    at = row * SIDE + column  # (k,)
    table = [ball(f, angle) for f in finishes]
    diffuse = np.stack([t[0] for t in table])[sight.slot, at]
    shine = np.stack([t[1] for t in table])[sight.slot, at]
    grain = texture(sight, finishes)
    diffuse = diffuse * grain
    shape = (sight.height * sight.scale, sight.width * sight.scale)
    planes = []
    for value in (diffuse, shine, np.ones_like(diffuse), sight.depth, n[:, 2]):
        fine = np.zeros(shape, np.float32)
        fine.ravel()[sight.pixel] = value
        planes.append(reduced(fine, sight.scale))
    diffuse, shine, cover, depth, toward = planes
    coverage = np.maximum(cover, 1e-3)
    shade = occlusion(depth / coverage, cover, toward / coverage, sight.zoom / sight.scale)
    return Lighting(diffuse / coverage * shade, shine * (0.35 + 0.65 * shade), cover)


def occlusion(depth: Floats, cover: Floats, toward: Floats, zoom: float) -> Floats:
    """Return the ambient shadow (h, w) in (0, 1]: darker behind nearer neighbors.

    ``toward`` is how much a surface faces the camera; a rim that curves away gets no shadow.
    """
    shade = np.ones_like(depth)
    for reach, strength, limit in ((0.05, 1.0, 0.05), (0.16, 0.8, 0.16)):
        radius = max(2, int(reach * zoom))
        inside = cover > 0.5
        mean = blur(np.where(inside, depth, 0), radius) / np.maximum(
            blur(inside.astype(np.float32), radius), 0.05
        )
        dark = np.clip((mean - depth) / limit - 0.04, 0, 1) * np.clip(toward * 1.5 - 0.1, 0.12, 1)
        shade = shade * (1 - 0.55 * strength * dark / (0.5 + dark))
    return np.asarray(shade, np.float32)


@lru_cache(maxsize=16)
def weave(finish: str) -> Floats | None:
    """Return a small repeating relief (256 * 256,) around 1 for a finish; None if it is smooth."""
    rng = np.random.default_rng(len(finish))
    y, x = np.mgrid[0:256, 0:256].astype(np.float32)
    noise = rng.normal(size=(256, 256)).astype(np.float32)
    soft = np.asarray(
        Image.fromarray(np.tile(noise, (3, 3))).resize((192, 192), Image.Resampling.HAMMING)
    )
    soft = np.asarray(Image.fromarray(soft).resize((768, 768), Image.Resampling.BICUBIC))
    soft = soft[256:512, 256:512]
    if finish in ("cloth", "glow"):
        relief = 0.020 * np.sin(2 * np.pi * x / 4) * np.sin(2 * np.pi * y / 4) + 0.02 * soft
    elif finish == "knit":
        relief = 0.045 * np.abs(np.sin(np.pi * x / 16)) * (0.8 + 0.2 * np.sin(np.pi * y / 4))
        relief = relief - relief.mean() + 0.02 * soft
    elif finish == "denim":
        relief = 0.05 * np.sin(2 * np.pi * (x + y) / 8) + 0.06 * soft + 0.02 * noise
    elif finish == "leather":
        relief = 0.045 * soft
    elif finish == "velvet":
        relief = 0.03 * soft + 0.01 * noise
    elif finish in ("rubber", "matte"):
        relief = 0.012 * soft
    else:
        return None
    return np.asarray(1 + relief, np.float32).ravel()


def texture(sight: VisibleSurface, finishes: tuple[str, ...]) -> Floats:
    """Return the weave at each visible point, (k,)."""
    x = (sight.u * 460).astype(np.int32) & 255
    y = (sight.v * 460).astype(np.int32) & 255
    reliefs = [weave(f) for f in finishes]
    flat = np.ones(256 * 256, np.float32)
    table = np.stack([flat if r is None else r for r in reliefs])
    return np.asarray(table[sight.slot, y * 256 + x], np.float32)


def floor_shadow(sight: VisibleSurface) -> Floats:
    """Return the shadow on the floor under a standing object, (h, w) in [0, 1]."""
    h, w, step = sight.height, sight.width, 4
    g = sight.ground / np.array([sight.scale, sight.scale, 1], np.float32)
    zoom = sight.zoom / sight.scale
    total: Floats = np.zeros((h, w), np.float32)
    for reach, lean, radius, strength in ((0.05, 0.0, 6, 0.55), (0.6, 0.35, 22, 0.30)):
        weight = np.exp(-g[:, 2] / reach)
        x = ((g[:, 0] + lean * zoom * g[:, 2]) / step).astype(np.int32)
        y = ((g[:, 1] + 0.05 * lean * zoom * g[:, 2]) / step).astype(np.int32)
        on = (x > 0) & (y > 0) & (x < w // step - 1) & (y < h // step - 1)
        where, weight = (y * (w // step) + x)[on], weight[on]
        heap = np.zeros((h // step) * (w // step), np.float32)
        np.maximum.at(heap, where, weight)
        grown = Image.fromarray(np.uint8(heap.reshape(h // step, w // step) * 255))
        grown = grown.filter(ImageFilter.MaxFilter(5)).filter(ImageFilter.BoxBlur(radius / step))
        grown = grown.filter(ImageFilter.GaussianBlur(radius / step))
        big = np.asarray(grown.resize((w, h), Image.Resampling.BICUBIC), np.float32) / 255
        total = 1 - (1 - total) * (1 - strength * big)
    return total


def wall_shadow(cover: Floats, shift: int, radius: int, strength: float) -> Floats:
    """Return the soft shadow on a wall close behind a hanging object, (h, w) in [0, 1]."""
    moved = shift_plane(blur(cover, radius), shift, shift // 2)
    return np.asarray(np.clip(moved, 0, 1) * strength, np.float32)


def shift_plane(plane: Floats, down: int, right: int) -> Floats:
    """Shift a plane (h, w), and extend its edges into the gap."""
    h, w = plane.shape
    rows = np.clip(np.arange(h) - down, 0, h - 1)
    columns = np.clip(np.arange(w) - right, 0, w - 1)
    return plane[rows][:, columns]
