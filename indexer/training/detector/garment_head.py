"""The network that tells the garments of a close-up apart, on the maps of the frozen trunk."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from indexer.training.detector.close_ups import HEIGHT, WIDTH
from indexer.training.detector.network import Normed
from indexer.training.network import Conv

STRIDES = (4, 8, 16, 32)
TAPS = (3, 5, 11, 15)
"""How many blocks of the trunk come before each map."""
TAP_CHANNELS = (24, 40, 112, 192)
STEP = 4
"""Pixels of a close-up on each side of one score."""
_FINE, _MIDDLE, _COARSE = 64, 96, 128  # channels at strides 8, 16 and 32
_SMALLEST_SCALE = 1e-3


class Mixed(nn.Module):
    """A depthwise convolution of 5 x 5, and a pointwise one to another number of channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.depth = Normed(inputs, inputs, 5, groups=inputs)
        self.point = Normed(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, inputs, h, w) to (n, outputs, h, w)."""
        out: Tensor = self.point(self.depth(x))
        return out


class GarmentHead(nn.Module):
    """Maps the four maps of a close-up to a score of each part, at a quarter of its sides.

    The coarse map knows where on the person it is, and what the whole close-up shows. The finest
    map is read at stride 8, 2 x 2 positions at once, and so are the scores written.
    """

    def __init__(self, parts: int) -> None:
        super().__init__()
        self.parts = parts
        widths = (4 * TAP_CHANNELS[0] + TAP_CHANNELS[1], *TAP_CHANNELS[2:])
        self.lateral = nn.ModuleList(
            Normed(inputs, outputs, 1)
            for inputs, outputs in zip(widths, (_FINE, _MIDDLE, _COARSE), strict=True)
        )
        self.place = nn.Parameter(0.02 * torch.randn(1, _COARSE, HEIGHT // 32, WIDTH // 32))
        self.whole = Conv(TAP_CHANNELS[3], _COARSE, 1)
        self.coarse = nn.ModuleList([Mixed(_COARSE, _COARSE), Mixed(_COARSE, _MIDDLE)])
        self.middle = nn.ModuleList([Mixed(_MIDDLE, _MIDDLE), Mixed(_MIDDLE, _FINE)])
        self.fine = nn.ModuleList([Mixed(_FINE, _FINE), Mixed(_FINE, _FINE)])
        self.out = Conv(_FINE, 4 * parts, 1)
        with torch.no_grad():
            assert self.whole.conv.bias is not None
            self.whole.conv.weight.zero_()
            self.whole.conv.bias.zero_()
        for n, channels in enumerate(TAP_CHANNELS):
            self.register_buffer(f"mean_{n}", torch.zeros(1, channels, 1, 1))
            self.register_buffer(f"scale_{n}", torch.ones(1, channels, 1, 1))

    def normalize_by(self, maps: Sequence[NDArray[np.float16]]) -> None:
        """Set the mean and the deviation of each channel to those of some maps (n, c, h, w)."""
        for n, found in enumerate(maps):
            values = torch.from_numpy(np.asarray(found, np.float32))
            getattr(self, f"mean_{n}").copy_(values.mean((0, 2, 3), keepdim=True))
            deviation = values.std((0, 2, 3), keepdim=True)
            getattr(self, f"scale_{n}").copy_(1 / (deviation + _SMALLEST_SCALE))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Map maps (n, c, h, w), finest first, to scores (n, parts, HEIGHT / 4, WIDTH / 4)."""
        quarter, eighth, sixteenth, last = (
            (x - getattr(self, f"mean_{n}")) * getattr(self, f"scale_{n}")
            for n, x in enumerate(maps)
        )
        x = self.lateral[2](last) + self.place + self.whole(last.mean((2, 3), keepdim=True))
        x = self.lateral[1](sixteenth) + _doubled(_applied(self.coarse, x))
        both = torch.cat([eighth, functional.pixel_unshuffle(quarter, 2)], 1)
        x = self.lateral[0](both) + _doubled(_applied(self.middle, x))
        return functional.pixel_shuffle(self.out(_applied(self.fine, x)), 2)


def _applied(layers: nn.ModuleList, x: Tensor) -> Tensor:
    for layer in layers:
        x = layer(x)
    return x


def _doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


def garment_loss(scores: Tensor, parts: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted cross-entropy of scores (n, p, h, w), plus the dice loss of each part.

    ``parts`` (n, h, w) are the numbers of the true parts and ``weights`` (p,) theirs. The dice loss
    (Milletari et al. 2016) is that of all pixels of the batch, over the parts that it shows: so
    small garments count as much as large ones.
    """
    logs = functional.log_softmax(scores, 1)
    entropy = functional.nll_loss(logs, parts, weights)
    shown = functional.one_hot(parts, scores.shape[1]).movedim(3, 1).float()
    found = logs.exp()
    both = (found * shown).sum((0, 2, 3))
    true = shown.sum((0, 2, 3))
    dice = 1 - (2 * both + 1) / (found.sum((0, 2, 3)) + true + 1)
    return entropy + dice[true > 0].mean()


def part_weights(parts: NDArray[np.uint8], count: int) -> Tensor:
    """Return the weight of each part in the cross-entropy, (count,): rare ones weigh more."""
    share = np.bincount(parts.ravel(), minlength=count) / parts.size
    weights = np.clip((0.02 / np.maximum(share, 1e-6)) ** 0.3, 0.4, 3.0)
    return torch.tensor(weights, dtype=torch.float32)
