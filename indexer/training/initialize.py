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

from indexer.training.data import Photo
from indexer.training.hyperparameters import BATCH_SHARES
from indexer.training.network import DIM, LITE, Network, Shape
from indexer.training.teacher_features import weights_file


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


def imagenet_network(shape: Shape) -> Network:
    """Return the network of a published shape with its ImageNet weights, in eval mode.

    Raises ImportError with the name of the package if the weights are not installed.
    """
    network = Network(shape)
    (name,) = [name for name, published in LITE.items() if published == shape]
    network.load_imagenet(torch.load(weights_file(name), map_location="cpu", weights_only=True))
    network.eval()
    return network


def teacher_targets(
    photos: Sequence[Photo],
    features: NDArray[np.float16],
    whitening_power: float,
    use: Sequence[bool],
) -> Tensor:
    """Project teacher features (n, d) of n photos to their 256 principal components: (n, 256).

    ``use`` (n,) marks the photos that the components are computed from.
    """
    weights = row_weights([photo.source for photo in photos], BATCH_SHARES) * np.array(use)
    axes = principal_axes(features, weights, whitening_power)
    return torch.from_numpy(np.concatenate([axes(part) for part in np.array_split(features, 16)]))
