"""Fit the head of the encoder in closed form, with the within-class covariance whitened.

Differences between two pictures of one item (light, angle, background), or between a photo and a
drawing of it, should count less than differences between items. Linear discriminant analysis (LDA)
computes their weights in closed form, from the features of the int8 layers of the exported file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from indexer.training.batches import Batches
from indexer.training.distortions import cartoon, paint, pencil
from indexer.training.export import POOLED
from indexer.training.hyperparameters import (
    DRAWING_WEIGHTS,
    HEAD_SHARES,
    WITHIN_CLASS_WEIGHTS,
    Hyperparameters,
)
from indexer.training.initialize import principal_axes, row_weights
from indexer.training.losses import UNLABELED
from indexer.training.network import COLORS, DIM, FEATURE_DIM
from indexer.training.stored_weights import replace_file, write_weight

_AT_ONCE = 32
_DRAWN_STEP = 3  # every third photo is drawn, which is enough for a covariance


@dataclass(frozen=True)
class HeadInputs:
    """The head's inputs for photos, and for drawings of some of these photos.

    ``pooled`` is (n, d), ``sources`` (n,) are the sources of the photos, ``groups`` (n,) the
    numbers of their items or kinds, -1 for none. ``drawn`` (k, m, d) are k kinds of drawings of
    the photos ``drawn_rows`` (m,), which index the n photos; m may be 0.
    """

    pooled: Tensor
    sources: Sequence[str]
    groups: NDArray[np.int64]
    drawn: Tensor
    drawn_rows: NDArray[np.int64]


def refit_head(
    path: Path,
    trained: nn.Linear,
    batches: Batches,
    squares: NDArray[np.uint8],
    params: Hyperparameters,
) -> None:
    """Fit the head of a quantized file with a branch to what its int8 layers compute.

    ``squares`` (n, size, size, 3) are the photos of ``training_photos`` at the served size.
    ``trained`` is the head that the training of the branch ended with.
    """
    model = onnx.load(path)
    with_pooled = onnx.load(path)
    with_pooled.graph.output.append(
        onnx.helper.make_tensor_value_info(POOLED, onnx.TensorProto.FLOAT, ["n", None])
    )
    session = onnxruntime.InferenceSession(
        with_pooled.SerializeToString(), providers=["CPUExecutionProvider"]
    )

    def pooled(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        rows: NDArray[np.float32] = session.run([POOLED], {"pixels": pictures})[0]
        return rows

    numbers = training_photos(batches)
    head = whitened_head(_head_inputs(pooled, batches, numbers, squares, params), trained, params)
    write_weight(model, "head.weight", head.weight.detach().numpy())
    write_weight(model, "head.bias", head.bias.detach().numpy())
    replace_file(path, model.SerializeToString())


def training_photos(batches: Batches) -> list[int]:
    """Return the numbers of the photos that the head is fitted to, in ascending order."""
    return sorted(number for members in batches.by_source.values() for number in members)


def _head_inputs(
    pooled: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    batches: Batches,
    numbers: Sequence[int],
    squares: NDArray[np.uint8],
    params: Hyperparameters,
) -> HeadInputs:
    """Compute the head's inputs for the photos ``numbers`` (n,), which are ``squares`` (n, ...)."""
    items, kinds = batches.item[numbers], batches.kind[numbers]
    sources = [batches.photos[number].source for number in numbers]
    generator = torch.Generator().manual_seed(params.seed)
    drawn_rows = np.arange(0, len(squares), _DRAWN_STEP)
    is_style = np.array([source == "styles" for source in sources])
    styles = torch.from_numpy(squares[is_style]).permute(0, 3, 1, 2).float()
    drawn: list[list[NDArray[np.float32]]] = []
    for start in range(0, len(drawn_rows), _AT_ONCE):
        photos = squares[drawn_rows[start : start + _AT_ONCE]]
        drawn.append([pooled(drawing) for drawing in _drawings(photos, styles, generator)])
    return HeadInputs(
        pooled=torch.from_numpy(
            np.concatenate(
                [
                    pooled(squares[start : start + _AT_ONCE])
                    for start in range(0, len(squares), _AT_ONCE)
                ]
            )
        ),
        sources=sources,
        # Kinds are numbered down from -2, so that they do not collide with items.
        groups=np.where(items != UNLABELED, items, np.where(kinds != UNLABELED, -2 - kinds, -1)),
        drawn=torch.from_numpy(
            np.stack([np.concatenate(kind) for kind in zip(*drawn, strict=True)])
        ),
        drawn_rows=drawn_rows,
    )


