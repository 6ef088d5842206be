"""The course of a training: from photos to the finished file."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from indexer.training.batches import Batches
from indexer.training.branch import with_branch
from indexer.training.data import Photo
from indexer.training.export import POOLED, export, load_network
from indexer.training.fit import fit
from indexer.training.hyperparameters import Hyperparameters
from indexer.training.initialize import fit_head, imagenet_network, teacher_targets
from indexer.training.inner_outputs import inner_outputs
from indexer.training.network import FEATURE_DIM, Network
from indexer.training.objective import Objective
from indexer.training.originals import read_squares
from indexer.training.quantize import quantize_file
from indexer.training.teacher_features import make_features
from indexer.training.views import make_views
from indexer.training.whitened_head import refit_head

_RANGE_PHOTOS = 256
_HEAD_STEP = 3  # every third photo is enough to initialize the head

logger = logging.getLogger(__name__)


def train(
    photos: Sequence[Photo], use: Sequence[bool], params: Hyperparameters, work: Path, name: str
) -> Path:
    """Train on the photos that ``use`` (n,) marks; return the finished file, in ``work``.

    ``name`` is the name of the weights. Features, views and checkpoints are stored in ``work``;
    what is already there is not computed again. Raises ImportError if the ImageNet weights are not
    installed, ValueError if ``work`` holds files of another training.
    """
    features = make_features(
        photos, work / "features.npz", params.workers, _progress("teacher features")
    )
    targets = teacher_targets(photos, features, params.whitening_power, use)
    used = [photo for photo, is_used in zip(photos, use, strict=True) if is_used]
    squares = read_squares(used, params.size)
    start = imagenet_network(params.shape)
    base, untrained = work / "base.onnx", with_branch(start, start, params.frozen_blocks)
    if not base.is_file():
        _write(untrained, base, squares, "base")
    elif load_network(base).shape != untrained.shape:
        raise ValueError(f"{base} holds a network of another shape; remove it to make it again")
    _initialize_head(start, base, squares, targets[torch.tensor(use)])
    batches = Batches(photos, read_squares(photos), params, use)
    views = make_views(
        base, batches, params.view_batches, work / "views", params.workers, _progress("views")
    )
    objective = Objective(batches, targets, params)
    trained = fit(start, objective, views, params, work / "checkpoint.pt", logger.info)
    squares = read_squares(used, params.served_size)
    draft = work / f"{name}.onnx"
    _write(with_branch(start, trained, params.frozen_blocks), draft, squares, name)
    refit_head(draft, trained.head, used, squares, params)
    return draft


def _progress(what: str) -> Callable[[int, int], None]:
    def report(done: int, total: int) -> None:
        if done % max(1, total // 16) == 0 or done == total:
            logger.info("%s %d/%d", what, done, total)

    return report


def _write(network: Network, path: Path, squares: NDArray[np.uint8], name: str) -> None:
    """Export a network for pictures like ``squares`` (n, size, size, 3) of all sets, in int8."""
    draft = path.with_suffix(".draft.onnx")
    export(network, draft, name=name, size=squares.shape[1], fit="squash")
    step = max(1, len(squares) // _RANGE_PHOTOS)
    agreement = quantize_file(draft, squares[::step][:_RANGE_PHOTOS])
    logger.info("%s: cosine of int8 to float32: mean %.4f, minimum %.4f", path.name, *agreement)
    for suffix in (".json", ".onnx"):
        draft.with_suffix(suffix).replace(path.with_suffix(suffix))


def _initialize_head(
    network: Network, base: Path, squares: NDArray[np.uint8], targets: torch.Tensor
) -> None:
    """Fit the head of a network without a branch to what the layers of ``base`` compute."""
    run = inner_outputs(base, (POOLED,))
    some = squares[::_HEAD_STEP]
    parts = [run(some[first : first + 32])[0] for first in range(0, len(some), 32)]
    rows = np.concatenate(parts)  # (n / 3, pooled_dim) of the network with a branch
    without_branch = np.concatenate([rows[:, :FEATURE_DIM], rows[:, 2 * FEATURE_DIM :]], axis=1)
    fit_head(network, torch.from_numpy(without_branch), targets[::_HEAD_STEP])
