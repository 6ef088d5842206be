"""The first rung of adapting an encoder to a shop: a closed form, in seconds and without torch.

What differs between two pictures of one item (light, side, background) should not count, what
differs between items should. So the vectors are whitened by the covariance within items, shrunk
towards a multiple of the identity because a shop has few pictures (Ledoit and Wolf 2004), and
turned so that the leading numbers say most: at power 1, linear discriminant analysis. The map is
linear and joins the file's last layer, so the adapted file is as fast as before and can be trained
further.
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
from indexer.encoders.onnxfile import OnnxEncoder
from indexer.errors import EncoderNotFound
from indexer.training.adapted import Adapted, write_if_better
from indexer.training.dataset import Dataset
from indexer.training.evaluation import Evaluation
from indexer.training.stored_weights import read_weight, replace_file, write_weight

_SHRINKAGES = (0.03, 0.1, 0.3, 1.0)
_POWERS = (0.5, 1.0)


class _Try(NamedTuple):
    shrinkage: float
    power: float
    matrix: NDArray[np.float64]


def within_items(
    vectors: Vectors, items: NDArray[np.int64], shrinkage: float, power: float
) -> NDArray[np.float64]:
    """Return the (dim, dim) map that whitens what differs within items, to a ``power``.

    ``vectors`` is (n, dim), ``items`` (n,). ``shrinkage`` times the mean variance is added to each
    variance; power 0 only turns the vectors. Rows are mapped by ``vectors @ map.T``. ValueError
    unless some item has two vectors.
    """
    numbers, at, counts = np.unique(items, return_inverse=True, return_counts=True)
    several = counts[at] > 1
    if not several.any():
        raise ValueError("no item has two pictures: nothing shows what differs within an item")
    sums = np.zeros((len(numbers), vectors.shape[1]))
    np.add.at(sums, at, vectors)
    inner = (vectors - (sums / counts[:, None])[at])[several]  # (m, dim)
    free = counts[counts > 1].sum() - (counts > 1).sum()
    values, axes = np.linalg.eigh(inner.T @ inner / free)
    values = values + shrinkage * values.mean()
    white = (axes * values ** (-power / 2)) @ axes.T
    means = sums / counts[:, None] @ white.T  # (items, dim)
    _, turn = np.linalg.eigh(means.T @ means)
    return np.asarray(turn[:, ::-1].T @ white, dtype=np.float64)


def adapt_head(start: Path, dataset: Dataset, out: Path) -> Adapted:
    """Write ``start`` with the best of a few maps in its last layer to ``out``, with its JSON.

    The choosing questions pick the map; the judging ones decide. Nothing is written unless at
    least two more of them are answered than before. EncoderNotFound where ``start`` was not
    exported by this package, CannotWrite where ``out`` cannot be written.
    """
    began = time.monotonic()
    encoder = OnnxEncoder(start, encoder_id=f"onnx:{start}")
    evaluation = Evaluation(dataset, encoder.preprocess.size)
    before = evaluation.judge(encoder)
    learned = np.flatnonzero(~dataset.hidden)
    vectors = encoder.encode_images(list(evaluation.pictures(learned)))
    best, best_figure = None, evaluation.share(encoder)
    for one in _maps(vectors, dataset.item[learned]):
        figure = evaluation.share(_Mapped(encoder, one.matrix))
        if figure > best_figure:
            best, best_figure = one, figure
    if best is None:
        return Adapted(before, before, 0, time.monotonic() - began, 0.0, written=False)
    matrix = best.matrix
    after, written = write_if_better(
        out, evaluation, before, lambda draft: _join(start, matrix, draft)
    )
    return Adapted(before, after, 0, time.monotonic() - began, 1.0, written)


def _maps(vectors: Vectors, items: NDArray[np.int64]) -> Iterator[_Try]:
    for shrinkage in _SHRINKAGES:
        for power in _POWERS:
            try:
                yield _Try(shrinkage, power, within_items(vectors, items, shrinkage, power))
            except ValueError:
                return


class _Mapped:
    """An encoder whose vectors go through a map."""

    def __init__(self, inner: OnnxEncoder, matrix: NDArray[np.float64]) -> None:
        self.encode = inner.encode_images
        self.matrix = matrix

    def encode_images(self, pixels: list[NDArray[np.uint8]]) -> Vectors:
        return unit((self.encode(pixels) @ self.matrix.T).astype(np.float32))


def _join(start: Path, matrix: NDArray[np.float64], out: Path) -> None:
    """Multiply the last layer of a file by a map: W x + b becomes (M W) x + M b."""
    model = onnx.load(start)
    try:
        weight, bias = read_weight(model, "head.weight"), read_weight(model, "head.bias")
        scale = 1.0 / np.linalg.norm(matrix, 2)  # keeps float16 weights in their range
        write_weight(model, "head.weight", (scale * matrix @ weight).astype(np.float32))
        write_weight(model, "head.bias", (scale * matrix @ bias).astype(np.float32))
    except ValueError as error:
        raise EncoderNotFound(
            f"cannot adapt {start}: {error}; start from the bundled weights"
        ) from error
    replace_file(out, model.SerializeToString())
    shutil.copyfile(start.with_suffix(".json"), out.with_suffix(".json"))
