"""Drawings of the repeating patterns, in two colors each."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from PIL import Image

from indexer.sample.palette import Rgb, darker, lighter, mix
from indexer.sample.pen import BIG, SIDE, Pen


def _stripes(a: Rgb, b: Rgb) -> Image.Image:
    pen = Pen(a)
    pen.bars([(k / 4, k / 4 + 0.10, b) for k in range(4)])
    return pen.done()


def _wide_stripes(a: Rgb, b: Rgb) -> Image.Image:
    pen = Pen(a)
    pen.bars([(0.0, 0.25, b), (0.5, 0.75, b)])
    return pen.done()


def _pinstripes(a: Rgb, b: Rgb) -> Image.Image:
    pen = Pen(a)
    pen.bars([(k / 6, k / 6 + 0.028, b) for k in range(6)], across=False)
    return pen.done()


def _bold_stripes(a: Rgb, b: Rgb) -> Image.Image:
    pen = Pen(a)
    pen.bars([(k / 3, k / 3 + 1 / 6, b) for k in range(3)], across=False)
    return pen.done()


def _checks(a: Rgb, b: Rgb) -> Image.Image:
    pen = Pen(a)
    half = mix(a, b, 0.5)
    n = 4
    pen.bars([(k / n, (k + 0.5) / n, half) for k in range(n)])
    pen.bars([(k / n, (k + 0.5) / n, half) for k in range(n)], across=False)
    for i in range(n):
        for j in range(n):
            pen.draw.rectangle(
                (
                    i * BIG // n,
                    j * BIG // n,
                    i * BIG // n + BIG // 8 - 1,
                    j * BIG // n + BIG // 8 - 1,
                ),
                fill=b,
            )
    return pen.done()


def _plaid(a: Rgb, b: Rgb) -> Image.Image:
    line, wide = lighter(b, 0.55), mix(a, b, 0.6)
    y = np.zeros((BIG,), np.float32)
    bands = [(0.10, 0.42, 0.85), (0.60, 0.92, 0.85)]
    for start, end, share in bands:
        y[int(start * BIG) : int(end * BIG)] = share
    both = (y[:, None] + y[None, :]) / 2
    base, over = np.array(a, np.float32), np.array(wide, np.float32)
    rgb = base + (over - base) * both[..., None]
    rgb = np.where((both > 0.8)[..., None], np.array(b, np.float32), rgb)
    thin = np.zeros(BIG, bool)
    for at in (0.26, 0.76):
        thin[int((at - 0.012) * BIG) : int((at + 0.012) * BIG)] = True
    grid = (thin[:, None] | thin[None, :])[..., None]
    rgb = np.where(grid, 0.35 * rgb + 0.65 * np.array(line, np.float32), rgb)
    return Image.fromarray(np.uint8(rgb)).reduce(BIG // SIDE)


def _dots(a: Rgb, b: Rgb) -> Image.Image:
    pen = Pen(a)
    for i in range(8):
        for j in range(4):
            pen.disc(j / 4 + (i % 2) / 8, i / 8, 0.042, b)
    return pen.done()


def _big_dots(a: Rgb, b: Rgb) -> Image.Image:
    pen = Pen(a)
    for i in range(4):
        for j in range(2):
            pen.disc(j / 2 + (i % 2) / 4, i / 4, 0.105, b)
    return pen.done()


def _floral(a: Rgb, b: Rgb) -> Image.Image:
    pen = Pen(a)
    rng = np.random.default_rng(5)
    leaf = mix(b, (64, 120, 70), 0.55)
    heart = (246, 204, 90) if sum(b) < 600 else (226, 150, 60)
    for _ in range(20):
        x, y = rng.random(2)
        pen.petal(float(x), float(y), 0.09, 0.035, rng.uniform(0, 6.3), mix(a, leaf, 0.75))
    spots = [(0.2, 0.2, 0.13), (0.7, 0.12, 0.10), (0.45, 0.5, 0.115), (0.92, 0.47, 0.12)]
    spots += [(0.14, 0.72, 0.11), (0.66, 0.8, 0.135), (0.36, 0.93, 0.075), (0.9, 0.82, 0.07)]
    for x, y, r in spots:
        start = rng.uniform(0, 6.3)
        for leaf_turn in (0.7, 2.4):
            pen.petal(x, y, r * 1.55, r * 0.55, start + leaf_turn, leaf)
        for p in range(5):
            angle = start + p * 2 * math.pi / 5
            cx, cy = x + 0.5 * r * math.cos(angle), y + 0.5 * r * math.sin(angle)
            pen.disc(cx, cy, r * 0.42, mix(b, a, 0.12 * (p % 2)))
        pen.disc(x, y, r * 0.30, heart)
    return pen.done()


def _leaves(a: Rgb, b: Rgb) -> Image.Image:
    pen = Pen(a)
    tone = mix(a, b, 0.55)
    for x, y, lean, c in ((0.22, 0.48, -1.2, b), (0.74, 0.98, -1.9, b), (0.72, 0.42, -1.5, tone)):
        for k in range(6):
            f = k / 6
            sx, sy = x + 0.40 * f * math.cos(lean), y + 0.40 * f * math.sin(lean)
            size = 0.20 * (1 - 0.5 * f)
            for side in (-0.85, 0.85):
                pen.petal(sx, sy, size, size * 0.42, lean + side, c)
        ex, ey = x + 0.40 * math.cos(lean), y + 0.40 * math.sin(lean)
        pen.petal(ex, ey, 0.13, 0.05, lean, c)
        w = 0.006
        pen.polygon([(x - w, y), (x + w, y), (ex + w, ey), (ex - w, ey)], c)
    return pen.done()


def _zigzag(a: Rgb, b: Rgb) -> Image.Image:
    pen = Pen(a)
    n = 4
    for row in range(5):
        top = [(k / (2 * n), row / 4 - 0.25 + (0.12 if k % 2 else 0)) for k in range(2 * n + 1)]
        bottom = [(x, y + 0.11) for x, y in reversed(top)]
        pen.polygon(top + bottom, b)
    return pen.done()


def _terrazzo(a: Rgb, b: Rgb) -> Image.Image:
    pen = Pen(a)
    rng = np.random.default_rng(11)
    tones = [b, mix(a, b, 0.55), darker(b, 0.3), lighter(b, 0.35), (226, 160, 110)]
    for k in range(70):
        x, y = rng.random(2)
        r = rng.uniform(0.012, 0.045)
        turn = np.sort(rng.uniform(0, 2 * math.pi, 6))
        far = rng.uniform(0.6, 1.3, 6) * r
        outline = [
            (x + f * math.cos(t), y + f * math.sin(t)) for f, t in zip(far, turn, strict=True)
        ]
        pen.polygon(outline, tones[k % len(tones)])
    return pen.done()


def _diamonds(a: Rgb, b: Rgb) -> Image.Image:
    pen = Pen(a)
    n = 3
    for i in range(2 * n):
        for j in range(n):
            x, y = (j + (i % 2) / 2) / n, i / (2 * n)
            w, h = 0.42 / n, 0.42 / n
            pen.polygon([(x - w, y), (x, y - h), (x + w, y), (x, y + h)], b)
            pen.polygon(
                [(x - w / 2, y), (x, y - h / 2), (x + w / 2, y), (x, y + h / 2)], mix(a, b, 0.35)
            )
    return pen.done()


def _waves(a: Rgb, b: Rgb) -> Image.Image:
    pen = Pen(a)
    tones = (b, mix(a, b, 0.5))
    for i in range(8):
        for j in range(5):
            x, y = j / 4 + (i % 2) / 8, i / 8 + 0.13
            for ring, r in enumerate((0.122, 0.092, 0.062, 0.032)):
                pen.disc(x, y, r, (tones[0], a, tones[1], a)[ring])
    return pen.done()


def _marble(a: Rgb, b: Rgb) -> Image.Image:
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE * 2 * np.pi
    rng = np.random.default_rng(3)
    field = np.zeros((SIDE, SIDE))
    for _ in range(7):
        fx, fy = rng.integers(-2, 3, 2)
        field += np.sin(fx * x + fy * y + rng.uniform(0, 6.3) + 0.8 * np.sin(x + 2 * y))
    vein = np.exp(-((np.abs(np.sin(1.6 * field)) / 0.16) ** 1.2))
    soft = 0.18 * (0.5 + 0.5 * np.sin(field))
    share = np.clip(0.85 * vein + soft, 0, 1)[..., None]
    return Image.fromarray(np.uint8(np.array(a) * (1 - share) + np.array(b) * share))


def _speckle(a: Rgb, b: Rgb) -> Image.Image:
    pen = Pen(a)
    rng = np.random.default_rng(8)
    for _ in range(420):
        x, y = rng.random(2)
        pen.disc(x, y, float(rng.uniform(0.002, 0.009)), b)
    return pen.done()


def _stars(a: Rgb, b: Rgb) -> Image.Image:
    pen = Pen(a)
    for i in range(6):
        for j in range(3):
            x, y, r = (j + (i % 2) / 2) / 3, i / 6, 0.062
            points = []
            for k in range(10):
                far = r if k % 2 == 0 else r * 0.42
                turn = math.pi * k / 5 - math.pi / 2
                points.append((x + far * math.cos(turn), y + far * math.sin(turn)))
            pen.polygon(points, b)
    return pen.done()


def _melange(a: Rgb, b: Rgb) -> Image.Image:
    rng = np.random.default_rng(2)
    noise = rng.normal(size=(SIDE, SIDE)).astype(np.float32)
    streak = noise + np.roll(noise, 1, 1) + np.roll(noise, 2, 1) + np.roll(noise, 3, 1)
    share = np.clip(0.28 + 0.11 * streak, 0, 1)[..., None]
    return Image.fromarray(np.uint8(np.array(a) * (1 - share) + np.array(b) * share))


def _camo(a: Rgb, b: Rgb) -> Image.Image:
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE * 2 * np.pi
    rng = np.random.default_rng(21)
    tones = [a, mix(a, b, 0.5), b, darker(mix(a, b, 0.3), 0.45)]
    rgb = np.empty((SIDE, SIDE, 3), np.uint8)
    rgb[:] = tones[0]
    for tone in tones[1:]:
        field = np.zeros((SIDE, SIDE))
        for _ in range(9):
            fx, fy = rng.integers(-4, 5, 2)
            field += np.sin(fx * x + fy * y + rng.uniform(0, 6.3))
        rgb[field > 2.0] = tone
    return Image.fromarray(rgb)


REPEATS: dict[str, tuple[Callable[[Rgb, Rgb], Image.Image], float]] = {
    "striped": (_stripes, 0.50),
    "wide-striped": (_wide_stripes, 0.50),
    "pinstriped": (_pinstripes, 0.50),
    "bold-striped": (_bold_stripes, 0.60),
    "checked": (_checks, 0.42),
    "plaid": (_plaid, 0.46),
    "dotted": (_dots, 0.42),
    "big-dotted": (_big_dots, 0.56),
    "floral": (_floral, 0.62),
    "leaf-print": (_leaves, 0.56),
    "zigzag": (_zigzag, 0.56),
    "terrazzo": (_terrazzo, 0.52),
    "diamond": (_diamonds, 0.54),
    "wave": (_waves, 0.50),
    "marbled": (_marble, 0.90),
    "speckled": (_speckle, 0.60),
    "starred": (_stars, 0.52),
    "melange": (_melange, 0.60),
    "camouflage": (_camo, 0.90),
}
