"""Join the ImageNet network and the trained network into one network with a fork.

Fine-tuning forgets. Averaging old and new weights keeps some of both; concatenating the features of
both keeps more, at the cost of the blocks behind the fork only. The share of each palette color is
concatenated too. The head then whitens the within-class covariance in closed form.
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
from indexer.training.export import POOLED
from indexer.training.hyperparameters import BATCH_SHARES, WITHIN_CLASS_WEIGHTS, Hyperparameters
from indexer.training.initialize import pooled_features, principal_axes, row_weights
from indexer.training.losses import UNLABELED
from indexer.training.network import COLOR_SCALE, COLORS, DIM, FEATURE_DIM, Branch, Network
from indexer.training.stored_weights import replace_file, write_weight

_JOIN_STEP = 3  # every third photo is enough to fit the head
_AT_ONCE = 32


def join(start: Network, trained: Network, batches: Batches, params: Hyperparameters) -> Network:
    """Return a network that forks into the last blocks of ``start`` and those of ``trained``.

    Both must have the same weights up to block ``params.frozen_blocks``, where the network forks.
    The head is fitted by `fit_joined_head` to a third of the training photos.
    """
    network: Network = Network(replace(start.shape, fork=params.frozen_blocks)).eval()
    network.stem, network.last = copy.deepcopy(start.stem), copy.deepcopy(start.last)
    network.blocks = copy.deepcopy(start.blocks)
    network.branch = copy.deepcopy(Branch(trained.blocks[params.frozen_blocks :], trained.last))
    network.palette.load_state_dict(trained.palette.state_dict())
    network.to(memory_format=torch.channels_last)
    numbers = training_photos(batches)[::_JOIN_STEP]
    pooled = pooled_features(network, batches.squares[numbers], params.size(params.steps - 1))
    head = fit_joined_head(pooled, trained.head, batches, numbers, params)
    with torch.no_grad():
        network.head.weight.copy_(head.weight)
        network.head.bias.copy_(head.bias)
    return network


def refit_head(
    path: Path,
    trained: nn.Linear,
    batches: Batches,
    squares: NDArray[np.uint8],
    params: Hyperparameters,
) -> None:
    """Fit the head of a quantized file again, to the features that its int8 layers compute.

    ``squares`` (n, size, size, 3) are the photos of `training_photos` at the served size.
    """
    model = onnx.load(path)
    with_pooled = onnx.load(path)
    with_pooled.graph.output.append(
        onnx.helper.make_tensor_value_info(POOLED, onnx.TensorProto.FLOAT, ["n", None])
    )
    session = onnxruntime.InferenceSession(
        with_pooled.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    rows = [
        session.run([POOLED], {"pixels": squares[start : start + _AT_ONCE]})[0]
        for start in range(0, len(squares), _AT_ONCE)
    ]
    pooled = torch.from_numpy(np.concatenate(rows))
    head = fit_joined_head(pooled, trained, batches, training_photos(batches), params)
    write_weight(model, "head.weight", head.weight.detach().numpy())
    write_weight(model, "head.bias", head.bias.detach().numpy())
    replace_file(path, model.SerializeToString())


def training_photos(batches: Batches) -> list[int]:
    """Return the numbers of the training photos, in ascending order."""
    return sorted(number for members in batches.by_source.values() for number in members)


def fit_joined_head(
    pooled: Tensor,
    trained: nn.Linear,
    batches: Batches,
    numbers: Sequence[int],
    params: Hyperparameters,
) -> nn.Linear:
    """Fit the head of a joined network to ``pooled`` (n, 2672), the head's inputs for some photos.

    ``numbers`` (n,) are the numbers of the photos, ``trained`` is the head of the trained network.
    See `joined_head`.
    """
    sources = [batches.photos[number].source for number in numbers]
    items, kinds = batches.item[numbers], batches.kind[numbers]
    # Kinds are numbered down from -2, so that they do not collide with items.
    groups = np.where(items != UNLABELED, items, np.where(kinds != UNLABELED, -2 - kinds, -1))
    weights = row_weights(sources, BATCH_SHARES)
    within_weights = row_weights(sources, WITHIN_CLASS_WEIGHTS)
    head: nn.Linear = joined_head(pooled, trained, weights, groups, within_weights, params)
    return head


@torch.no_grad()
def joined_head(
    pooled: Tensor,
    trained: nn.Linear,
    weights: NDArray[np.float64],
    groups: NDArray[np.int64],
    within_weights: NDArray[np.float64],
    params: Hyperparameters,
) -> nn.Linear:
    """Return the head of a joined network, fitted to its inputs ``pooled`` (n, 2672).

    The similarity of two pictures is a sum of three, weighted by ``params.similarity_shares``: the
    principal components of the ImageNet branch, whitened to ``params.whitening_power``; the
    vectors of the ``trained`` head for the trained branch; and the shares of the palette's colors.
    The covariance within ``groups`` (n,), -1 for none, is whitened with row weights
    ``within_weights`` (n,) and the shrinkage ``params.shrinkage``, as in LDA. The result is
    projected to its 256 principal components under row weights ``weights`` (n,), largest first, so
    that the leading dimensions can be used alone.
    """
    share = torch.from_numpy(weights / weights.sum()).double()
    pooled64 = pooled.double()
    imagenet = principal_axes(pooled[:, :FEATURE_DIM].numpy(), weights, params.whitening_power)
    color_columns = slice(2 * FEATURE_DIM, 2 * FEATURE_DIM + COLORS)
    colors = pooled64[:, color_columns]
    axes = torch.from_numpy(imagenet.axes).double()  # (1280, 256)
    trained_map = trained.weight.double().T.clone()  # (1392, 256)
    trained_map[FEATURE_DIM : FEATURE_DIM + COLORS] /= COLOR_SCALE
    parts = (
        (slice(FEATURE_DIM), axes, -torch.from_numpy(imagenet.mean).double() @ axes),
        (slice(FEATURE_DIM, None), trained_map, trained.bias.double()),
        (color_columns, torch.eye(COLORS).double(), -(share @ colors)),
    )
    maps, shifts = [], []
    for (columns, axes, bias), part in zip(parts, params.similarity_shares, strict=True):
        lengths = share @ (pooled64[:, columns] @ axes + bias).square().sum(1)
        scale = (part / lengths.clamp(min=1e-12)).sqrt()
        matrix = torch.zeros(pooled64.shape[1], axes.shape[1]).double()
        matrix[columns] = axes * scale
        maps.append(matrix)
        shifts.append(bias * scale)
    matrix, shift = torch.cat(maps, dim=1), torch.cat(shifts)  # (2672, 576), (576,)
    whitening = _whitening(pooled64 @ matrix + shift, groups, within_weights, params.shrinkage)
    matrix, shift = matrix @ whitening, shift @ whitening
    rows = functional.normalize(pooled64 @ matrix + shift, dim=1)
    values, axes = torch.linalg.eigh((rows * share[:, None]).T @ rows)
    axes = axes[:, values.argsort(descending=True)[:DIM]]  # (576, 256)
    head = nn.Linear(pooled64.shape[1], DIM)
    largest = max(float((matrix @ axes).abs().max()), float((shift @ axes).abs().max()), 1e-12)
    head.weight.copy_((matrix @ axes).T / largest)  # keeps small weights in float16's range
    head.bias.copy_(shift @ axes / largest)
    return head


def _whitening(
    rows: Tensor, groups: NDArray[np.int64], within_weights: NDArray[np.float64], shrinkage: float
) -> Tensor:
    """Return the (d, d) map that whitens the covariance within groups of rows (n, d).

    ``within_weights`` (n,) are the weights of the rows. ``shrinkage`` times the mean variance is
    added to each variance. Returns the identity if no group has two rows.
    """
    known = np.flatnonzero((groups != UNLABELED) & (within_weights > 0))
    _, index, counts = np.unique(groups[known], return_inverse=True, return_counts=True)
    known, index = known[counts[index] > 1], index[counts[index] > 1]
    if not len(known):
        return torch.eye(rows.shape[1]).double()
    grouped, group = rows[torch.from_numpy(known)], torch.from_numpy(index)
    weight = torch.from_numpy(within_weights[known])[:, None]
    sums = torch.zeros(len(counts), rows.shape[1]).double().index_add_(0, group, grouped)
    deviations = grouped - (sums / torch.from_numpy(counts)[:, None])[group]
    values, axes = torch.linalg.eigh((deviations * weight).T @ deviations / weight.sum())
    values = values.clamp(min=1e-12)
    values = values + shrinkage * values.mean()
    return (axes / values.sqrt()) @ axes.T
