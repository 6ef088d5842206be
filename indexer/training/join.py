"""Two networks in one: what ImageNet's weights see, beside what the trained ones see.

Fine-tuning forgets. The mean of old and new weights keeps some of both; the features of both
side by side keep more, for the blocks past the fork alone. Beside them stands how much of each
color a picture shows, and what differs within an item or a kind is whitened away in closed form.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from indexer.training.batches import Batches
from indexer.training.export import SEEN
from indexer.training.hyperparameters import SHARES, WHITENED, Hyperparameters
from indexer.training.initialize import look, principal_axes, row_weights
from indexer.training.losses import UNLABELED
from indexer.training.network import BRIGHT, COLORS, DIM, LAST, Branch, Network
from indexer.training.stored_weights import replace_file, write_weight

_JOIN_STEP = 3  # one photo in so many is enough
_AT_ONCE = 32


def join(start: Network, trained: Network, batches: Batches, params: Hyperparameters) -> Network:
    """Return a network that forks into the last blocks of ``start`` and those of ``trained``.

    Both must agree up to block ``plan.frozen``, where it forks. Its head is `fit_joined` to what
    the two see of a third of the photos that are learned from.
    """
    network: Network = Network(replace(start.shape, fork=params.frozen)).eval()
    network.stem, network.last = copy.deepcopy(start.stem), copy.deepcopy(start.last)
    network.blocks = copy.deepcopy(start.blocks)
    network.branch = copy.deepcopy(Branch(trained.blocks[params.frozen :], trained.last))
    network.palette.load_state_dict(trained.palette.state_dict())
    network.to(memory_format=torch.channels_last)
    numbers = learned_from(batches)[::_JOIN_STEP]
    seen = look(network, batches.squares[numbers], params.size(params.steps - 1))
    head = fit_joined(seen, trained.head, batches, numbers, params)
    with torch.no_grad():
        network.head.weight.copy_(head.weight)
        network.head.bias.copy_(head.bias)
    return network


def refit(
    path: Path,
    trained: nn.Linear,
    batches: Batches,
    squares: NDArray[np.uint8],
    params: Hyperparameters,
) -> None:
    """Fit the head of an exported file once more, to what the file sees in whole numbers.

    ``squares`` (n, size, size, 3) are the photos of `learned_from`, as searches will look.
    """
    model = onnx.load(path)
    spied = onnx.load(path)
    spied.graph.output.append(
        onnx.helper.make_tensor_value_info(SEEN, onnx.TensorProto.FLOAT, ["n", None])
    )
    session = onnxruntime.InferenceSession(
        spied.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    rows = [
        session.run([SEEN], {"pixels": squares[at : at + _AT_ONCE]})[0]
        for at in range(0, len(squares), _AT_ONCE)
    ]
    seen = torch.from_numpy(np.concatenate(rows))
    head = fit_joined(seen, trained, batches, learned_from(batches), params)
    write_weight(model, "head.weight", head.weight.detach().numpy())
    write_weight(model, "head.bias", head.bias.detach().numpy())
    replace_file(path, model.SerializeToString())


def learned_from(batches: Batches) -> list[int]:
    """The numbers of the photos that are learned from, in order."""
    return sorted(number for some in batches.by_source.values() for number in some)


def fit_joined(
    seen: Tensor,
    trained: nn.Linear,
    batches: Batches,
    numbers: Sequence[int],
    params: Hyperparameters,
) -> nn.Linear:
    """Fit the head of a joined network to what it sees of some photos, (n, 2672), in closed form.

    ``numbers`` (n,) are those of the photos, ``trained`` is the head of the trained network. See
    `joined_head`.
    """
    sources = [batches.photos[number].source for number in numbers]
    items, kinds = batches.item[numbers], batches.kind[numbers]
    # Kinds count down from -2, so that they are no items.
    groups = np.where(items != UNLABELED, items, np.where(kinds != UNLABELED, -2 - kinds, -1))
    weights, inner = row_weights(sources, SHARES), row_weights(sources, WHITENED)
    head: nn.Linear = joined_head(seen, trained, weights, groups, inner, params)
    return head


@torch.no_grad()
def joined_head(
    seen: Tensor,
    trained: nn.Linear,
    weights: NDArray[np.float64],
    groups: NDArray[np.int64],
    inner: NDArray[np.float64],
    params: Hyperparameters,
) -> nn.Linear:
    """Return the head of a joined network, fitted to what it sees of photos: ``seen`` (n, 2672).

    The likeness of two pictures is made of three, ``plan.parts`` of each: of the principal axes of
    ImageNet's view, whitened to the power ``plan.whiten``; of the vectors that the ``trained`` head
    makes of its own view; of the shares of the palette's colors. What differs within ``groups``
    (n,), -1 for none, is whitened away, each row counted ``inner`` (n,) times (linear discriminant
    analysis with the shrinkage ``plan.shrinkage``). Of what is left the 256 principal axes of rows
    counted ``weights`` (n,) times are taken, the weightiest first, so that the leading numbers work
    alone.
    """
    share = torch.from_numpy(weights / weights.sum()).double()
    views = seen.double()
    world = principal_axes(seen[:, :LAST].numpy(), weights, params.whiten)
    colors = views[:, 2 * LAST : 2 * LAST + COLORS]
    axes = torch.from_numpy(world.axes).double()  # (1280, 256)
    own = trained.weight.double().T.clone()  # (1392, 256)
    own[LAST : LAST + COLORS] /= BRIGHT
    parts = (
        (slice(LAST), axes, -torch.from_numpy(world.mean).double() @ axes),
        (slice(LAST, None), own, trained.bias.double()),
        (slice(2 * LAST, 2 * LAST + COLORS), torch.eye(COLORS).double(), -(share @ colors)),
    )
    turns, shifts = [], []
    for (columns, axes, bias), part in zip(parts, params.parts, strict=True):
        lengths = share @ (views[:, columns] @ axes + bias).square().sum(1)
        scale = (part / lengths.clamp(min=1e-12)).sqrt()
        turn = torch.zeros(views.shape[1], axes.shape[1]).double()
        turn[columns] = axes * scale
        turns.append(turn)
        shifts.append(bias * scale)
    turn, shift = torch.cat(turns, dim=1), torch.cat(shifts)  # (2672, 576), (576,)
    white = _whitening(views @ turn + shift, groups, inner, params.shrinkage)
    turn, shift = turn @ white, shift @ white
    rows = functional.normalize(views @ turn + shift, dim=1)
    values, axes = torch.linalg.eigh((rows * share[:, None]).T @ rows)
    axes = axes[:, values.argsort(descending=True)[:DIM]]  # (576, 256)
    head = nn.Linear(views.shape[1], DIM)
    size = max(float((turn @ axes).abs().max()), float((shift @ axes).abs().max()), 1e-12)
    head.weight.copy_((turn @ axes).T / size)  # or small weights may leave float16's range
    head.bias.copy_(shift @ axes / size)
    return head


def _whitening(
    rows: Tensor, groups: NDArray[np.int64], inner: NDArray[np.float64], shrinkage: float
) -> Tensor:
    """The (d, d) map that whitens what differs within groups of rows (n, d), counted ``inner``.

    ``shrinkage`` times the mean variance is added to each variance.
    """
    known = np.flatnonzero((groups != UNLABELED) & (inner > 0))
    _, at, counts = np.unique(groups[known], return_inverse=True, return_counts=True)
    known, at = known[counts[at] > 1], at[counts[at] > 1]
    if not len(known):
        return torch.eye(rows.shape[1]).double()
    some, where = rows[torch.from_numpy(known)], torch.from_numpy(at)
    weight = torch.from_numpy(inner[known])[:, None]
    sums = torch.zeros(len(counts), rows.shape[1]).double().index_add_(0, where, some)
    apart = some - (sums / torch.from_numpy(counts)[:, None])[where]
    values, axes = torch.linalg.eigh((apart * weight).T @ apart / weight.sum())
    values = values.clamp(min=1e-12)
    values = values + shrinkage * values.mean()
    return (axes / values.sqrt()) @ axes.T
