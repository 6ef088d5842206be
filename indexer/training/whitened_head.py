"""Fit the head of an encoder in closed form, with the within-class covariance whitened.

Differences between two pictures of one item (light, angle, background), or between a photo and a
drawing of it, should count less than differences between items. Linear discriminant analysis (LDA)
computes their weights in closed form, from the features of the int8 layers of the exported file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from indexer.durable import replace_file
from indexer.training.data import Photo
from indexer.training.head_inputs import UNGROUPED, HeadInputs, head_inputs
from indexer.training.hyperparameters import (
    DRAWING_WEIGHTS,
    HEAD_SHARES,
    WITHIN_CLASS_WEIGHTS,
    Hyperparameters,
)
from indexer.training.initialize import principal_axes, row_weights
from indexer.training.network import COLORS, DIM, FEATURE_DIM
from indexer.training.stored_weights import write_weight


class Part(NamedTuple):
    """One term of the similarity: an affine map of some columns of the head's inputs.

    Rows (n, d) become ``rows[:, columns] @ axes + bias``, (n, k). ``share`` is the part's share of
    the similarity; the shares of all parts sum to 1.
    """

    columns: slice
    axes: Tensor
    bias: Tensor
    share: float


def refit_head(
    path: Path,
    trained: nn.Linear,
    photos: Sequence[Photo],
    squares: NDArray[np.uint8],
    params: Hyperparameters,
) -> None:
    """Fit the head of a quantized file with a branch to what its int8 layers compute.

    ``squares`` (n, size, size, 3) are the n training ``photos`` at the served size. ``trained`` is
    the head that the training of the branch ended with. The similarity of two pictures is a sum of
    three, weighted by ``params.similarity_shares``: of the principal components of the ImageNet
    features, of the vectors of the ``trained`` head, which reads the branch and the palette, and of
    the shares of the palette's colors.
    """
    inputs = head_inputs(path, photos, squares, params.seed)
    of_features, of_vectors, of_colors = params.similarity_shares
    vectors = Part(
        slice(FEATURE_DIM, None), trained.weight.double().T, trained.bias.double(), of_vectors
    )
    parts = (
        components(inputs, slice(FEATURE_DIM), of_features, params.whitening_power),
        vectors,
        colors(inputs, slice(2 * FEATURE_DIM, 2 * FEATURE_DIM + COLORS), of_colors),
    )
    write_head(path, whitened_head(inputs, parts, params.shrinkage))


def write_head(path: Path, head: nn.Linear) -> None:
    """Replace the weights of the head of an exported file, atomically."""
    model = onnx.load(path)
    write_weight(model, "head.weight", head.weight.detach().numpy())
    write_weight(model, "head.bias", head.bias.detach().numpy())
    replace_file(path, model.SerializeToString())


def components(inputs: HeadInputs, columns: slice, share: float, whitening_power: float) -> Part:
    """Return the part of the 256 principal components of some columns, whitened to a power."""
    rows = inputs.pooled[:, columns].numpy()
    found = principal_axes(rows, row_weights(inputs.sources, HEAD_SHARES), whitening_power)
    axes = torch.from_numpy(found.axes).double()  # (c, 256)
    return Part(columns, axes, -torch.from_numpy(found.mean).double() @ axes, share)


def colors(inputs: HeadInputs, columns: slice, share: float) -> Part:
    """Return the part of the shares of the palette's colors, less their means."""
    rows = inputs.pooled[:, columns].double()
    return Part(columns, torch.eye(rows.shape[1]).double(), -(_row_shares(inputs) @ rows), share)


