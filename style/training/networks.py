"""The networks of the learned painter: style encoder, generator, and the critic of patches.

The generator sees a photo that already has the colors of the style, and answers with a bounded
change. Instance normalization whose scale and shift come from the style's code follows X. Huang and
S. Belongie, "Arbitrary style transfer in real-time with adaptive instance normalization", ICCV
2017. Upsampling by nearest neighbors avoids checkerboards: A. Odena et al., Distill, 2016.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

CODE = 64
"""Numbers in the code of a style."""
BOUND = 0.4
"""The largest change of a channel, of a range of 1."""
EPSILON = 1e-4
WIDTHS = (16, 32, 64)
BLOCKS = 3


class StyleEncoder(nn.Module):
    """A style image (n, 3, h, w) in [0, 1] to its code (n, CODE).

    Means and deviations of features at three scales: where things are in the image does not count.
    """

    def __init__(self) -> None:
        super().__init__()
        first, second, third = WIDTHS
        self.conv1 = nn.Conv2d(3, first, 3, padding=1)
        self.conv2 = nn.Conv2d(first, second, 3, stride=2, padding=1)
        self.conv3 = nn.Conv2d(second, third, 3, stride=2, padding=1)
        self.conv4 = nn.Conv2d(third, third, 3, stride=2, padding=1)
        self.hidden = nn.Linear(2 * (second + third + third), 128)
        self.code = nn.Linear(128, CODE)

    def forward(self, style: Tensor) -> Tensor:
        """Return the code."""
        x = functional.relu(self.conv1(style - 0.5))
        moments: list[Tensor] = []
        for conv in (self.conv2, self.conv3, self.conv4):
            x = functional.relu(conv(x))
            mean = x.mean((2, 3), keepdim=True)
            moments += [mean.flatten(1), ((x - mean) ** 2).mean((2, 3)).add(EPSILON).sqrt()]
        hidden = functional.relu(self.hidden(torch.cat(moments, 1)))
        return cast("Tensor", self.code(hidden))


class Modulated(nn.Module):
    """A convolution, instance normalization, and a scale and shift that depend on the code."""

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1, size: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, stride=stride, padding=size // 2, bias=False)
        self.style = nn.Linear(CODE, 2 * outputs)
        nn.init.normal_(self.style.weight, std=0.05)
        nn.init.zeros_(self.style.bias)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """Map (n, inputs, h, w) by the code (n, CODE) to (n, outputs, h / stride, w / stride)."""
        x = functional.instance_norm(self.conv(x), eps=EPSILON)
        scale, shift = self.style(code)[:, :, None, None].chunk(2, 1)
        return x * (1 + scale) + shift


class Generator(nn.Module):
    """A photo in the style's colors (n, 3, h, w) in [0, 1] and a code to a change (n, 3, h, w).

    h and w must be multiples of 4. The change is at most BOUND.
    """

    def __init__(self) -> None:
        super().__init__()
        first, second, third = WIDTHS
        self.stem = nn.Conv2d(3, first, 3, padding=1)
        self.down1 = Modulated(first, second, stride=2)
        self.down2 = Modulated(second, third, stride=2)
        self.inner = nn.ModuleList(Modulated(third, third) for _ in range(2 * BLOCKS))
        self.up1 = Modulated(third, second)
        self.narrow = nn.Conv2d(second, first, 1)
        self.up2 = Modulated(first, first)
        self.last = nn.Conv2d(2 * first, 3, 3, padding=1)
        nn.init.normal_(self.last.weight, std=0.01)
        nn.init.zeros_(self.last.bias)

    def forward(self, photo: Tensor, code: Tensor) -> Tensor:
        """Return the change."""
        stem = functional.relu(self.stem(photo - 0.5))
        half = functional.relu(self.down1(stem, code))
        x = functional.relu(self.down2(half, code))
        for number in range(0, 2 * BLOCKS, 2):
            inside = functional.relu(self.inner[number](x, code))
            x = x + self.inner[number + 1](inside, code)
        x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
        x = functional.relu(self.up1(x, code)) + half
        x = functional.interpolate(self.narrow(x), scale_factor=2.0, mode="nearest")
        x = functional.relu(self.up2(x, code))
        x = self.last(torch.cat([x, stem], 1))
        return cast("Tensor", torch.tanh(x) * BOUND)


class PatchCritic(nn.Module):
    """Scores each patch of (n, 3, h, w): high for a real style image, low for a generated picture.

    Spectral norm bounds its slope (T. Miyato et al., "Spectral normalization for generative
    adversarial networks", ICLR 2018). What is real depends on the style, so an embedding of the
    style's number is projected onto the features (T. Miyato, M. Koyama, "cGANs with projection
    discriminator", ICLR 2018).
    """

    def __init__(self, styles: int) -> None:
        super().__init__()
        self.conv1 = spectral_norm(nn.Conv2d(3, 32, 4, stride=2, padding=1))
        self.conv2 = spectral_norm(nn.Conv2d(32, 64, 4, stride=2, padding=1))
        self.conv3 = spectral_norm(nn.Conv2d(64, 128, 3, stride=2, padding=1))
        self.score = spectral_norm(nn.Conv2d(128, 1, 1))
        self.styles = spectral_norm(nn.Embedding(styles, 128))

    def forward(self, pictures: Tensor, style: Tensor) -> Tensor:
        """Return scores (n, 1, h / 8, w / 8); ``style`` (n,) are the numbers of the styles."""
        x = pictures * 2 - 1
        for conv in (self.conv1, self.conv2, self.conv3):
            x = functional.leaky_relu(conv(x), 0.2)
        wanted = self.styles(style)[:, :, None, None]  # (n, 128, 1, 1)
        return cast("Tensor", self.score(x) + (x * wanted).sum(1, keepdim=True))


def parameters_in(*networks: nn.Module) -> int:
    """Count the parameters."""
    return sum(p.numel() for network in networks for p in network.parameters())
