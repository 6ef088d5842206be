"""The detector: EfficientNet-Lite0 up to stride 32, a feature pyramid, and a head per level.

A position of a level predicts the distances to the four sides of a box, and one score: how well
that box fits a thing. A score of localization, rather than of classes, also finds kinds of things
that the training did not show (Kim et al. 2022, "Learning Open-World Object Proposals").
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from indexer.training.detector.pictures import SIDE
from indexer.training.network import Conv, Network

STRIDES = (8, 16, 32)
TAPS = (5, 11, 15)
"""How many blocks of the trunk come before each level: 40, 112 and 192 channels."""
_TAP_CHANNELS = (40, 112, 192)
_WIDTH = 64
_TOWER = 2  # layers of a head
_PRIOR = -4.0  # initial score, before the sigmoid: nearly all positions are background


class Normed(nn.Module):
    """A convolution, batch normalization and ReLU6."""

    def __init__(
        self, inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self.layer = Conv(inputs, outputs, size, stride, groups)
        self.norm = nn.BatchNorm2d(outputs, momentum=0.03)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, inputs, h, w) to (n, outputs, h / stride, w / stride)."""
        return functional.relu6(self.norm(self.layer(x)))

    def folded(self) -> Conv:
        """Return one convolution that does the same, without ReLU6, in eval mode."""
        conv = self.layer.conv
        assert conv.bias is not None
        out = Conv(conv.in_channels, conv.out_channels, *_sizes(conv), conv.groups)
        scale = self.norm.weight / torch.sqrt(self.norm.running_var + self.norm.eps)
        with torch.no_grad():
            out.conv.weight.copy_(conv.weight * scale[:, None, None, None])
            assert out.conv.bias is not None
            out.conv.bias.copy_(self.norm.bias + (conv.bias - self.norm.running_mean) * scale)
        return out


def _sizes(conv: nn.Conv2d) -> tuple[int, int]:
    return int(conv.kernel_size[0]), int(conv.stride[0])


class Separable(nn.Module):
    """A depthwise convolution of 5 x 5 and a pointwise one."""

    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.depth = Normed(_WIDTH, _WIDTH, 5, stride, groups=_WIDTH)
        self.point = Normed(_WIDTH, _WIDTH, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, 64, h, w) to (n, 64, h / stride, w / stride)."""
        out: Tensor = self.point(self.depth(x))
        return out


class Pyramid(nn.Module):
    """Mixes the levels, downwards and then upwards (Liu et al. 2018)."""

    def __init__(self) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(Normed(channels, _WIDTH, 1) for channels in _TAP_CHANNELS)
        self.finer = nn.ModuleList(Separable() for _ in range(2))  # of strides 8 and 16
        self.down = nn.ModuleList(Separable(stride=2) for _ in range(2))
        self.coarser = nn.ModuleList(Separable() for _ in range(2))  # of strides 16 and 32

    def forward(self, taps: tuple[Tensor, Tensor, Tensor]) -> list[Tensor]:
        """Map the maps of the trunk to maps of 64 channels, finest first."""
        fine, middle, coarse = (layer(x) for layer, x in zip(self.lateral, taps, strict=True))
        middle = self.finer[1](middle + _doubled(coarse))
        fine = self.finer[0](fine + _doubled(middle))
        middle = self.coarser[0](middle + self.down[0](fine))
        coarse = self.coarser[1](coarse + self.down[1](middle))
        return [fine, middle, coarse]


def _doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


class Head(nn.Module):
    """The layers of one level, and its five outputs: the score and four distances."""

    def __init__(self) -> None:
        super().__init__()
        self.tower = nn.ModuleList(Separable() for _ in range(_TOWER))
        self.out = Conv(_WIDTH, 5, 1)
        with torch.no_grad():
            assert self.out.conv.bias is not None
            self.out.conv.weight.normal_(0, 0.01)
            self.out.conv.bias.copy_(torch.tensor([_PRIOR, 0.7, 0.7, 0.7, 0.7]))

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, 64, h, w) to (n, 5, h, w)."""
        for layer in self.tower:
            x = layer(x)
        out: Tensor = self.out(x)
        return out


class Detector(nn.Module):
    """Maps the trunk's maps to boxes and scores. The trunk is frozen, or tuned at the end."""

    def __init__(self, trunk: Network) -> None:
        super().__init__()
        self.trunk = trunk
        self.pyramid = Pyramid()
        self.heads = nn.ModuleList(Head() for _ in STRIDES)
        self.register_buffer("centers", centers(), persistent=False)  # (p, 2)
        self.register_buffer("strides", strides(), persistent=False)  # (p,)

    def taps(self, front: Tensor, blocks: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return the maps of the three levels; ``blocks`` were applied to ``front`` already."""
        found = []
        for number, block in enumerate(self.trunk.blocks[: TAPS[-1]]):
            if number >= blocks:
                front = block(front)
            if number + 1 in TAPS:
                found.append(front)
        fine, middle, coarse = found
        return fine, middle, coarse

    def forward(self, taps: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Return scores before the sigmoid (n, p), and boxes (n, p, 4) in pixels."""
        levels = self.pyramid(taps)
        rows = [head(x).flatten(2) for head, x in zip(self.heads, levels, strict=True)]
        out = torch.cat(rows, dim=2)  # (n, 5, p)
        reach = torch.exp(out[:, 1:].clamp(-5, 5)) * self.strides  # (n, 4, p)
        x, y = self.centers[:, 0], self.centers[:, 1]
        left, top, right, bottom = reach.unbind(1)
        boxes = torch.stack([x - left, y - top, x + right, y + bottom], dim=2)
        return out[:, 0], boxes

    def own_parameters(self) -> list[nn.Parameter]:
        """Return the weights outside the trunk."""
        return [*self.pyramid.parameters(), *self.heads.parameters()]


def centers() -> Tensor:
    """Return the centers (p, 2) of all positions in pixels, x then y, finest level first."""
    rows = []
    for stride in STRIDES:
        line = (torch.arange(SIDE // stride) + 0.5) * stride
        y, x = torch.meshgrid(line, line, indexing="ij")
        rows.append(torch.stack([x.flatten(), y.flatten()], dim=1))
    return torch.cat(rows)


def strides() -> Tensor:
    """Return the stride (p,) of each position."""
    return torch.cat([torch.full(((SIDE // s) ** 2,), float(s)) for s in STRIDES])
