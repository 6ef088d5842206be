"""Two networks in one: what ImageNet's weights see, beside what the trained ones see.

Fine-tuning forgets. The mean of old and new weights keeps some of both; the features of both
side by side keep more, for the blocks past the fork alone.
"""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from indexer.encoders.train.batches import Batches
from indexer.encoders.train.network import DIM, LAST, Branch, Network
from indexer.encoders.train.plan import SHARES, Plan
from indexer.encoders.train.start import look, principal_axes, row_weights

_JOIN_STEP = 3  # one photo in so many is enough to fit the axes to


def join(start: Network, trained: Network, batches: Batches, plan: Plan) -> Network:
    """Join the two as `joined` does, by what they see of a third of the photos learned from."""
    numbers = sorted(number for some in batches.by_source.values() for number in some)[::_JOIN_STEP]
    squares = batches.squares[numbers]
    size = plan.size(plan.steps - 1)
    seen = look(start, squares, size), look(trained, squares, size)
    weights = row_weights([batches.photos[number].source for number in numbers], SHARES)
    network: Network = joined(start, trained, seen, weights, plan)
    return network


@torch.no_grad()
def joined(
    start: Network,
    trained: Network,
    seen: tuple[Tensor, Tensor],
    weights: NDArray[np.float64],
    plan: Plan,
) -> Network:
    """Return a network that forks into the last blocks of ``start`` and those of ``trained``.

    Both must agree up to block ``plan.frozen``, where it forks. ``seen`` holds what their heads
    see of some photos, (n, 1392) each, counted ``weights`` (n,) times. ``plan.new_share`` of the
    likeness of two pictures comes from the trained vectors, the rest from the principal axes of
    the start's features, whitened to the power ``plan.whiten``. The 512 numbers are turned to
    their 256 principal axes, the weightiest first, so that the leading numbers work alone.
    """
    fork, share = plan.frozen, plan.new_share
    share_of = torch.from_numpy(weights / weights.sum()).double()
    world = principal_axes(seen[0][:, :LAST].numpy(), weights, plan.whiten)
    old = torch.from_numpy(world.axes).double()  # (1280, 256)
    old_bias = -torch.from_numpy(world.mean).double() @ old
    new, new_bias = trained.head.weight.double().T, trained.head.bias.double()  # (1392, 256)
    parts = []
    for rows, turn, bias, part in (
        (seen[0][:, :LAST].double(), old, old_bias, 1.0 - share),
        (seen[1].double(), new, new_bias, share),
    ):
        made = rows @ turn + bias
        scale = part**0.5 / (share_of @ made.square().sum(1)).sqrt()
        parts.append((made * scale, turn * scale, bias * scale))
    both = torch.cat([made for made, _, _ in parts], dim=1)  # (n, 512)
    both = both / both.norm(dim=1, keepdim=True).clamp(min=1e-12)
    values, axes = torch.linalg.eigh((both * share_of[:, None]).T @ both)
    axes = axes[:, values.argsort(descending=True)[:DIM]]  # (512, 256)
    weight = torch.zeros(2 * LAST + trained.palette.width, DIM).double()
    weight[:LAST] = parts[0][1] @ axes[:DIM]
    weight[LAST:] = parts[1][1] @ axes[DIM:]
    network: Network = Network(replace(start.shape, fork=fork)).eval()
    network.stem, network.last = copy.deepcopy(start.stem), copy.deepcopy(start.last)
    network.blocks = copy.deepcopy(start.blocks)
    network.branch = copy.deepcopy(Branch(trained.blocks[fork:], trained.last))
    network.palette = copy.deepcopy(trained.palette)
    network.head.weight.copy_(weight.T)
    network.head.bias.copy_(torch.cat([part[2] for part in parts]) @ axes)
    network.to(memory_format=torch.channels_last)
    return network
