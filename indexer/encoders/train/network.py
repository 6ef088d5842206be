"""The encoder's network: a small residual CNN, 128 px in, a 256-dimensional unit vector out."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

DIM = 256
PREFIX_DIMS = (64, 128)
"""Leading parts of the vector that are trained to work alone, after normalising them again."""

PIXEL_MEAN = (123.7, 116.3, 103.5)
PIXEL_STD = (58.4, 57.1, 57.4)


@dataclass(frozen=True)
class Shape:
    """How wide and deep the four stages are, and the width before pooling."""

    channels: tuple[int, int, int, int] = (32, 64, 160, 256)
    blocks: tuple[int, int, int, int] = (1, 2, 3, 2)
    last: int = 512

    def as_dict(self) -> dict[str, object]:
        """Give the fields as plain values for a checkpoint."""
        return asdict(self)


class Conv(nn.Module):
    """Convolution with batch normalisation, which `fold` melts into the weights."""

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
        """Melt the normalisation, as it stands for inference, into weight and bias; for good."""
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


class Network(nn.Module):
    """Pixels to unit vectors. Sides must be multiples of 32; 96 to 160 px make sense."""

    mean: Tensor
    std: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.stem = Conv(3, shape.channels[0], 6, 4, 1)
        layers: list[nn.Module] = []
        inputs = shape.channels[0]
        for stage, (outputs, blocks) in enumerate(zip(shape.channels, shape.blocks, strict=True)):
            for block in range(blocks):
                layers.append(Block(inputs, outputs, 2 if stage > 0 and block == 0 else 1))
                inputs = outputs
        self.blocks = nn.Sequential(*layers)
        self.last = Conv(inputs, shape.last, 1)
        self.head = nn.Linear(shape.last, DIM)
        self.register_buffer("mean", torch.tensor(PIXEL_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(PIXEL_STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """(n, 3, h, w) values 0 to 255 -> (n, 256) unit rows."""
        return functional.normalize(self.raw(pixels), dim=1)

    def raw(self, pixels: Tensor) -> Tensor:
        """(n, 3, h, w) values 0 to 255 -> (n, 256) rows before normalising, float32."""
        x = (pixels - self.mean) / self.std
        x = functional.relu(self.stem(x))
        x = functional.relu(self.last(self.blocks(x))).float()  # (n, last, h / 32, w / 32)
        # Generalised mean, p = 3: between the average and the strongest place.
        pooled = x.clamp(min=1e-6).pow(3).mean((2, 3)).pow(1 / 3)  # (n, last)
        raw: Tensor = self.head(pooled)
        return raw.float()

    def fold(self) -> Network:
        """Melt every normalisation into its convolution; call in eval mode, returns itself."""
        for module in self.modules():
            if isinstance(module, Conv):
                module.fold()
        return self
