"""The canvas that a repeating pattern is drawn on."""

from __future__ import annotations

import math

from PIL import Image, ImageDraw

from indexer.sample.palette import Rgb

SIDE = 512  # finished size of a tile
BIG = 1024  # drawn at this size, then halved


class Pen:
    """A canvas that wraps around at its edges; coordinates are shares of the side."""

    def __init__(self, ground: Rgb) -> None:
        self.image = Image.new("RGB", (BIG, BIG), ground)
        self.draw = ImageDraw.Draw(self.image)

    def polygon(self, points: list[tuple[float, float]], fill: Rgb) -> None:
        """Fill a polygon, wrapped around the edges."""
        xs, ys = [p[0] for p in points], [p[1] for p in points]
        for dx in (-1, 0, 1):
            for dy in (-1, 0, 1):
                if max(xs) + dx < 0 or min(xs) + dx > 1 or max(ys) + dy < 0 or min(ys) + dy > 1:
                    continue
                self.draw.polygon([((x + dx) * BIG, (y + dy) * BIG) for x, y in points], fill=fill)

    def disc(self, x: float, y: float, r: float, fill: Rgb, squeeze: float = 1.0) -> None:
        """Fill a disc."""
        turn = [2 * math.pi * k / 40 for k in range(40)]
        self.polygon([(x + r * math.cos(a), y + r * squeeze * math.sin(a)) for a in turn], fill)

    def petal(self, x: float, y: float, length: float, width: float, angle: float, c: Rgb) -> None:
        """Fill a leaf shape that starts at (x, y) and points along an angle."""
        ca, sa = math.cos(angle), math.sin(angle)
        outline = []
        for k in range(25):
            t = k / 12 if k <= 12 else (24 - k) / 12
            w = width * math.sin(math.pi * t) ** 0.8 * (1 if k <= 12 else -1) / 2
            outline.append((x + t * length * ca - w * sa, y + t * length * sa + w * ca))
        self.polygon(outline, c)

    def bars(self, edges: list[tuple[float, float, Rgb]], across: bool = True) -> None:
        """Fill bands (start, end, color), across or down the tile."""
        for start, end, fill in edges:
            a, b = round(start * BIG), round(end * BIG) - 1
            self.draw.rectangle((0, a, BIG, b) if across else (a, 0, b, BIG), fill=fill)

    def done(self) -> Image.Image:
        """Return the finished tile."""
        return self.image.reduce(BIG // SIDE)
