"""Where training begins: closed forms over frozen features, in seconds and without a gradient.

The teachers' features are centered, turned to their principal axes and whitened by half (each axis
divided by the root of its deviation), so that the leading numbers say most and work alone. The head
begins as the ridge regression from what the trunk sees to that.
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
from indexer.training.hyperparameters import SHARES, Hyperparameters
from indexer.training.network import DIM, LITE, Network
from indexer.training.teacher_features import TeacherFeatures, weights_file

_HEAD_STEP = 3  # one photo in so many is enough to fit the head to


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
    """Fit the 256 leading axes of rows (n, d), each row counted ``weights`` (n,) times.

    Each axis is divided by its deviation to the ``power``: 0 is plain PCA, 1 whitens fully.
    """
    share = (weights / weights.sum()).astype(np.float64)
    mean = share @ rows.astype(np.float64)
    centered = rows.astype(np.float64) - mean
    values, vectors = np.linalg.eigh((centered * share[:, None]).T @ centered)
    leading = np.argsort(-values)[:DIM]
    scale = np.maximum(values[leading], 1e-12) ** (-power / 2)
    return Axes(mean.astype(np.float32), (vectors[:, leading] * scale).astype(np.float32))


@torch.inference_mode()
def look(network: Network, squares: NDArray[np.uint8], size: int) -> Tensor:
    """What the head sees of squares (n, s, s, 3), scaled to ``size``: (n, 1392)."""
    parts = []
    for start in range(0, len(squares), 32):
        pixels = torch.from_numpy(squares[start : start + 32]).permute(0, 3, 1, 2).float()
        x = functional.interpolate(pixels, size=(size, size), mode="bilinear", antialias=True)
        parts.append(network.pooled(x.contiguous(memory_format=torch.channels_last)))
    return torch.cat(parts).clone()


def fit_head(network: Network, seen: Tensor, target: Tensor, palette: float = 0.3) -> float:
    """Set the head to the ridge regression from ``seen`` (n, 1392) to ``target`` (n, 256).

    Returns the mean cosine on the rows it was fitted to. ``palette`` is how freely the palette is
    used, 1 as freely as the features.
    """
    scale = torch.ones(seen.shape[1])
    scale[network.last.conv.out_channels :] = palette
    x = seen * scale
    mean, aim = x.mean(0), target.mean(0)
    centered = x - mean
    gram = (centered.T @ centered).double()
    gram += torch.eye(len(gram)).double() * gram.diagonal().mean() * 0.02
    solved = torch.linalg.solve(gram, (centered.T @ (target - aim)).double()).float()  # (1392, 256)
    with torch.no_grad():
        network.head.weight.copy_((solved * scale[:, None]).T)
        network.head.bias.copy_(aim - mean @ solved)
        made = functional.normalize(network.head(seen), dim=1)
    return float((made * functional.normalize(target, dim=1)).sum(1).mean())


def row_weights(sources: Sequence[str], shares: Mapping[str, float]) -> NDArray[np.float64]:
    """Weigh rows (n,) so that each source counts as its share, however many rows it has."""
    names, inverse, counts = np.unique(np.array(sources), return_inverse=True, return_counts=True)
    wanted = np.array([shares.get(str(name), 0.0) for name in names])
    return np.asarray((wanted / counts)[inverse], dtype=np.float64)


def initialize(
    photos: Sequence[Photo],
    squares: NDArray[np.uint8],
    features: TeacherFeatures,
    params: Hyperparameters,
    use: Sequence[bool],
) -> tuple[Network, Batches]:
    """Return the network with ImageNet's trunk and a closed-form head, and the batches to train on.

    ``squares`` (n, s, s, 3) are the photos; ``use`` (n,) marks those that may be learned from.
    """
    network = Network(params.shape)
    (name,) = [name for name, shape in LITE.items() if shape == params.shape]
    network.take_imagenet(torch.load(weights_file(name), map_location="cpu", weights_only=True))
    network = network.eval().to(memory_format=torch.channels_last)
    used = np.array(use)
    sources = [photos[int(number)].source for number in features.photo]
    weights = row_weights(sources, SHARES) * used[features.photo]
    axes = principal_axes(features.seen, weights, params.whiten)
    targets = torch.from_numpy(
        np.concatenate([axes(part) for part in np.array_split(features.seen, 16)])
    )
    batches = Batches(photos, squares, features, targets, params, use)
    some = np.flatnonzero(used)[::_HEAD_STEP]
    size = params.size(params.steps - 1)
    fit_head(network, look(network, squares[some], size), targets[batches.first[some]])
    return network, batches
