"""Fit the head of the encoder in closed form, with the within-class covariance whitened.

What differs between two pictures of one item (light, angle, background) should count less than what
differs between items. Linear discriminant analysis says by how much, in closed form; it uses the
features that the int8 layers of the exported file compute.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from indexer.training.initialize import principal_axes, row_weights
from indexer.training.losses import UNLABELED
from indexer.training.network import COLORS, DIM, FEATURE_DIM
from indexer.training.stored_weights import replace_file, write_weight

_AT_ONCE = 32


def refit_head(
    path: Path,
    trained: nn.Linear,
    batches: Batches,
    squares: NDArray[np.uint8],
    params: Hyperparameters,
) -> None:
    """Fit the head of a quantized file to the features that its int8 layers compute.

    ``squares`` (n, size, size, 3) are the photos of `labeled_photos` at the served size.
    ``trained`` is the head that training ended with.
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
    head = fit_whitened_head(pooled, trained, batches, labeled_photos(batches), params)
    write_weight(model, "head.weight", head.weight.detach().numpy())
    write_weight(model, "head.bias", head.bias.detach().numpy())
    replace_file(path, model.SerializeToString())


def labeled_photos(batches: Batches) -> list[int]:
    """Return the numbers of the photos that the head is fitted to, in ascending order."""
    return sorted(
        number
        for source, members in batches.by_source.items()
        if source in WITHIN_CLASS_WEIGHTS
        for number in members
    )


def fit_whitened_head(
    pooled: Tensor,
    trained: nn.Linear,
    batches: Batches,
    numbers: Sequence[int],
    params: Hyperparameters,
) -> nn.Linear:
    """Fit the head to ``pooled`` (n, 1392), its inputs for the photos ``numbers`` (n,).

    See `whitened_head`.
    """
    sources = [batches.photos[number].source for number in numbers]
    items, kinds = batches.item[numbers], batches.kind[numbers]
    # Kinds are numbered down from -2, so that they do not collide with items.
    groups = np.where(items != UNLABELED, items, np.where(kinds != UNLABELED, -2 - kinds, -1))
    weights = row_weights(sources, BATCH_SHARES)
    within_weights = row_weights(sources, WITHIN_CLASS_WEIGHTS)
    head: nn.Linear = whitened_head(pooled, trained, weights, groups, within_weights, params)
    return head


@torch.no_grad()
def whitened_head(
    pooled: Tensor,
    trained: nn.Linear,
    weights: NDArray[np.float64],
    groups: NDArray[np.int64],
    within_weights: NDArray[np.float64],
    params: Hyperparameters,
) -> nn.Linear:
    """Return a head fitted to its inputs ``pooled`` (n, 1392).

    The similarity of two pictures is a sum of three, weighted by ``params.similarity_shares``: of
    the principal components of the features, whitened to ``params.whitening_power``; of the vectors
    of the ``trained`` head; and of the shares of the palette's colors.
    The covariance within ``groups`` (n,), -1 for none, is whitened with row weights
    ``within_weights`` (n,) and the shrinkage ``params.shrinkage``, as in LDA. The result is
    projected to its 256 principal components under row weights ``weights`` (n,), largest first, so
    that the leading dimensions can be used alone.
    """
    share = torch.from_numpy(weights / weights.sum()).double()
    pooled64 = pooled.double()
    components = principal_axes(pooled[:, :FEATURE_DIM].numpy(), weights, params.whitening_power)
    axes = torch.from_numpy(components.axes).double()  # (1280, 256)
    colors = slice(FEATURE_DIM, FEATURE_DIM + COLORS)
    parts = (
        (slice(FEATURE_DIM), axes, -torch.from_numpy(components.mean).double() @ axes),
        (slice(None), trained.weight.double().T, trained.bias.double()),
        (colors, torch.eye(COLORS).double(), -(share @ pooled64[:, colors])),
    )
    maps, shifts = [], []
    for (columns, axes, bias), part in zip(parts, params.similarity_shares, strict=True):
        lengths = share @ (pooled64[:, columns] @ axes + bias).square().sum(1)
        scale = (part / lengths.clamp(min=1e-12)).sqrt()
        matrix = torch.zeros(pooled64.shape[1], axes.shape[1]).double()
        matrix[columns] = axes * scale
        maps.append(matrix)
        shifts.append(bias * scale)
    matrix, shift = torch.cat(maps, dim=1), torch.cat(shifts)  # (1392, 576), (576,)
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
