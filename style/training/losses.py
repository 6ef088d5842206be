"""The losses. The generator's and the critic's are separate functions, one for each optimizer.

Hinge losses of a GAN, from J. H. Lim and J. C. Ye, "Geometric GAN", arXiv:1705.02894: the critic
lowers ``critic_loss``, the generator lowers ``adversarial_loss``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

Moments = tuple[Tensor, Tensor]
"""Means and deviations of features, both (n, channels)."""


def critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Return the loss of the critic: scores of real patches below 1, of generated ones above -1."""
    return functional.relu(1 - real).mean() + functional.relu(1 + fake).mean()


def adversarial_loss(fake: Tensor) -> Tensor:
    """Return the loss of the generator: minus the critic's scores of its patches."""
    return -fake.mean()


def moments(features: Tensor) -> Moments:
    """Return means and deviations over the positions of (n, channels, h, w)."""
    mean = features.mean((2, 3))
    variance = ((features - mean[:, :, None, None]) ** 2).mean((2, 3))
    return mean, (variance + 1e-5).sqrt()


def style_loss(made: Sequence[Tensor], wanted: Sequence[Moments]) -> Tensor:
    """Compare the moments of features, layer by layer, in shares of the style's own deviations."""
    total = made[0].new_zeros(())
    for features, (mean, deviation) in zip(made, wanted, strict=True):
        made_mean, made_deviation = moments(features)
        unit = deviation.square().mean(1, keepdim=True).sqrt() + 1e-3  # (n, 1)
        total = total + (((made_mean - mean) / unit) ** 2).mean()
        total = total + (((made_deviation - deviation) / unit) ** 2).mean()
    return total / len(made)


def content_loss(made: Tensor, photo: Tensor) -> Tensor:
    """Compare features (n, channels, h, w) after instance normalization: forms, not colors."""
    normal = [functional.instance_norm(x, eps=1e-3) for x in (made, photo)]
    return functional.mse_loss(*normal)


def product_loss(made: Tensor, photo: Tensor) -> Tensor:
    """Return one minus the cosine of the mean features (n, channels, h, w) of two products."""
    return (1 - functional.cosine_similarity(made.mean((2, 3)), photo.mean((2, 3)))).mean()


def smooth_loss(change: Tensor) -> Tensor:
    """Return the total variation of a change (n, 3, h, w): the mean step between neighbors."""
    down = (change[:, :, 1:] - change[:, :, :-1]).abs().mean()
    across = (change[:, :, :, 1:] - change[:, :, :, :-1]).abs().mean()
    return down + across


def total(losses: dict[str, Tensor], weights: dict[str, float]) -> Tensor:
    """Add losses by their weights. Raises KeyError if one has no weight."""
    return torch.stack([weights[name] * loss for name, loss in losses.items()]).sum()
