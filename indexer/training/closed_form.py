"""Adapt an encoder to a shop, step one: a linear map in closed form, in seconds and without torch.

Differences between two pictures of an item (light, side, background) should not count; differences
between items should. So vectors are whitened by the within-item covariance, which is shrunk towards
a multiple of the identity because a shop has few pictures (Ledoit and Wolf 2004), and rotated so
that the leading dimensions carry the most variance: at power 1, linear discriminant analysis (LDA).
The map is multiplied into the last layer of the file, so the adapted file is as fast as before and
can be trained further.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray

from indexer.arrays import Vectors, unit
from indexer.durable import replace_file
from indexer.encoders.onnxfile import OnnxEncoder
from indexer.errors import EncoderNotFound
from indexer.training.adapted import Adapted, write_if_better
from indexer.training.dataset import Dataset
from indexer.training.evaluation import Evaluation
from indexer.training.stored_weights import read_weight, write_weight

_SHRINKAGES = (0.03, 0.1, 0.3, 1.0)
_POWERS = (0.5, 1.0)


class _Candidate(NamedTuple):
    shrinkage: float
    power: float
    matrix: NDArray[np.float64]


def within_item_whitening(
    vectors: Vectors, items: NDArray[np.int64], shrinkage: float, power: float
) -> NDArray[np.float64]:
    """Return the (dim, dim) map that whitens the within-item covariance to the ``power``.

    ``vectors`` is (n, dim), ``items`` (n,). ``shrinkage`` times the mean variance is added to each
    variance; power 0 only rotates the vectors. Apply it as ``vectors @ map.T``. Raises ValueError
    if no item has two vectors.
    """
    numbers, item_index, counts = np.unique(items, return_inverse=True, return_counts=True)
    several = counts[item_index] > 1
    if not several.any():
        raise ValueError("no item has two pictures, so there is no covariance within items")
    sums = np.zeros((len(numbers), vectors.shape[1]))
    np.add.at(sums, item_index, vectors)
    deviations = (vectors - (sums / counts[:, None])[item_index])[several]  # (m, dim)
    degrees_of_freedom = counts[counts > 1].sum() - (counts > 1).sum()
    values, axes = np.linalg.eigh(deviations.T @ deviations / degrees_of_freedom)
    values = values + shrinkage * values.mean()
    whitening = (axes * values ** (-power / 2)) @ axes.T
    means = sums / counts[:, None] @ whitening.T  # (items, dim)
    _, rotation = np.linalg.eigh(means.T @ means)
    return np.asarray(rotation[:, ::-1].T @ whitening, dtype=np.float64)


def adapt_head(start: Path, dataset: Dataset, out: Path) -> Adapted:
    """Write ``start`` with the best of a few maps in its last layer to ``out``, with its JSON.

    The map is chosen on the validation queries. Nothing is written unless the result answers at
    least two more test queries than ``start``. Raises EncoderNotFound if ``start`` was not exported
    by this package, CannotWrite if ``out`` cannot be written.
    """
    began = time.monotonic()
    encoder = OnnxEncoder(start, encoder_id=f"onnx:{start}")
    evaluation = Evaluation(dataset, encoder.preprocess.size)
    before = evaluation.test_outcomes(encoder)
    training = np.flatnonzero(~dataset.held_out)
    vectors = encoder.encode_images(list(evaluation.pictures(training)))
    queries, gallery = evaluation.encode(encoder, evaluation.validation)

    def validation_recall(queries: Vectors, gallery: Vectors) -> float:
        return float(evaluation.outcomes(queries, gallery, evaluation.validation)[:, 0].mean())

    best, best_recall = None, validation_recall(queries, gallery)
    for candidate in _candidates(vectors, dataset.item[training]):
        mapped = (
            unit((part @ candidate.matrix.T).astype(np.float32)) for part in (queries, gallery)
        )
        recall = validation_recall(*mapped)
        if recall > best_recall:
            best, best_recall = candidate, recall
    if best is None:
        return Adapted(before, before, 0, time.monotonic() - began, 0.0, written=False)
    matrix = best.matrix
    after, written = write_if_better(
        out, evaluation, before, lambda draft: _join(start, matrix, draft)
    )
    return Adapted(before, after, 0, time.monotonic() - began, 1.0, written)


def _candidates(vectors: Vectors, items: NDArray[np.int64]) -> Iterator[_Candidate]:
    for shrinkage in _SHRINKAGES:
        for power in _POWERS:
            try:
                yield _Candidate(
                    shrinkage, power, within_item_whitening(vectors, items, shrinkage, power)
                )
            except ValueError:
                return


def _join(start: Path, matrix: NDArray[np.float64], out: Path) -> None:
    """Write a copy of a file with its last layer W x + b replaced by (M W) x + M b."""
    model = onnx.load(start)
    try:
        weight, bias = read_weight(model, "head.weight"), read_weight(model, "head.bias")
        scale = 1.0 / np.linalg.norm(matrix, 2)  # float16 weights would overflow otherwise
        write_weight(model, "head.weight", (scale * matrix @ weight).astype(np.float32))
        write_weight(model, "head.bias", (scale * matrix @ bias).astype(np.float32))
    except ValueError as error:
        raise EncoderNotFound(
            f"cannot adapt {start}: {error}; start from the bundled weights"
        ) from error
    replace_file(out, model.SerializeToString())
    shutil.copyfile(start.with_suffix(".json"), out.with_suffix(".json"))
