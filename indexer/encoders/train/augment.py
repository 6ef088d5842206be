"""Augmentation of whole batches: two cores cannot afford it picture by picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Strength:
    """How far pictures are changed.

    `turned` of them are turned by up to `angle` degrees; the share of the area that stays lies
    in `area` (above 1 shows the rim); sides are stretched by up to exp(`stretch`); `covered` of
    them are partly hidden, by up to `cover` of each side; `blurred` of them lose detail.
    """

    turned: float = 0.4
    angle: float = 22.0
    area: tuple[float, float] = (0.64, 1.1)
    stretch: float = 0.15
    covered: float = 0.15
    cover: float = 0.55
    blurred: float = 0.17


GENTLE = Strength()
"""For views, which are crops already."""
STRONG = Strength(0.5, 25.0, (0.22, 1.1), 0.25, 0.4, 0.6, 0.27)
"""For whole photos."""


def augment(
    pixels: Tensor, size: int, generator: torch.Generator, strength: Strength = GENTLE
) -> tuple[Tensor, Tensor]:
    """Turn, crop, mirror, recolor, blur and cover a batch.

    `pixels` is uint8 (n, 3, h, w). The pictures come as float32 (n, 3, size, size), values 0 to
    255, with the (n, 2, 3) matrices that moved them.
    """
    matrix = _motion(len(pixels), generator, strength)
    x = moved(pixels.float(), matrix, size)
    x = _blur(x, generator, strength)
    x = _recolor(x, generator)
    return _cover(x, generator, strength), matrix


def patch(x: Tensor, rows: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Lay a square of the next one into each of some pictures (CutMix, Yun et al. 2019).

    `x` is (n, 3, size, size), changed in place; `rows` (k,) says which. Comes back whose square
    each picture of the batch shows (n,), itself where none, and the share (n,) that is its own.
    """
    size = x.shape[-1]
    donor, own = torch.arange(len(x)), torch.ones(len(x))
    if len(rows) < 2:
        return donor, own
    donor[rows] = rows.roll(1)
    squares = x[donor[rows]].clone()
    for row, square in zip(rows.tolist(), squares, strict=True):
        area, top, left = torch.rand(3, generator=generator).tolist()
        side = int(size * math.sqrt(0.1 + 0.35 * area))
        y, z = int(top * (size - side + 1)), int(left * (size - side + 1))
        x[row, :, y : y + side, z : z + side] = square[:, y : y + side, z : z + side]
        own[row] = 1.0 - (side / size) ** 2
    return donor, own


def moved(x: Tensor, matrix: Tensor, size: int) -> Tensor:
    """Turn, crop and mirror (n, c, h, w) pictures or maps by (n, 2, 3) matrices to size x size."""
    grid = functional.affine_grid(matrix, [len(x), 1, size, size], align_corners=False)
    return functional.grid_sample(x, grid, padding_mode="border", align_corners=False)


def _uniform(n: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.rand(n, generator=generator) * (high - low) + low  # (n,)


def _motion(n: int, generator: torch.Generator, strength: Strength) -> Tensor:
    turned = torch.rand(n, generator=generator) < strength.turned
    most = math.radians(strength.angle)
    angle = _uniform(n, -most, most, generator) * turned
    zoom = _uniform(n, *strength.area, generator).sqrt()  # below 1 looks closer
    stretch = torch.exp(_uniform(n, -strength.stretch, strength.stretch, generator))
    mirror = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0)
    matrix = torch.zeros(n, 2, 3)
    matrix[:, 0, 0] = torch.cos(angle) * zoom * stretch * mirror
    matrix[:, 0, 1] = -torch.sin(angle) * zoom
    matrix[:, 1, 0] = torch.sin(angle) * zoom * mirror
    matrix[:, 1, 1] = torch.cos(angle) * zoom / stretch
    slack = (1.0 - zoom).clamp(min=0.04)
    matrix[:, 0, 2] = _uniform(n, -1, 1, generator) * slack
    matrix[:, 1, 2] = _uniform(n, -1, 1, generator) * slack
    return matrix


def _blur(x: Tensor, generator: torch.Generator, strength: Strength) -> Tensor:
    n, _, size, _ = x.shape
    order = torch.randperm(n, generator=generator)
    some = order[: int(strength.blurred * n)]
    for picked, factor in zip(some.chunk(3), (2.0, 3.0, 4.0), strict=False):
        small = functional.interpolate(x[picked], size=round(size / factor), mode="area")
        x[picked] = functional.interpolate(small, size=size, mode="bilinear", align_corners=False)
    return x


def _recolor(x: Tensor, generator: torch.Generator) -> Tensor:
    n = len(x)
    gamma = torch.exp(
        _uniform(n, -0.6, 0.6, generator) * (torch.rand(n, generator=generator) < 0.6)
    )
    x = (x / 255.0).clamp(1e-4, 1.0).pow(gamma[:, None, None, None])
    light = x.mean(1, keepdim=True)  # (n, 1, size, size)
    saturation = _uniform(n, 0.6, 1.4, generator)
    saturation = torch.where(torch.rand(n, generator=generator) < 0.05, 0.0, saturation)[
        :, None, None, None
    ]
    x = light + (x - light) * saturation
    contrast = _uniform(n, 0.65, 1.35, generator)[:, None, None, None]
    middle = x.mean((1, 2, 3), keepdim=True)
    cast = (
        torch.rand(n, 3, generator=generator)[:, :, None, None] * 0.2 - 0.1
    )  # (n, 3, 1, 1): color of the lamp
    x = middle + (x - middle) * contrast + cast * middle
    return (x * 255.0).clamp(0.0, 255.0)


def _cover(x: Tensor, generator: torch.Generator, strength: Strength) -> Tensor:
    n, _, size, _ = x.shape
    more = strength.cover - 0.2
    covered = torch.rand(n, generator=generator) < strength.covered
    for i in torch.nonzero(covered).flatten().tolist():
        height, width, top, left = torch.rand(4, generator=generator).tolist()
        h, w = int(size * (0.2 + more * height)), int(size * (0.2 + more * width))
        y, z = int(top * (size - h)), int(left * (size - w))
        x[i, :, y : y + h, z : z + w] = torch.rand(3, 1, 1, generator=generator) * 255.0
    return x