@torch.no_grad()
def whitened_head(inputs: HeadInputs, parts: Sequence[Part], shrinkage: float) -> nn.Linear:
    """Return a head (d -> 256) fitted to its inputs (n, d).

    The similarity of two pictures is a sum over ``parts``, weighted by their shares. The covariance
    within groups and between photos and their drawings is then whitened with the ``shrinkage``, as
    in LDA. The result is projected to its 256 principal components under ``HEAD_SHARES``, largest
    first, so that the leading dimensions can be used alone.
    """
    share = _row_shares(inputs)
    pooled = inputs.pooled.double()
    maps, shifts = [], []
    for part in parts:
        lengths = share @ (pooled[:, part.columns] @ part.axes + part.bias).square().sum(1)
        scale = (part.share / lengths.clamp(min=1e-12)).sqrt()
        matrix = torch.zeros(pooled.shape[1], part.axes.shape[1]).double()
        matrix[part.columns] = part.axes * scale
        maps.append(matrix)
        shifts.append(part.bias * scale)
    matrix, shift = torch.cat(maps, dim=1), torch.cat(shifts)  # (d, c), (c,) for c columns in all
    whitening = _whitening(_within_covariance(inputs, matrix), shrinkage)
    matrix, shift = matrix @ whitening, shift @ whitening
    rows = functional.normalize(pooled @ matrix + shift, dim=1)
    values, axes = torch.linalg.eigh((rows * share[:, None]).T @ rows)
    axes = axes[:, values.argsort(descending=True)[:DIM]]  # (c, 256)
    head = nn.Linear(pooled.shape[1], DIM)
    largest = max(float((matrix @ axes).abs().max()), float((shift @ axes).abs().max()), 1e-12)
    head.weight.copy_((matrix @ axes).T / largest)  # keeps small weights in float16's range
    head.bias.copy_(shift @ axes / largest)
    return head


def _row_shares(inputs: HeadInputs) -> Tensor:
    """Return the weight of each photo (n,) under ``HEAD_SHARES``; they sum to 1."""
    weights = row_weights(inputs.sources, HEAD_SHARES)
    return torch.from_numpy(weights / weights.sum()).double()


def _within_covariance(inputs: HeadInputs, matrix: Tensor) -> Tensor:
    """Return the covariance (c, c) within groups and between photos and drawings, after a map.

    ``matrix`` (d, c) maps the inputs. The covariance is an average over sources, with the weights
    ``WITHIN_CLASS_WEIGHTS`` for groups and ``DRAWING_WEIGHTS`` for each kind of drawing.
    """
    sources = np.array(inputs.sources)
    rows = inputs.pooled.double() @ matrix  # (n, c)
    _, index, counts = np.unique(inputs.groups, return_inverse=True, return_counts=True)
    index, sizes = torch.from_numpy(index), torch.from_numpy(counts)
    sums = torch.zeros(len(counts), rows.shape[1]).double().index_add_(0, index, rows)
    deviations = rows - (sums / sizes[:, None])[index]
    grouped = (inputs.groups != UNGROUPED) & (counts[index.numpy()] > 1)
    parts = [
        (weight, deviations[torch.from_numpy(np.flatnonzero(grouped & (sources == source)))])
        for source, weight in WITHIN_CLASS_WEIGHTS.items()
    ]
    of_photos = rows[torch.from_numpy(inputs.drawn_rows)]
    for kind in inputs.drawn:
        # Half the squared difference of two samples estimates their variance without bias.
        differences = (kind.double() @ matrix - of_photos) / 2**0.5
        parts += [
            (weight, differences[torch.from_numpy(sources[inputs.drawn_rows] == source)])
            for source, weight in DRAWING_WEIGHTS.items()
        ]
    present = [(weight, part) for weight, part in parts if len(part)]
    covariance = torch.zeros(rows.shape[1], rows.shape[1]).double()
    for weight, part in present:
        covariance += weight * (part.T @ part) / len(part)
    return covariance / max(sum(weight for weight, _ in present), 1e-12)


def _whitening(covariance: Tensor, shrinkage: float) -> Tensor:
    """Return the (c, c) map that whitens a covariance (c, c).

    ``shrinkage`` times the mean variance is added to each variance. Returns the identity if all
    variances are 0.
    """
    values, axes = torch.linalg.eigh(covariance)
    if float(values.max()) <= 0:
        return torch.eye(len(covariance)).double()
    values = values.clamp(min=1e-12)
    values = values + shrinkage * values.mean()
    return (axes / values.sqrt()) @ axes.T