def _drawings(
    photos: NDArray[np.uint8], styles: Tensor, generator: torch.Generator
) -> list[NDArray[np.uint8]]:
    """Return pencil drawings, cartoons and, if there are ``styles``, paintings of photos."""
    x = torch.from_numpy(photos).permute(0, 3, 1, 2).float()
    drawings = [pencil(x, generator), cartoon(x, generator)]
    if len(styles):
        picked = torch.randint(len(styles), (len(x),), generator=generator)
        drawings.append(paint(x, styles[picked], generator))
    return [
        drawing.permute(0, 2, 3, 1).clamp(0, 255).byte().contiguous().numpy()
        for drawing in drawings
    ]


@torch.no_grad()
def whitened_head(inputs: HeadInputs, trained: nn.Linear, params: Hyperparameters) -> nn.Linear:
    """Return a head (d -> 256) fitted to its inputs, d = 2672.

    The similarity of two pictures is a sum of three similarities, weighted by
    ``params.similarity_shares``. They are those of the principal components of the ImageNet
    features, whitened to ``params.whitening_power``; of the vectors of the ``trained`` head, which
    reads the branch and the palette; and of the shares of the palette's colors. The covariance
    within groups and between photos and their drawings is then whitened with the shrinkage
    ``params.shrinkage``, as in LDA. The result is projected to its 256 principal components under
    ``HEAD_SHARES``, largest first, so that the leading dimensions can be used alone.
    """
    weights = row_weights(inputs.sources, HEAD_SHARES)
    share = torch.from_numpy(weights / weights.sum()).double()
    pooled = inputs.pooled.double()
    components = principal_axes(
        inputs.pooled[:, :FEATURE_DIM].numpy(), weights, params.whitening_power
    )
    axes = torch.from_numpy(components.axes).double()  # (1280, 256)
    colors = slice(2 * FEATURE_DIM, 2 * FEATURE_DIM + COLORS)
    parts = (
        (slice(FEATURE_DIM), axes, -torch.from_numpy(components.mean).double() @ axes),
        (slice(FEATURE_DIM, None), trained.weight.double().T, trained.bias.double()),
        (colors, torch.eye(COLORS).double(), -(share @ pooled[:, colors])),
    )
    maps, shifts = [], []
    for (columns, axes, bias), part in zip(parts, params.similarity_shares, strict=True):
        lengths = share @ (pooled[:, columns] @ axes + bias).square().sum(1)
        scale = (part / lengths.clamp(min=1e-12)).sqrt()
        matrix = torch.zeros(pooled.shape[1], axes.shape[1]).double()
        matrix[columns] = axes * scale
        maps.append(matrix)
        shifts.append(bias * scale)
    matrix, shift = torch.cat(maps, dim=1), torch.cat(shifts)  # (2672, 576), (576,)
    whitening = _whitening(_within_covariance(inputs, matrix), params.shrinkage)
    matrix, shift = matrix @ whitening, shift @ whitening
    rows = functional.normalize(pooled @ matrix + shift, dim=1)
    values, axes = torch.linalg.eigh((rows * share[:, None]).T @ rows)
    axes = axes[:, values.argsort(descending=True)[:DIM]]  # (576, 256)
    head = nn.Linear(pooled.shape[1], DIM)
    largest = max(float((matrix @ axes).abs().max()), float((shift @ axes).abs().max()), 1e-12)
    head.weight.copy_((matrix @ axes).T / largest)  # keeps small weights in float16's range
    head.bias.copy_(shift @ axes / largest)
    return head


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
    grouped = (inputs.groups != UNLABELED) & (counts[index.numpy()] > 1)
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
