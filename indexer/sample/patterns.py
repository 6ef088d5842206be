"""Patterns of cloth, glaze and prints as small square textures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.sample import motifs
from indexer.sample.drawings import REPEATS
from indexer.sample.palette import Rgb, darker, lighter
from indexer.sample.pen import SIDE

SPANS = ("ombre", "color-block", "dipped", "chest-stripe")


PRINTS = tuple(f"{name} print" for name in motifs.MOTIFS)


@dataclass(frozen=True, eq=False)
class Tile:
    """A texture for a surface: (SIDE * SIDE,) packed RGBX.

    Mode ``repeat`` tiles it (``period`` world units wide). ``decal`` shows it once at the model's
    print place. ``span`` stretches it once from the top to the bottom of the object.
    """

    pixels: NDArray[np.uint32]
    period: float = 1.0
    mode: str = "repeat"
    ground: int = 0  # the packed color around a decal


def packed(color: Rgb) -> int:
    """Pack a color into an RGBX word."""
    return color[0] | color[1] << 8 | color[2] << 16 | 255 << 24


def pack(image: Image.Image) -> NDArray[np.uint32]:
    """Pack an image of SIDE by SIDE into (SIDE * SIDE,) RGBX words."""
    rgbx = image.convert("RGB").convert("RGBX") if image.mode != "RGBX" else image
    return np.frombuffer(rgbx.tobytes(), "<u4").copy()


def _span(pattern: str, a: Rgb, b: Rgb) -> Image.Image:
    t = np.linspace(0, 1, SIDE)
    if pattern == "ombre":
        share = np.clip((t - 0.12) / 0.76, 0, 1)
        share = share * share * (3 - 2 * share)
    elif pattern == "color-block":
        share = (t > 0.48).astype(float)
    elif pattern == "dipped":
        share = (t > 0.68).astype(float)
    else:
        share = ((t > 0.30) & (t < 0.44)).astype(float)
    line = np.array(a) * (1 - share[:, None]) + np.array(b) * share[:, None]
    return Image.fromarray(np.uint8(np.broadcast_to(line[:, None], (SIDE, SIDE, 3))))


@lru_cache(maxsize=32)
def tile(pattern: str, first: Rgb, second: Rgb) -> Tile:
    """Return the tile of a pattern in two colors; KeyError if it is unknown."""
    if pattern == "solid":
        return Tile(np.full(SIDE * SIDE, packed(first), np.uint32))
    if pattern in SPANS:
        return Tile(pack(_span(pattern, first, second)), 1.0, "span")
    if pattern.endswith(" print"):
        picture = motifs.draw(pattern.removesuffix(" print"), first, second, SIDE)
        return Tile(pack(picture), 1.0, "decal", packed(first))
    make, period = REPEATS[pattern]
    return Tile(pack(make(first, second)), period)


@lru_cache(maxsize=16)
def wood(color: Rgb) -> Tile:
    """Draw straight wood grain; its rings run along v."""
    rng = np.random.default_rng(4)
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    bend = 0.05 * np.sin(2 * np.pi * (y + 0.3)) + 0.025 * np.sin(2 * np.pi * (2 * y + x))
    rings = 0.5 + 0.5 * np.sin(2 * np.pi * (7 * (x + bend) + 0.4 * np.sin(2 * np.pi * y)))
    fibers = (
        rng.normal(size=(1, SIDE)) * 0.5 + rng.normal(size=(8, SIDE)).repeat(SIDE // 8, 0) * 0.25
    )
    share = np.clip(0.30 * rings**2 + 0.10 * fibers, 0, 1)[..., None]
    dark = np.array(darker(color, 0.45))
    return Tile(pack(Image.fromarray(np.uint8(np.array(color) * (1 - share) + dark * share))), 0.6)


@lru_cache(maxsize=32)
def lens(color: Rgb) -> Tile:
    """Draw tinted glass, darker at the top; v = 0 is the middle of the lens."""
    v = (np.arange(SIDE) / SIDE + 0.5) % 1 - 0.5  # (SIDE,) from -0.5 to 0.5
    share = np.clip(0.5 + v / 0.42, 0, 1)[:, None]
    line = np.array(darker(color, 0.45)) * (1 - share) + np.array(lighter(color, 0.40)) * share
    return Tile(pack(Image.fromarray(np.uint8(np.broadcast_to(line[:, None], (SIDE, SIDE, 3))))))
