"""Small pictures for prints: a motif in one or two colors on a plain ground."""

from __future__ import annotations

import math
from collections.abc import Callable

from PIL import Image, ImageDraw

from indexer.sample.palette import Rgb, lighter, mix

Draw = ImageDraw.ImageDraw


def _sun(d: Draw, s: float, c: Rgb, _: Rgb) -> None:
    for k in range(16):
        a = 2 * math.pi * k / 16
        w = 0.075
        far = 0.46 if k % 2 else 0.38
        d.polygon(
            [
                (s * (0.5 + 0.27 * math.cos(a - w * 2)), s * (0.5 + 0.27 * math.sin(a - w * 2))),
                (s * (0.5 + far * math.cos(a)), s * (0.5 + far * math.sin(a))),
                (s * (0.5 + 0.27 * math.cos(a + w * 2)), s * (0.5 + 0.27 * math.sin(a + w * 2))),
            ],
            fill=c,
        )
    _disc(d, s, 0.5, 0.5, 0.235, c)


def _disc(d: Draw, s: float, x: float, y: float, r: float, c: Rgb) -> None:
    d.ellipse((s * (x - r), s * (y - r), s * (x + r), s * (y + r)), fill=c)


def _peaks(d: Draw, s: float, c: Rgb, g: Rgb) -> None:
    _disc(d, s, 0.68, 0.30, 0.11, mix(c, (244, 180, 70), 0.6))
    d.polygon([(s * x, s * y) for x, y in ((0.08, 0.76), (0.38, 0.24), (0.68, 0.76))], fill=c)
    tone = mix(c, g, 0.4)
    d.polygon([(s * x, s * y) for x, y in ((0.45, 0.76), (0.68, 0.42), (0.92, 0.76))], fill=tone)
    snow = ((0.38, 0.24), (0.48, 0.41), (0.42, 0.38), (0.37, 0.45), (0.33, 0.38), (0.28, 0.41))
    d.polygon([(s * x, s * y) for x, y in snow], fill=lighter(c, 0.8))


def _wave(d: Draw, s: float, c: Rgb, g: Rgb) -> None:
    for row, tone in enumerate((c, mix(c, g, 0.35), c)):
        y = 0.34 + 0.16 * row
        top = [
            (s * (0.1 + 0.8 * k / 60), s * (y + 0.06 * math.sin(k / 60 * 6 * math.pi)))
            for k in range(61)
        ]
        d.polygon(top + [(x, yy + s * 0.085) for x, yy in reversed(top)], fill=tone)


def _cat(d: Draw, s: float, c: Rgb, g: Rgb) -> None:
    d.ellipse((s * 0.22, s * 0.28, s * 0.78, s * 0.80), fill=c)
    d.polygon([(s * 0.23, s * 0.50), (s * 0.24, s * 0.14), (s * 0.48, s * 0.32)], fill=c)
    d.polygon([(s * 0.77, s * 0.50), (s * 0.76, s * 0.14), (s * 0.52, s * 0.32)], fill=c)
    for x in (0.385, 0.615):
        _disc(d, s, x, 0.50, 0.055, g)
        _disc(d, s, x, 0.505, 0.028, c)
    d.polygon([(s * 0.465, s * 0.60), (s * 0.535, s * 0.60), (s * 0.5, s * 0.64)], fill=g)
    for side in (-1, 1):
        for k in (-0.03, 0.02):
            ends = [
                s * (0.5 + side * 0.10),
                s * (0.645 + k),
                s * (0.5 + side * 0.27),
                s * (0.63 + 2 * k),
            ]
            d.line(ends, fill=g, width=round(s * 0.012))


def _fern(d: Draw, s: float, c: Rgb, _: Rgb) -> None:
    d.line((s * 0.5, s * 0.92, s * 0.5, s * 0.12), fill=c, width=round(s * 0.022))
    for k in range(7):
        y = 0.80 - k * 0.095
        size = 0.30 * (1 - k / 9)
        for side in (-1, 1):
            x = [0.5, 0.5 + side * size * 0.55, 0.5 + side * size, 0.5 + side * size * 0.45]
            ys = [y, y - size * 0.62, y - size * 0.62, y - size * 0.18]
            d.polygon([(s * a, s * b) for a, b in zip(x, ys, strict=True)], fill=c)
    d.polygon([(s * 0.5, s * 0.05), (s * 0.54, s * 0.16), (s * 0.46, s * 0.16)], fill=c)


