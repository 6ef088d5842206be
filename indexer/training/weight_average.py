"""Weight averaging: interpolation of two networks, and an exponential moving average (EMA)."""

from __future__ import annotations

import copy

import torch
from torch import nn

from indexer.training.network import Network


@torch.no_grad()
def interpolate(old: Network, new: Network, share: float) -> Network:
    """Return a network with weights old + ``share`` (new - old) (WiSE-FT, Wortsman et al. 2022).

    A share below 1 usually keeps more of what the old network learned than it loses of the new,
    since fine-tuning rarely leaves the loss basin that it started in.
    """
    mixed = copy.deepcopy(old)
    for weight, new_weight in zip(mixed.parameters(), new.parameters(), strict=True):
        weight.lerp_(new_weight, share)
    return mixed


@torch.no_grad()
def ema_update(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Update an EMA in place: decay * average + (1 - decay) * network."""
    averaged, current = average.state_dict(), network.state_dict()
    for name, value in averaged.items():
        if value.dtype.is_floating_point:
            value.lerp_(current[name], 1.0 - decay)
        else:
            value.copy_(current[name])
