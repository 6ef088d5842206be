"""Check an index before it serves: counts, vectors, recall and scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexer.errors import BadEncoder, IndexCorrupt
from indexer.vectors.backend import rows_at
from indexer.vectors.contract import MEASURED_K, ScoreProfile
from indexer.vectors.recall import TOP, held_out_queries, recall_of
from indexer.vectors.row_table import RowTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.arrays import Rows, Vectors
    from indexer.store.records import ItemRecord, Row
    from indexer.vectors.backend import RecallPromise, VectorBackend

_SAMPLE = 256
_SEED = 0
_TOLERANCE = 1e-3
_SCORE_TOLERANCE = 5e-3
_ROUNDING = 2e-4
_RECALL_SLACK = 0.02
_BLOCK = 65_536
_PROFILE_ROWS = 500  # rows whose scores with each other are sampled; fewer are not representative
_MAX_SHIFT = 0.2  # mean shift of the score quantiles; a growing catalog stays far below it
_LENGTH_TOLERANCE = 1e-2  # of an encoder's vectors, which may have half precision


def check_vectors(
    vectors: Vectors, shape: tuple[int, int], encoder_id: str, names: Sequence[str] = ()
) -> None:
    """Check that an encoder returned finite unit vectors of this ``shape``; else raise BadEncoder.

    If ``names`` (n,) of the images are given, the error names the image of the worst vector.
    """
    if vectors.shape != shape:
        raise BadEncoder(
            f"canary: encoder {encoder_id!r} gave vectors of shape {vectors.shape}, "
            f"expected {shape}"
        )
    if not len(vectors):
        return
    lengths = np.linalg.norm(vectors, axis=1)  # (n,), NaN or inf if any number of the vector is
    errors = np.where(np.isfinite(lengths), np.abs(lengths - 1), np.inf)
    worst = int(np.argmax(errors))
    if errors[worst] > _LENGTH_TOLERANCE:
        of = f" of {names[worst]!r}" if names else ""
        gave = f"of length {lengths[worst]:.3g}" if np.isfinite(errors[worst]) else "not finite"
        raise BadEncoder(
            f"canary: encoder {encoder_id!r} gave a vector{of} that is {gave}, expected length 1"
        )


def check_counts(rows: list[Row], items: list[ItemRecord], lost: int = 0) -> None:
    """Check that the rows to index are exactly those of the items; else raise IndexCorrupt.

    ``lost`` is the number of rows that were left out on purpose.
    """
    known = {record.item.item_id for record in items}
    stray = [row.item_id for row in rows if row.item_id not in known]
    if stray:
        raise IndexCorrupt(
            f"canary: {len(stray)} of {len(rows)} rows belong to no item, such as {stray[0]!r}"
        )
    expected = sum(len(image.rows) for record in items for image in record.images)
    if expected != len(rows) + lost:
        raise IndexCorrupt(
            f"canary: {len(items)} items have {expected} rows, and {len(rows) + lost} are stored"
        )


def check_index(index: VectorBackend, vectors: Vectors, rows: Rows) -> None:
    """Compare an index that was read back from disk with what it was built from.

    It was built from ``vectors`` (n, dim) and ``rows`` (n,), ascending. Checks that counts agree,
    that every vector is finite and of unit length, that each of some sampled rows finds itself or
    an equal row, and that recall and scores at the promised effort are as measured.
    Raises IndexCorrupt, naming the check that failed.
    """
    if len(index) != len(rows):
        raise IndexCorrupt(f"canary: the index holds {len(index)} rows, expected {len(rows)}")
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))  # (n,), without a second (n, dim)
    if not np.isfinite(lengths).all():
        raise IndexCorrupt("canary: the index was built from vectors that are not finite")
    bad = int((np.abs(lengths - 1) > _TOLERANCE).sum())
    if bad:
        raise IndexCorrupt(f"canary: {bad} of {len(rows)} vectors are not of unit length")
    if len(rows) == 0:
        return
    sample = np.random.default_rng(_SEED).permutation(len(rows))[:_SAMPLE]
    positions, scores = index.exact(vectors[sample], 1)  # both (s, 1)
    found = rows_at(index.rows, positions)  # (s, 1)
    # Another image may have the same vector; then its row may be found instead.
    place = np.minimum(np.searchsorted(rows, found[:, 0]), len(rows) - 1)  # (s,)
    alike = np.einsum("sd,sd->s", vectors[place], vectors[sample])  # (s,)
    least = 1 - _TOLERANCE
    lost = (rows[place] != found[:, 0]) | (alike < least) | (scores[:, 0] < least)  # (s,)
    if lost.any():
        raise IndexCorrupt(
            f"canary: {int(lost.sum())} of {len(sample)} sampled rows do not find themselves"
        )
    if index.promise is not None:
        _check_recall(index, index.promise, vectors, rows)


def profile_of(vectors: Vectors) -> ScoreProfile | None:
    """Return the distribution of scores between vectors (n, dim); None if there are too few."""
    n = len(vectors)
    if n < _PROFILE_ROWS:
        return None
    rng = np.random.default_rng(_SEED)
    sample = rng.permutation(n)[:_PROFILE_ROWS]
    others = rng.permutation(n)[:_PROFILE_ROWS]
    scores = vectors[sample] @ vectors[others].T  # (s, s)
    spread = np.quantile(scores[sample[:, None] != others[None, :]], np.linspace(0.05, 0.95, 10))
    return ScoreProfile([round(float(score), 4) for score in spread])


def check_profile(now: ScoreProfile | None, before: ScoreProfile | None) -> None:
    """Check that scores are distributed as in the last generation; else raise IndexCorrupt."""
    if now is None or before is None:
        return
    shift = float(np.abs(np.subtract(now.quantiles, before.quantiles)).mean())
    if shift > _MAX_SHIFT:
        raise IndexCorrupt(
            f"canary: scores between images moved by {shift:.2f} since the last generation "
            f"(median {before.quantiles[4]:.2f}, now {now.quantiles[4]:.2f}): the encoder is "
            "broken, or the catalog is a different one; if it is, run again with --accept"
        )


def _check_recall(
    index: VectorBackend, promise: RecallPromise, vectors: Vectors, rows: Rows
) -> None:
    queries = held_out_queries(vectors, _SAMPLE, seed=_SEED + 1)
    best = np.sort(_best_scores(vectors, queries), axis=1)[:, ::-1]  # (q, TOP), best first
    positions, scores = index.approximate(queries, MEASURED_K)
    positions, scores = positions[:, :TOP], scores[:, :TOP]  # (q, TOP)
    found_rows = rows_at(index.rows, positions).ravel()  # (q * TOP,)
    places = RowTable(rows).positions_of(found_rows).reshape(positions.shape)  # in vectors
    # Place -1 reads the last vector; its score is overwritten.
    true = np.einsum("qkd,qd->qk", vectors[places], queries)
    true[places < 0] = -np.inf
    wrong = (positions >= 0) & (np.abs(true - scores) > _SCORE_TOLERANCE)
    if wrong.any():
        raise IndexCorrupt(
            f"canary: {int(wrong.sum())} of {wrong.size} scores of the index do not match its "
            "vectors"
        )
    # fp16 rounding changes a score by up to a few 1e-4, so equal rows may swap.
    found = recall_of(np.asarray(true + _ROUNDING, dtype=np.float32), best)  # (q,)
    allowance = max(_RECALL_SLACK, 3 * float(found.std()) / np.sqrt(len(found)))
    if found.mean() < promise.measured - allowance:
        raise IndexCorrupt(
            f"canary: recall@{TOP} is {found.mean():.3f}, but {promise.measured:.3f} was measured "
            "at the build"
        )


def _best_scores(vectors: Vectors, queries: Vectors) -> Vectors:
    """Return the TOP best scores of each query (q, TOP), unordered."""
    top = min(TOP, len(vectors))
    best = np.full((len(queries), top), -np.inf, dtype=np.float32)
    for at in range(0, len(vectors), _BLOCK):
        scores = queries @ vectors[at : at + _BLOCK].T  # (q, block)
        both = np.concatenate([best, scores], axis=1)
        best = np.partition(both, both.shape[1] - top, axis=1)[:, -top:]
    return best
