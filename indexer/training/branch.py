"""Join a trained network to the one that it started from, as a branch."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch

from indexer.training.network import FEATURE_DIM, Branch, Network


@torch.no_grad()
def with_branch(start: Network, trained: Network, branch_from: int) -> Network:
    """Return ``start`` with the last blocks of ``trained`` as a branch, in eval mode.

    Both must have the same weights before block ``branch_from``, which training kept frozen; else
    ValueError. The palette is the trained one. The head reads the branch and the palette as the
    trained head does, and ignores the features of ``start``.
    """
    for old, new in zip(
        start.frozen_parameters(branch_from), trained.frozen_parameters(branch_from), strict=True
    ):
        if not torch.equal(old, new):
            raise ValueError(
                f"the networks differ before block {branch_from}: train with as many frozen blocks"
            )
    joined: Network = Network(replace(start.shape, branch_from=branch_from)).eval()
    joined.stem, joined.blocks = copy.deepcopy(start.stem), copy.deepcopy(start.blocks)
    joined.last = copy.deepcopy(start.last)
    joined.branch = copy.deepcopy(Branch(trained.blocks[branch_from:], trained.last))
    joined.palette = copy.deepcopy(trained.palette)
    joined.head.weight[:, :FEATURE_DIM] = 0.0
    joined.head.weight[:, FEATURE_DIM:] = trained.head.weight
    joined.head.bias.copy_(trained.head.bias)
    return joined
