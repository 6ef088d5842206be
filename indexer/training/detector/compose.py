"""Compose scenes: cutouts on a background, in one of several layouts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from indexer.arrays import Pixels
from indexer.training.detector.backgrounds import Backgrounds
from indexer.training.detector.cutouts import Cutout
from indexer.training.detector.pictures import Boxes, relit, squashed, to_pixels
from indexer.training.detector.scene import Scene

_CANVASES = ((320, 320), (320, 240), (240, 320), (214, 320), (320, 214))
_VISIBLE = 0.4  # share of a thing that must be visible; with less, its region is ignored
_LAYOUTS = ("scattered", "one", "shelf", "few", "none")
_LAYOUT_SHARES = (0.38, 0.16, 0.12, 0.29, 0.05)


class Composer:
    """Composes scenes of cutouts; ``weights`` (n,) say how often each cutout is drawn."""

    def __init__(
        self, cutouts: Sequence[Cutout], weights: NDArray[np.float64], backgrounds: Backgrounds
    ) -> None:
        self._cutouts, self._shares = cutouts, weights / weights.sum()
        self._backgrounds = backgrounds

    def compose(self, rng: np.random.Generator, layout: str | None = None) -> Scene:
        """Compose a scene; by default the layout is drawn too. ``none`` is an empty scene."""
        layout = layout or str(rng.choice(_LAYOUTS, p=_LAYOUT_SHARES))
        width, height = _CANVASES[int(rng.integers(len(_CANVASES)))]
        canvas = self._backgrounds.draw(rng, width, height).astype(np.float32)
        owner = np.full((height, width), -1, np.int16)  # which thing is on top
        sizes = []
        for n, (place, cutout) in enumerate(self._placed(rng, layout, width, height)):
            sizes.append(_paste(canvas, owner, n, place, cutout, rng))
        pixels = to_pixels(canvas)
        boxes, ignored = _boxes_of(owner, sizes)
        image = Image.fromarray(relit(pixels, rng, 0.7))
        if rng.random() < 0.4:
            image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 1.3))))
        return Scene(_grainy(squashed(image), rng), boxes, ignored)

    def _placed(
        self, rng: np.random.Generator, layout: str, width: int, height: int
    ) -> list[tuple[tuple[float, float, float], Cutout]]:
        """Return center and longer side (x, y, size) in pixels, and the cutout, bottom first."""
        side = min(width, height)
        if layout == "none":
            return []
        if layout == "shelf":
            return self._shelf(rng, width, height)
        if layout == "one":
            size = side * rng.uniform(0.45, 1.15)
            spot = 0.5 + rng.normal(0, 0.07, 2)
            return [((spot[0] * width, spot[1] * height, size), self._pick(rng))]
        count = int(rng.integers(2, 4)) if layout == "few" else int(rng.integers(3, 9))
        mean = 0.5 if layout == "few" else 0.33
        found: list[tuple[tuple[float, float, float], Cutout]] = []
        for _ in range(count):
            size = side * float(np.clip(mean * np.exp(rng.normal(0, 0.4)), 0.1, 0.9))
            for _ in range(12):
                x, y = rng.uniform(0.08, 0.92, 2) * [width, height]
                if all(
                    max(abs(x - u), abs(y - v)) > 0.38 * (size + other)
                    for (u, v, other), _ in found
                ):
                    found.append(((x, y, size), self._pick(rng)))
                    break
        return found

    def _shelf(
        self, rng: np.random.Generator, width: int, height: int
    ) -> list[tuple[tuple[float, float, float], Cutout]]:
        rows, columns = int(rng.integers(1, 5)), int(rng.integers(2, 7))
        row_height, column_width = height / rows, width / columns
        found = []
        for row in range(rows):
            kinds = [self._pick(rng) for _ in range(int(rng.integers(1, 4)))]
            size = min(row_height, column_width) * rng.uniform(0.75, 1.05)
            for column in range(columns):
                if rng.random() < 0.08:
                    continue
                cutout = kinds[column * len(kinds) // columns]
                x = (column + 0.5 + rng.normal(0, 0.03)) * column_width
                y = (row + 0.5 + rng.normal(0, 0.03)) * row_height
                found.append(((x, y, size), cutout))
        return found

    def _pick(self, rng: np.random.Generator) -> Cutout:
        return self._cutouts[int(rng.choice(len(self._cutouts), p=self._shares))]


def _paste(
    canvas: NDArray[np.float32],
    owner: NDArray[np.int16],
    number: int,
    place: tuple[float, float, float],
    cutout: Cutout,
    rng: np.random.Generator,
) -> int:
    """Paste a cutout, turned and relit, with a shadow; return how many pixels it has in all."""
    x, y, size = place
    rgba = Image.fromarray(np.dstack([relit(cutout.pixels, rng, 0.6), cutout.cover]), "RGBA")
    scale = size / max(rgba.size)
    stretch = np.exp(rng.normal(0, 0.06))
    shape = (
        max(6, round(rgba.width * scale * stretch)),
        max(6, round(rgba.height * scale / stretch)),
    )
    rgba = rgba.resize(shape, Image.Resampling.BICUBIC, reducing_gap=2.0)
    if rng.random() < 0.5:
        rgba = rgba.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if rng.random() < 0.6:
        turn = float(rng.normal(0, 12)) if rng.random() < 0.8 else float(rng.uniform(-180, 180))
        rgba = rgba.rotate(turn, Image.Resampling.BILINEAR, expand=True)
    values = np.asarray(rgba).astype(np.float32)
    left, top = round(x - rgba.width / 2), round(y - rgba.height / 2)
    height, width = owner.shape
    y0, y1 = max(top, 0), min(top + rgba.height, height)
    x0, x1 = max(left, 0), min(left + rgba.width, width)
    total = int((values[..., 3] > 96).sum())
    if y1 <= y0 or x1 <= x0:
        return total
    inside = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    cover = values[inside][..., 3:] / 255
    if rng.random() < 0.6:
        _shade(canvas, rgba, (left, top), rng)
    under = canvas[y0:y1, x0:x1]
    under *= 1 - cover
    under += values[inside][..., :3] * cover
    owner[y0:y1, x0:x1][cover[..., 0] > 0.38] = number
    return total


def _shade(
    canvas: NDArray[np.float32],
    rgba: Image.Image,
    corner: tuple[int, int],
    rng: np.random.Generator,
) -> None:
    """Darken the canvas around a cutout, slightly shifted."""
    height, width = canvas.shape[:2]
    reach = max(1.0, 0.04 * max(rgba.size))
    layer = Image.new("L", (width, height), 0)
    shift = rng.normal(0, reach, 2)
    layer.paste(
        rgba.getchannel("A"), (round(corner[0] + shift[0]), round(corner[1] + abs(shift[1])))
    )
    soft = np.asarray(layer.filter(ImageFilter.BoxBlur(reach)), np.float32) / 255
    canvas *= 1 - float(rng.uniform(0.1, 0.5)) * soft[..., None]


def _boxes_of(owner: NDArray[np.int16], sizes: Sequence[int]) -> tuple[Boxes, Boxes]:
    """Return the boxes of the visible parts, of things and of those that are mostly hidden."""
    height, width = owner.shape
    boxes: list[tuple[float, ...]] = []
    hidden: list[tuple[float, ...]] = []
    for n, size in enumerate(sizes):
        mask = owner == n
        seen = int(mask.sum())
        if not seen:
            continue
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        box = (
            columns[0] / width,
            rows[0] / height,
            (columns[-1] + 1) / width,
            (rows[-1] + 1) / height,
        )
        (boxes if seen >= _VISIBLE * size else hidden).append(box)
    return (
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(hidden, np.float32).reshape(-1, 4),
    )


def _grainy(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    if rng.random() < 0.5:
        return pixels
    noise = rng.normal(0, rng.uniform(1, 9), pixels.shape[:2])[..., None]
    return to_pixels(pixels + noise)