def _lemon(d: Draw, s: float, c: Rgb, g: Rgb) -> None:
    d.polygon([(s * 0.52, s * 0.28), (s * 0.66, s * 0.10), (s * 0.86, s * 0.14),
            (s * 0.72, s * 0.28)],
              fill=mix(c, (70, 140, 70), 0.7))  # fmt: skip
    d.ellipse((s * 0.20, s * 0.25, s * 0.80, s * 0.80), fill=c)
    d.polygon([(s * 0.12, s * 0.52), (s * 0.26, s * 0.42), (s * 0.26, s * 0.63)], fill=c)
    d.polygon([(s * 0.88, s * 0.52), (s * 0.74, s * 0.42), (s * 0.74, s * 0.63)], fill=c)
    d.arc((s * 0.28, s * 0.32, s * 0.72, s * 0.74), 190, 260, fill=g, width=round(s * 0.03))


def _bolt(d: Draw, s: float, c: Rgb, _: Rgb) -> None:
    points = (
        (0.56, 0.06),
        (0.24, 0.54),
        (0.46, 0.54),
        (0.38, 0.94),
        (0.76, 0.40),
        (0.53, 0.40),
        (0.66, 0.06),
    )
    d.polygon([(s * x, s * y) for x, y in points], fill=c)


def _heart(d: Draw, s: float, c: Rgb, _: Rgb) -> None:
    points = []
    for k in range(80):
        t = 2 * math.pi * k / 80
        x = 16 * math.sin(t) ** 3
        y = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        points.append((s * (0.5 + x / 40), s * (0.47 - y / 40)))
    d.polygon(points, fill=c)


def _rainbow(d: Draw, s: float, c: Rgb, g: Rgb) -> None:
    tones = (
        c,
        mix(c, (244, 190, 70), 0.55),
        mix(c, (240, 240, 240), 0.45),
        mix(c, (60, 130, 150), 0.6),
    )
    for k, tone in enumerate(tones):
        r = 0.40 - 0.078 * k
        d.pieslice(
            (s * (0.5 - r), s * (0.66 - r), s * (0.5 + r), s * (0.66 + r)), 180, 360, fill=tone
        )
    r = 0.40 - 0.078 * 4
    d.pieslice((s * (0.5 - r), s * (0.66 - r), s * (0.5 + r), s * (0.66 + r)), 180, 360, fill=g)


def _fish(d: Draw, s: float, c: Rgb, g: Rgb) -> None:
    d.ellipse((s * 0.12, s * 0.32, s * 0.72, s * 0.70), fill=c)
    d.polygon(
        [(s * 0.64, s * 0.51), (s * 0.90, s * 0.30), (s * 0.84, s * 0.51), (s * 0.90, s * 0.72)],
        fill=c,
    )
    _disc(d, s, 0.27, 0.47, 0.04, g)
    for k in range(3):
        x = 0.36 + 0.09 * k
        d.arc((s * x, s * 0.40, s * (x + 0.1), s * 0.62), -70, 70, fill=g, width=round(s * 0.018))


MOTIFS: dict[str, Callable[[Draw, float, Rgb, Rgb], None]] = {
    "sun": _sun,
    "mountain": _peaks,
    "sea": _wave,
    "cat": _cat,
    "fern": _fern,
    "lemon": _lemon,
    "bolt": _bolt,
    "heart": _heart,
    "rainbow": _rainbow,
    "fish": _fish,
}


def draw(name: str, ground: Rgb, color: Rgb, side: int) -> Image.Image:
    """Draw a motif in a color on its ground, side by side pixels; KeyError if it is unknown."""
    big = Image.new("RGB", (side * 3, side * 3), ground)
    MOTIFS[name](ImageDraw.Draw(big), side * 3.0, color, ground)
    return big.reduce(3)
