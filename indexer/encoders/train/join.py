"""Two networks in one: what ImageNet's weights see, beside what the trained ones see.

Fine-tuning forgets. The mean of old and new weights keeps some of both; the features of both
side by side keep more, for the blocks past the fork alone. Beside them stands how much of each
color a picture shows, and what differs within an item or a kind is whitened away in closed form.
"""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from indexer.encoders.train.batches import Batches
from indexer.encoders.train.losses import UNLABELED
from indexer.encoders.train.network import COLORS, DIM, LAST, Branch, Network
from indexer.encoders.train.plan import SHARES, Plan
from indexer.encoders.train.start import look, principal_axes, row_weights


def join(
    start: Network, trained: Network, batches: Batches, plan: Plan, size: int | None = None
) -> Network:
    """Join the two as `joined` does, by what they see of all photos that are learned from.

    Photos are shown ``size`` px wide, by default as large as in the last step of the plan.
    """
    numbers = sorted(number for some in batches.by_source.values() for number in some)
    squares = batches.squares[numbers]
    size = size or plan.size(plan.steps - 1)
    seen = look(start, squares, size), look(trained, squares, size)
    sources = [batches.photos[number].source for number in numbers]
    items, kinds = batches.item[numbers], batches.kind[numbers]
    groups = np.where(
        items != UNLABELED, items, np.where(kinds != UNLABELED, ~kinds - 1, UNLABELED)
    )
    network: Network = joined(start, trained, seen, row_weights(sources, SHARES), groups, plan)
    return network


@torch.no_grad()
def joined(
    start: Network,
    trained: Network,
    seen: tuple[Tensor, Tensor],
    weights: NDArray[np.float64],
    groups: NDArray[np.int64],
    plan: Plan,
) -> Network:
    """Return a network that forks into the last blocks of ``start`` and those of ``trained``.

    Both must agree up to block ``plan.frozen``, where it forks. ``seen`` holds what their heads
    see of some photos, (n, 1392) each, counted ``weights`` (n,) times. The likeness of two
    pictures is made of three, ``plan.parts`` of each: of the principal axes of the start's
    features, whitened to the power ``plan.whiten``; of the trained vectors; of the shares of the
    palette's colors. What differs within ``groups`` (n,), -1 for none, is whitened away (linear
    discriminant analysis with the shrinkage ``plan.shrinkage``). Of what is left the 256
    principal axes are taken, the weightiest first, so that the leading numbers work alone.
    """
    share = torch.from_numpy(weights / weights.sum()).double()
    world = principal_axes(seen[0][:, :LAST].numpy(), weights, plan.whiten)
    palette = slice(2 * LAST, 2 * LAST + COLORS)
    views = torch.cat([seen[0][:, :LAST], seen[1]], dim=1).double()  # what the joined head sees
    parts: list[tuple[slice, Tensor, Tensor]] = [
        (slice(LAST), torch.from_numpy(world.axes).double(), torch.from_numpy(world.mean).double()),
        (slice(LAST, None), trained.head.weight.double().T, torch.zeros(seen[1].shape[1]).double()),
        (palette, torch.eye(COLORS).double(), share @ views[:, palette]),
    ]
    turn = torch.zeros(views.shape[1], 0).double()
    shift = torch.zeros(0).double()
    for (columns, axes, mean), part in zip(parts, plan.parts, strict=True):
        bias = -mean @ axes
        if columns == slice(LAST, None):
            bias = trained.head.bias.double()
        rows = views[:, columns] @ axes + bias
        scale = (part / (share @ rows.square().sum(1)).clamp(min=1e-12)).sqrt()
        wide = torch.zeros(views.shape[1], axes.shape[1]).double()
        wide[columns] = axes * scale
        turn, shift = torch.cat([turn, wide], dim=1), torch.cat([shift, bias * scale])
    rows = views @ turn + shift  # (n, 576)
    white = _whitening(rows, weights, groups, plan.shrinkage)
    turn, shift, rows = turn @ white, shift @ white, rows @ white
    rows = rows / rows.norm(dim=1, keepdim=True).clamp(min=1e-12)
    values, axes = torch.linalg.eigh((rows * share[:, None]).T @ rows)
    axes = axes[:, values.argsort(descending=True)[:DIM]]  # (576, 256)
    network: Network = Network(replace(start.shape, fork=plan.frozen)).eval()
    network.stem, network.last = copy.deepcopy(start.stem), copy.deepcopy(start.last)
    network.blocks = copy.deepcopy(start.blocks)
    network.branch = copy.deepcopy(Branch(trained.blocks[plan.frozen :], trained.last))
    network.palette = copy.deepcopy(trained.palette)
    network.head.weight.copy_((turn @ axes).T)
    network.head.bias.copy_(shift @ axes)
    network.to(memory_format=torch.channels_last)
    return network


def _whitening(
    rows: Tensor, weights: NDArray[np.float64], groups: NDArray[np.int64], shrinkage: float
) -> Tensor:
    """The (d, d) map that whitens what differs within groups of rows (n, d).

    ``shrinkage`` times the mean variance is added to each variance.
    """
    known = np.flatnonzero(groups != UNLABELED)
    _, at, counts = np.unique(groups[known], return_inverse=True, return_counts=True)
    known, at = known[counts[at] > 1], at[counts[at] > 1]
    if not len(known):
        return torch.eye(rows.shape[1]).double()
    some, where = rows[torch.from_numpy(known)], torch.from_numpy(at)
    weight = torch.from_numpy(weights[known])[:, None]
    sums = torch.zeros(len(counts), rows.shape[1]).double().index_add_(0, where, some)
    inner = some - (sums / torch.from_numpy(counts)[:, None])[where]
    values, axes = torch.linalg.eigh((inner * weight).T @ inner / weight.sum())
    values = values.clamp(min=0) + shrinkage * values.mean()
    return (axes / values.sqrt()) @ axes.T
