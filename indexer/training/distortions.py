"""Data augmentation on whole batches, which is fast enough for two CPU cores."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Strength:
    """The strength of the distortions: shares of the pictures, and limits.

    ``rotated`` are rotated by up to ``max_angle`` degrees, ``quarter_turned`` by 90, 180 or 270
    degrees, ``covered`` are hidden by a rectangle of up to ``max_cover`` of each side, ``blurred``
    lose detail, ``drawings`` become drawings. Sides are stretched by up to exp(``max_stretch``).
    """

    rotated: float = 0.4
    max_angle: float = 22.0
    quarter_turned: float = 0.1
    max_stretch: float = 0.2
    covered: float = 0.25
    max_cover: float = 0.55
    blurred: float = 0.2
    drawings: float = 0.22


def crop(
    squares: Tensor, boxes: Tensor, size: int, generator: torch.Generator, strength: Strength
) -> Tensor:
    """Cut boxes from squares, rotated, mirrored and stretched at random.

    ``squares`` is uint8 (n, 3, h, w), ``boxes`` (n, 4) are shares [x0, y0, x1, y1] of the sides.
    Returns float32 (n, 3, size, size), values 0 to 255.
    """
    n = len(squares)
    rotated = torch.rand(n, generator=generator) < strength.rotated
    max_angle = math.radians(strength.max_angle)
    angle = _uniform(n, -max_angle, max_angle, generator) * rotated
    quarter = torch.rand(n, generator=generator) < strength.quarter_turned
    angle = angle + quarter * torch.randint(1, 4, (n,), generator=generator) * (math.pi / 2)
    stretch = torch.exp(_uniform(n, -strength.max_stretch, strength.max_stretch, generator))
    mirror = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0)
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]  # (n,)
    matrix = torch.zeros(n, 2, 3)
    matrix[:, 0, 0] = torch.cos(angle) * width * stretch * mirror
    matrix[:, 0, 1] = -torch.sin(angle) * width
    matrix[:, 1, 0] = torch.sin(angle) * height * mirror
    matrix[:, 1, 1] = torch.cos(angle) * height / stretch
    matrix[:, 0, 2] = boxes[:, 0] + boxes[:, 2] - 1.0
    matrix[:, 1, 2] = boxes[:, 1] + boxes[:, 3] - 1.0
    grid = functional.affine_grid(matrix, [n, 1, size, size], align_corners=False)
    return functional.grid_sample(squares.float(), grid, padding_mode="border", align_corners=False)


def augment(
    x: Tensor, styles: Tensor, generator: torch.Generator, strength: Strength
) -> tuple[Tensor, Tensor]:
    """Stylize, blur, recolor and cover a batch (n, 3, s, s) of values 0 to 255, in place.

    ``styles`` (k, 3, s, s) are paintings and textures for ``paint``; k may be 0. Returns the
    pictures, and a mask (n,) of those that became drawings.
    """
    drawn = _draw(x, styles, generator, strength)
    _blur(x, generator, strength)
    x = _recolor(x, generator)
    return _cover(x, generator, strength), drawn


def cutmix(x: Tensor, rows: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Paste a square of the next picture into each of the pictures at ``rows`` (k,).

    CutMix, Yun et al. 2019. ``x`` is (n, 3, size, size) and changed in place. Returns the row (n,)
    that each picture's square is from, its own row if it has none, and the share (n,) of the area
    that is still its own.
    """
    size = x.shape[-1]
    patch_source, own_share = torch.arange(len(x)), torch.ones(len(x))
    if len(rows) < 2:
        return patch_source, own_share
    patch_source[rows] = rows.roll(1)
    squares = x[patch_source[rows]].clone()
    for row, square in zip(rows.tolist(), squares, strict=True):
        area, top, left = torch.rand(3, generator=generator).tolist()
        side = int(size * math.sqrt(0.1 + 0.35 * area))
        y0, x0 = int(top * (size - side + 1)), int(left * (size - side + 1))
        x[row, :, y0 : y0 + side, x0 : x0 + side] = square[:, y0 : y0 + side, x0 : x0 + side]
        own_share[row] = 1.0 - (side / size) ** 2
    return patch_source, own_share


