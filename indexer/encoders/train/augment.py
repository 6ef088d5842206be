"""Augmentation of whole batches: two cores cannot afford it picture by picture."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional


def augment(pixels: Tensor, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Turn, crop, mirror, recolor, blur and cover a batch.

    `pixels` is uint8 (n, 3, h, w). The pictures come as float32 (n, 3, size, size), values 0 to
    255, with the (n, 2, 3) matrices that moved them.
    """
    matrix = _motion(len(pixels), generator)
    x = moved(pixels.float(), matrix, size)
    x = _blur(x, generator)
    x = _recolor(x, generator)
    return _cover(x, generator), matrix


def moved(x: Tensor, matrix: Tensor, size: int) -> Tensor:
    """Turn, crop and mirror (n, c, h, w) pictures or maps by (n, 2, 3) matrices to size x size."""
    grid = functional.affine_grid(matrix, [len(x), 1, size, size], align_corners=False)
    return functional.grid_sample(x, grid, padding_mode="border", align_corners=False)


def _uniform(n: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.rand(n, generator=generator) * (high - low) + low  # (n,)


def _motion(n: int, generator: torch.Generator) -> Tensor:
    turned = torch.rand(n, generator=generator) < 0.4
    angle = _uniform(n, -math.radians(22), math.radians(22), generator) * turned
    zoom = _uniform(n, 0.8, 1.05, generator)  # below 1 looks closer
    stretch = torch.exp(_uniform(n, -0.15, 0.15, generator))
    mirror = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0)
    matrix = torch.zeros(n, 2, 3)
    matrix[:, 0, 0] = torch.cos(angle) * zoom * stretch * mirror
    matrix[:, 0, 1] = -torch.sin(angle) * zoom
    matrix[:, 1, 0] = torch.sin(angle) * zoom * mirror
    matrix[:, 1, 1] = torch.cos(angle) * zoom / stretch
    slack = (1.0 - zoom).clamp(min=0.05)
    matrix[:, 0, 2] = _uniform(n, -1, 1, generator) * slack
    matrix[:, 1, 2] = _uniform(n, -1, 1, generator) * slack
    return matrix


def _blur(x: Tensor, generator: torch.Generator) -> Tensor:
    n, _, size, _ = x.shape
    order = torch.randperm(n, generator=generator)
    for picked, factor in zip(order[: n // 6].chunk(3), (2.0, 3.0, 4.0), strict=False):
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


def _cover(x: Tensor, generator: torch.Generator) -> Tensor:
    n, _, size, _ = x.shape
    for i in torch.nonzero(torch.rand(n, generator=generator) < 0.15).flatten().tolist():
        height, width, top, left = torch.rand(4, generator=generator).tolist()
        h, w = int(size * (0.2 + 0.35 * height)), int(size * (0.2 + 0.35 * width))
        y, z = int(top * (size - h)), int(left * (size - w))
        x[i, :, y : y + h, z : z + w] = torch.rand(3, 1, 1, generator=generator) * 255.0
    return x
