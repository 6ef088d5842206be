"""Averages of the weights of networks: a running one over steps, and one of old and new."""

from __future__ import annotations

import copy

import torch
from torch import nn

from indexer.training.network import Network


@torch.no_grad()
def interpolate(old: Network, new: Network, share: float) -> Network:
    """Return a network of ``share`` of the new weights, the rest old (WiSE-FT).

    A share below 1 keeps more of what the old network knew than it loses of what the new one
    learned, since fine-tuning seldom leaves the valley that it began in.
    """
    both = copy.deepcopy(old)
    for ours, theirs in zip(both.parameters(), new.parameters(), strict=True):
        ours.lerp_(theirs, share)
    return both


@torch.no_grad()
def ema_update(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move a running mean towards a network: ``decay`` of it stays."""
    ours, theirs = average.state_dict(), network.state_dict()
    for name, value in ours.items():
        if value.dtype.is_floating_point:
            value.lerp_(theirs[name], 1.0 - decay)
        else:
            value.copy_(theirs[name])
