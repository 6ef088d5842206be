"""Means of the weights of two networks (Wortsman et al. 2022, WiSE-FT)."""

from __future__ import annotations

import copy

import torch

from indexer.training.network import Network


@torch.no_grad()
def mixed(old: Network, new: Network, share: float) -> Network:
    """Return a network of ``share`` of the new weights, the rest old (WiSE-FT).

    A share below 1 keeps more of what the old network knew than it loses of what the new one
    learned, since fine-tuning seldom leaves the valley that it began in.
    """
    both = copy.deepcopy(old)
    for ours, theirs in zip(both.parameters(), new.parameters(), strict=True):
        ours.lerp_(theirs, share)
    return both
