"""The encoder's network: a small residual CNN, 160 px in, a 256-dimensional unit vector out."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

DIM = 256
PREFIX_DIMS = (64, 128)
"""Leading parts of the vector that are trained to work alone, after normalizing them again."""

PIXEL_MEAN = (123.7, 116.3, 103.5)
PIXEL_STD = (58.4, 57.1, 57.4)


@dataclass(frozen=True)
class Shape:
    """How wide and deep the four stages are, and the width before pooling."""

    channels: tuple[int, int, int, int] = (32, 64, 128, 192)
    blocks: tuple[int, int, int, int] = (1, 2, 3, 2)
    last: int = 512

    def as_dict(self) -> dict[str, object]:
        """Give the fields as plain values for a checkpoint."""
        return asdict(self)


class Conv(nn.Module):
    """Convolution with batch normalization, which `fold` melts into the weights."""

    def __init__(
        self, inputs: int, outputs: int, size: int, stride: int = 1, padding: int = 0
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, stride, padding, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, h, w) -> (n, outputs, h / stride, w / stride)."""
        out: Tensor = self.norm(self.conv(x))
        return out

    def fold(self) -> None:
        """Melt the normalization, as it stands for inference, into weight and bias; for good."""
        norm = self.norm
        if not isinstance(norm, nn.BatchNorm2d):
            return
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)  # (outputs,)
        with torch.no_grad():
            self.conv.weight.mul_(scale[:, None, None, None])
            self.conv.bias = nn.Parameter(norm.bias - norm.running_mean * scale)
        self.norm = nn.Identity()


class Block(nn.Module):
    """Two 3x3 convolutions beside a short cut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = Conv(inputs, outputs, 3, stride, 1)
        self.second = Conv(outputs, outputs, 3, 1, 1)
        self.short = (
            Conv(inputs, outputs, stride, stride) if inputs != outputs or stride > 1 else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, h, w) -> (n, outputs, h / stride, w / stride)."""
        short = x if self.short is None else self.short(x)
        return functional.relu(self.second(functional.relu(self.first(x))) + short)


class Palette(nn.Module):
    """How much of 64 learned colors a picture shows, and what color its 16 cells are."""

    width = 64 + 3 * 16

    def __init__(self) -> None:
        super().__init__()
        levels = (torch.arange(4) * 64.0 + 32.0).tolist()
        colors = torch.tensor([(r, g, b) for r in levels for g in levels for b in levels])
        colors = (colors - torch.tensor(PIXEL_MEAN)) / torch.tensor(PIXEL_STD)  # (64, 3)
        # A softmax of these is a softmax of minus the squared distances: the nearest color wins.
        self.colors = nn.Conv2d(3, 64, 1)
        with torch.no_grad():
            self.colors.weight.copy_(8.0 * colors[:, :, None, None])
            self.colors.bias = nn.Parameter(-4.0 * colors.square().sum(1))

    def forward(self, x: Tensor) -> Tensor:
        """(n, 3, h, w) normalized pixels -> (n, 112)."""
        with torch.autocast("cpu", enabled=False):  # bfloat16 cannot tell near colors apart
            share = self.colors(functional.avg_pool2d(x, 4)).softmax(1).mean((2, 3))  # (n, 64)
        cells = functional.adaptive_avg_pool2d(x, 4).flatten(1)  # (n, 48)
        return torch.cat([(share + 1e-4).sqrt(), cells], dim=1)


class Network(nn.Module):
    """Pixels to unit vectors. Sides must be multiples of 32; 96 to 160 px make sense."""

    mean: Tensor
    std: Tensor

    def __init__(self, shape: Shape, drop: float = 0.0) -> None:
        """`drop` of what the head sees is hidden at random in training."""
        super().__init__()
        self.shape = shape
        self.stem = Conv(3, shape.channels[0], 6, 4, 1)
        self.stages = nn.ModuleList()
        inputs = shape.channels[0]
        for stage, (outputs, blocks) in enumerate(zip(shape.channels, shape.blocks, strict=True)):
            first = Block(inputs, outputs, 2 if stage > 0 else 1)
            rest = [Block(outputs, outputs, 1) for _ in range(blocks - 1)]
            self.stages.append(nn.Sequential(first, *rest))
            inputs = outputs
        self.last = Conv(inputs, shape.last, 1)
        self.palette = Palette()
        pooled = shape.last + shape.channels[1] + shape.channels[2] + Palette.width
        self.drop = nn.Dropout(drop)
        self.head = nn.Linear(pooled, DIM)
        self.register_buffer("mean", torch.tensor(PIXEL_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(PIXEL_STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """(n, 3, h, w) values 0 to 255 -> (n, 256) unit rows."""
        return functional.normalize(self.raw(pixels), dim=1)

    def raw(self, pixels: Tensor) -> Tensor:
        """(n, 3, h, w) values 0 to 255 -> (n, 256) rows before normalizing, float32."""
        return self.look(pixels)[0]

    def look(self, pixels: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Give the raw rows and the maps that the four stages end with, (n, c, h, w) each."""
        x = (pixels - self.mean) / self.std
        palette = self.palette(x)
        x = functional.relu(self.stem(x))
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        x = functional.relu(self.last(x)).float()  # (n, last, h / 32, w / 32)
        # Generalized mean, p = 3: between the average and the strongest place.
        pooled = x.clamp(min=1e-6).pow(3).mean((2, 3)).pow(1 / 3)  # (n, last)
        # Textures and colors do not survive to the last stage.
        middle = [one.float().mean((2, 3)) for one in maps[1:3]]  # (n, channels) each
        raw: Tensor = self.head(self.drop(torch.cat([pooled, *middle, palette.float()], dim=1)))
        return raw.float(), maps

    def fold(self) -> Network:
        """Melt every normalization into its convolution; call in eval mode, returns itself."""
        for module in self.modules():
            if isinstance(module, Conv):
                module.fold()
        return self
