"""Means of the weights of two networks."""

from __future__ import annotations

import copy

import torch

from indexer.encoders.train.network import Network


@torch.no_grad()
def mixed(old: Network, new: Network, share: float) -> Network:
    """Return a network of ``share`` of the new weights, the rest old (WiSE-FT, Wortsman et al. 2022).

    A share between keeps more of what the old network knew of other pictures than its loss on the
    new ones, since fine-tuning seldom leaves the valley it began in.
    """
    both = copy.deepcopy(old)
    for ours, theirs in zip(both.parameters(), new.parameters(), strict=True):
        ours.lerp_(theirs, share)
    return both
