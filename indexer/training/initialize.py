"""Initialize the network for training, in closed form from frozen features.

The targets are the teacher features, centered, projected to their principal components and whitened
by half (each component is divided by the square root of its standard deviation), so that the
leading dimensions carry most and can be used alone. The head is initialized by ridge regression
from the trunk's features to these targets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from indexer.training.batches import Batches
from indexer.training.data import Photo
from indexer.training.hyperparameters import BATCH_SHARES, Hyperparameters
from indexer.training.network import DIM, LITE, Network
from indexer.training.teacher_features import TeacherFeatures, weights_file

_HEAD_STEP = 3  # every third photo is enough to fit the head


@dataclass(frozen=True)
class Axes:
    """An affine map: rows (n, d) -> ((rows - mean) @ axes) (n, 256)."""

    mean: NDArray[np.float32]
    axes: NDArray[np.float32]

    def __call__(self, rows: NDArray[np.floating]) -> NDArray[np.float32]:
        """Map rows (n, d) to unit rows (n, 256)."""
        mapped = (rows.astype(np.float32) - self.mean) @ self.axes
        lengths = np.linalg.norm(mapped, axis=1, keepdims=True)
        return np.asarray(mapped / np.maximum(lengths, 1e-12), dtype=np.float32)


def principal_axes(
    rows: NDArray[np.floating], weights: NDArray[np.float64], power: float = 0.5
) -> Axes:
    """Compute the 256 leading principal components of rows (n, d) with ``weights`` (n,).

    Each component is divided by its standard deviation to the ``power``: 0 is plain PCA, 1 is full
    whitening.
    """
    share = (weights / weights.sum()).astype(np.float64)
    mean = share @ rows.astype(np.float64)
    centered = rows.astype(np.float64) - mean
    values, vectors = np.linalg.eigh((centered * share[:, None]).T @ centered)
    leading = np.argsort(-values)[:DIM]
    scale = np.maximum(values[leading], 1e-12) ** (-power / 2)
    return Axes(mean.astype(np.float32), (vectors[:, leading] * scale).astype(np.float32))


@torch.inference_mode()
def pooled_features(network: Network, squares: NDArray[np.uint8], size: int) -> Tensor:
    """Return the head's input for squares (n, s, s, 3), scaled to ``size``: (n, ``pooled_dim``)."""
    parts = []
    for start in range(0, len(squares), 32):
        pixels = torch.from_numpy(squares[start : start + 32]).permute(0, 3, 1, 2).float()
        x = functional.interpolate(pixels, size=(size, size), mode="bilinear", antialias=True)
        parts.append(network.pooled(x.contiguous(memory_format=torch.channels_last)))
    return torch.cat(parts).clone()


def fit_head(network: Network, pooled: Tensor, target: Tensor, palette: float = 0.3) -> float:
    """Fit the head by ridge regression from ``pooled`` (n, 1392) to ``target`` (n, 256).

    ``palette`` scales the palette's columns, so a value below 1 penalizes them more than the
    features. Returns the mean cosine on the rows that it was fitted to.
    """
    scale = torch.ones(pooled.shape[1])
    scale[network.last.conv.out_channels :] = palette
    x = pooled * scale
    mean, target_mean = x.mean(0), target.mean(0)
    centered = x - mean
    gram = (centered.T @ centered).double()
    gram += torch.eye(len(gram)).double() * gram.diagonal().mean() * 0.02
    product = centered.T @ (target - target_mean)
    solved = torch.linalg.solve(gram, product.double()).float()  # (1392, 256)
    with torch.no_grad():
        network.head.weight.copy_((solved * scale[:, None]).T)
        network.head.bias.copy_(target_mean - mean @ solved)
        fitted = functional.normalize(network.head(pooled), dim=1)
    return float((fitted * functional.normalize(target, dim=1)).sum(1).mean())


def row_weights(sources: Sequence[str], shares: Mapping[str, float]) -> NDArray[np.float64]:
    """Return weights (n,) that sum to the share of each source, whatever its number of rows."""
    names, inverse, counts = np.unique(np.array(sources), return_inverse=True, return_counts=True)
    totals = np.array([shares.get(str(name), 0.0) for name in names])
    return np.asarray((totals / counts)[inverse], dtype=np.float64)


def initialize(
    photos: Sequence[Photo],
    squares: NDArray[np.uint8],
    features: TeacherFeatures,
    params: Hyperparameters,
    use: Sequence[bool],
) -> tuple[Network, Batches]:
    """Return a network with an ImageNet trunk and a closed-form head, and the training batches.

    ``squares`` (n, s, s, 3) are the photos; ``use`` (n,) marks the photos to train on.
    """
    network = Network(params.shape)
    (name,) = [name for name, shape in LITE.items() if shape == params.shape]
    network.load_imagenet(torch.load(weights_file(name), map_location="cpu", weights_only=True))
    network = network.eval().to(memory_format=torch.channels_last)
    used = np.array(use)
    sources = [photos[int(number)].source for number in features.photo]
    weights = row_weights(sources, BATCH_SHARES) * used[features.photo]
    axes = principal_axes(features.vectors, weights, params.whitening_power)
    targets = torch.from_numpy(
        np.concatenate([axes(part) for part in np.array_split(features.vectors, 16)])
    )
    batches = Batches(photos, squares, features, targets, params, use)
    sampled = np.flatnonzero(used)[::_HEAD_STEP]
    size = params.size(params.steps - 1)
    fit_head(
        network,
        pooled_features(network, squares[sampled], size),
        targets[batches.first_crop[sampled]],
    )
    return network, batches
