"""MicroAST, written from its paper, to measure its published weights beside our stylers.

Z. Wang et al., "MicroAST: towards super-fast ultra-resolution arbitrary style transfer", AAAI
2023. Two small encoders, of photo and style; features of the photo take the moments of the style's
(AdaIN) at two depths, and the convolutions after that are modulated by the means of a convolution
over the style's features. For measurement only: needs torch and the four ``microast_*.pth``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

Pixels = NDArray[np.uint8]
Weights = dict[str, Tensor]


def conv(x: Tensor, weights: Weights, name: str, stride: int = 1) -> Tensor:
    """Apply a convolution with reflected edges, by the kernel and groups of its weights."""
    kernel = weights[f"{name}.conv_layer.weight"]
    pad = kernel.shape[-1] // 2
    x = functional.pad(x, (pad,) * 4, mode="reflect") if pad else x
    groups = x.shape[1] // kernel.shape[1]
    return functional.conv2d(x, kernel, weights[f"{name}.conv_layer.bias"], stride, groups=groups)


def residual(x: Tensor, weights: Weights, name: str, by: tuple[Tensor, Tensor] | None) -> Tensor:
    """Apply a residual block; ``by`` modulates each convolution: scale * conv(x) + shift * x."""
    inner = x
    for step in ("conv1", "conv2"):
        out = conv(inner, weights, f"{name}.{step}")
        if by is not None:
            out = by[0] * out + by[1] * inner
        inner = functional.relu(out) if step == "conv1" else out
    return x + inner


def encode(x: Tensor, weights: Weights) -> tuple[Tensor, Tensor]:
    """Return features at two depths, both at a quarter of the sides."""
    for number, stride in ((0, 1), (2, 2), (4, 1), (6, 2), (8, 1)):
        x = functional.relu(conv(x, weights, f"enc1.{number}", stride))
    first = residual(x, weights, "enc1.10", None)
    return first, residual(first, weights, "enc2.0", None)


def with_moments(x: Tensor, style: Tensor) -> Tensor:
    """Give features the means and deviations of the style's."""
    means = [y.mean((2, 3), keepdim=True) for y in (x, style)]
    spreads = [(y.var((2, 3), keepdim=True) + 1e-5).sqrt() for y in (x, style)]
    return (x - means[0]) / spreads[0] * spreads[1] + means[1]


def decode(x: Tensor, weights: Weights) -> Tensor:
    """Map features to pixels, through two bilinear enlargements."""
    for number in (1, 3, 6, 8):
        if number in (1, 6):
            x = functional.interpolate(x, scale_factor=2.0, mode="bilinear")
        x = functional.relu(conv(x, weights, f"dec3.{number}"))
    return conv(x, weights, "dec3.10")


def microast(folder: Path) -> Callable[[Pixels, Pixels], Pixels]:
    """Return a function of a photo and a style image, (h, w, 3) each, to the stylized photo."""
    load: Callable[[str], Any] = lambda part: torch.load(  # noqa: E731
        folder / f"microast_{part}.pth", map_location="cpu", weights_only=True
    )
    content, style_encoder = load("content_encoder"), load("style_encoder")
    modulator, decoder = load("modulator"), load("decoder")

    @torch.inference_mode()
    def stylize(photo: Pixels, style: Pixels) -> Pixels:
        height, width = photo.shape[:2]
        edges = ((0, -height % 4), (0, -width % 4), (0, 0))
        planes = [
            torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255
            for pixels in (np.pad(photo, edges, mode="edge"), style)
        ]
        x = encode(planes[0], content)[1]
        wanted = encode(planes[1], style_encoder)
        for depth, block in ((2, "dec1"), (1, "dec2")):
            features = wanted[depth - 1]
            by = tuple(
                conv(features, modulator, f"{kind}{depth}.0").mean((2, 3), keepdim=True)
                for kind in ("weight", "bias")
            )
            x = residual(with_moments(x, features), decoder, block, (by[0], by[1]))
        made = decode(x, decoder).clamp(0, 1)[0].permute(1, 2, 0).numpy()
        return np.asarray(np.rint(made * 255), np.uint8)[:height, :width]

    return stylize