def _uniform(n: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.rand(n, generator=generator) * (high - low) + low  # (n,)


def _draw(x: Tensor, styles: Tensor, generator: torch.Generator, strength: Strength) -> Tensor:
    """Turn some pictures into pencil drawings, cartoons or paintings; return their mask (n,)."""
    order = torch.randperm(len(x), generator=generator)[: round(strength.drawings * len(x))]
    for kind, rows in enumerate(order.chunk(3)):
        if kind == 0:
            x[rows] = pencil(x[rows], generator)
        elif kind == 1:
            x[rows] = cartoon(x[rows], generator)
        elif len(styles):
            picked = torch.randint(len(styles), (len(rows),), generator=generator)
            x[rows] = paint(x[rows], styles[picked], generator)
    drawn = torch.zeros(len(x), dtype=torch.bool)
    drawn[order] = True
    return drawn


def pencil(x: Tensor, generator: torch.Generator) -> Tensor:
    """Draw pencil lines on white where brightness changes: (n, 3, s, s) -> (n, 3, s, s)."""
    n = len(x)
    gray = functional.avg_pool2d(x.mean(1, keepdim=True), 3, 1, 1)
    dx = functional.pad(gray[..., 1:] - gray[..., :-1], (0, 1))
    dy = functional.pad(gray[..., 1:, :] - gray[..., :-1, :], (0, 0, 0, 1))
    edge = (dx.square() + dy.square()).sqrt()
    strength = _uniform(n, 1.2, 3.0, generator)[:, None, None, None]
    threshold = edge.mean((2, 3), keepdim=True) * strength
    ink = ((edge - threshold) / (0.5 * threshold + 1.0)).clamp(0.0, 1.0)
    ink = torch.where(
        torch.rand(n, 1, 1, 1, generator=generator) < 0.5,
        functional.max_pool2d(ink, 3, 1, 1),
        ink,
    )
    shade = _uniform(n, 0.0, 0.5, generator)[:, None, None, None] * (255.0 - gray)
    return (255.0 - shade - 235.0 * ink).clamp(0.0, 255.0).expand(-1, 3, -1, -1)


def cartoon(x: Tensor, generator: torch.Generator) -> Tensor:
    """Draw flat, saturated colors with dark contours: (n, 3, s, s) -> (n, 3, s, s)."""
    n, _, size, _ = x.shape
    small = functional.interpolate(x, scale_factor=0.5, mode="area")
    small = functional.avg_pool2d(small, 3, 1, 1)
    steps = torch.randint(3, 7, (n, 1, 1, 1), generator=generator).float()
    flat = ((small / 255.0) * steps).round() / steps * 255.0
    light = flat.mean(1, keepdim=True)
    flat = light + (flat - light) * 1.4
    flat = functional.interpolate(flat, size=(size, size), mode="bilinear", align_corners=False)
    gray = functional.avg_pool2d(x.mean(1, keepdim=True), 3, 1, 1)
    spread = functional.max_pool2d(gray, 3, 1, 1) + functional.max_pool2d(-gray, 3, 1, 1)
    return (flat * (1.5 - spread / 40.0).clamp(0.0, 1.0)).clamp(0.0, 255.0)


def paint(x: Tensor, styles: Tensor, generator: torch.Generator) -> Tensor:
    """Add brush strokes and the colors of ``styles`` (n, 3, s, s): (n, 3, s, s) -> (n, 3, s, s).

    Pixels move along a smooth random field, which smears edges as a brush does. The mean and
    standard deviation of each channel move towards those of ``styles``, whose fine detail is added.
    """
    n, _, size, _ = x.shape
    field = torch.randn(n, 2, size // 4, size // 4, generator=generator)
    field = functional.interpolate(field, size=(size, size), mode="bilinear", align_corners=False)
    eye = torch.eye(2, 3).expand(n, 2, 3)
    grid = functional.affine_grid(eye, [n, 1, size, size], align_corners=False)
    reach = _uniform(n, 0.01, 0.04, generator)[:, None, None, None]
    smeared = functional.grid_sample(
        x, grid + reach * field.permute(0, 2, 3, 1), padding_mode="border", align_corners=False
    )
    smeared = functional.avg_pool2d(smeared, 3, 1, 1)
    share = _uniform(n, 0.1, 0.7, generator)[:, None, None, None]
    mean, deviation = smeared.mean((2, 3), keepdim=True), smeared.std((2, 3), keepdim=True) + 1.0
    style_mean, style_deviation = (
        styles.mean((2, 3), keepdim=True),
        styles.std((2, 3), keepdim=True),
    )
    recolored = (smeared - mean) / deviation * style_deviation + style_mean
    detail = styles - functional.avg_pool2d(styles, 9, 1, 4)
    return (smeared + share * (recolored - smeared) + share * detail).clamp(0.0, 255.0)


def _blur(x: Tensor, generator: torch.Generator, strength: Strength) -> None:
    n, _, size, _ = x.shape
    order = torch.randperm(n, generator=generator)
    blurred = order[: int(strength.blurred * n)]
    for rows, factor in zip(blurred.chunk(3), (1.7, 2.5, 4.0), strict=False):
        small = functional.interpolate(x[rows], size=round(size / factor), mode="area")
        x[rows] = functional.interpolate(small, size=size, mode="bilinear", align_corners=False)


def _recolor(x: Tensor, generator: torch.Generator) -> Tensor:
    n = len(x)
    gamma = torch.exp(
        _uniform(n, -0.6, 0.6, generator) * (torch.rand(n, generator=generator) < 0.6)
    )
    x = (x / 255.0).clamp(1e-4, 1.0).pow(gamma[:, None, None, None])
    light = x.mean(1, keepdim=True)  # (n, 1, size, size)
    saturation = _uniform(n, 0.6, 1.4, generator)
    saturation = torch.where(torch.rand(n, generator=generator) < 0.06, 0.0, saturation)[
        :, None, None, None
    ]
    x = light + (x - light) * saturation
    contrast = _uniform(n, 0.65, 1.35, generator)[:, None, None, None]
    middle = x.mean((1, 2, 3), keepdim=True)
    cast = (
        torch.rand(n, 3, generator=generator)[:, :, None, None] * 0.2 - 0.1
    )  # (n, 3, 1, 1): color of the light
    x = middle + (x - middle) * contrast + cast * middle
    return (x * 255.0).clamp(0.0, 255.0)


def _cover(x: Tensor, generator: torch.Generator, strength: Strength) -> Tensor:
    n, _, size, _ = x.shape
    spread = strength.max_cover - 0.2
    covered = torch.rand(n, generator=generator) < strength.covered
    for row in torch.nonzero(covered).flatten().tolist():
        height, width, top, left = torch.rand(4, generator=generator).tolist()
        h, w = int(size * (0.2 + spread * height)), int(size * (0.2 + spread * width))
        y0, x0 = int(top * (size - h)), int(left * (size - w))
        x[row, :, y0 : y0 + h, x0 : x0 + w] = torch.rand(3, 1, 1, generator=generator) * 255.0
    return x
