"""The last check of an index before it serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexer.errors import BadEncoder, IndexCorrupt
from indexer.vectors.backend import rows_at
from indexer.vectors.contract import MEASURED_K, ScoreProfile
from indexer.vectors.recall import TOP, held_out, recall_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.arrays import Rows, Vectors
    from indexer.store.records import ItemRecord, Row
    from indexer.vectors.backend import RecallPromise, VectorBackend

_SAMPLE = 256
_TOLERANCE = 1e-3
_SCORE_TOLERANCE = 5e-3
_ROUNDING = 2e-4
_RECALL_SLACK = 0.02
_BLOCK = 65_536
_PROFILED = 500  # rows whose scores with each other are looked at; fewer say nothing
_MOVED = 0.2  # mean shift of the quantiles of all scores that no growing catalog has
_LENGTH_TOLERANCE = 1e-2  # of what an encoder gives, perhaps in half precision


def check_vectors(
    vectors: Vectors, shape: tuple[int, int], encoder_id: str, names: Sequence[str] = ()
) -> None:
    """Check that an encoder gave finite unit vectors of this ``shape``. Raises BadEncoder.

    The error names the worst one if ``names`` (n,) of the images are given.
    """
    if vectors.shape != shape:
        raise BadEncoder(
            f"canary: encoder {encoder_id!r} gave vectors of shape {vectors.shape}, "
            f"expected {shape}"
        )
    if not len(vectors):
        return
    lengths = np.linalg.norm(vectors, axis=1)  # (n,), NaN or inf where any number is
    off = np.where(np.isfinite(lengths), np.abs(lengths - 1), np.inf)
    worst = int(np.argmax(off))
    if off[worst] > _LENGTH_TOLERANCE:
        of = f" of {names[worst]!r}" if names else ""
        gave = f"of length {lengths[worst]:.3g}" if np.isfinite(off[worst]) else "not finite"
        raise BadEncoder(
            f"canary: encoder {encoder_id!r} gave a vector{of} that is {gave}, expected length 1"
        )


def check_counts(rows: list[Row], items: list[ItemRecord], lost: int = 0) -> None:
    """Check that the rows to be indexed are exactly those of the items. Raises IndexCorrupt.

    ``lost`` is how many were left out on purpose.
    """
    known = {record.item.item_id for record in items}
    stray = [row.item_id for row in rows if row.item_id not in known]
    if stray:
        raise IndexCorrupt(
            f"canary: {len(stray)} of {len(rows)} rows belong to no item, such as {stray[0]!r}"
        )
    said = sum(len(image.rows) for record in items for image in record.images)
    if said != len(rows) + lost:
        raise IndexCorrupt(
            f"canary: {len(items)} items have {said} rows, and {len(rows) + lost} are stored"
        )


def check_index(index: VectorBackend, vectors: Vectors, rows: Rows, *, seed: int = 0) -> None:
    """Compare an index, as it was read back from disk, with what it was built from.

    That is ``vectors`` (n, dim) and ``rows`` (n,), rising. Every vector must be finite and of unit
    length, the counts must agree, each of a sample of rows must find a row as good as itself
    first, and at the promised effort the recall and the scores must be what was measured. Raises
    IndexCorrupt, which names what does not hold.
    """
    if len(index) != len(rows):
        raise IndexCorrupt(f"canary: the index holds {len(index)} rows, expected {len(rows)}")
    if not np.isfinite(vectors).all():
        raise IndexCorrupt("canary: the index was built from vectors that are not finite")
    lengths = np.linalg.norm(vectors, axis=1)  # (n,)
    bad = int((np.abs(lengths - 1) > _TOLERANCE).sum())
    if bad:
        raise IndexCorrupt(f"canary: {bad} of {len(rows)} vectors are not of unit length")
    if len(rows) == 0:
        return
    sample = np.random.default_rng(seed).permutation(len(rows))[:_SAMPLE]
    positions, scores = index.exact(vectors[sample], 1)  # both (s, 1)
    found = rows_at(index.rows, positions)  # (s, 1)
    # Another image may be the same to the encoder; the row found must then be that image's.
    place = np.minimum(np.searchsorted(rows, found[:, 0]), len(rows) - 1)  # (s,)
    alike = np.einsum("sd,sd->s", vectors[place], vectors[sample])  # (s,)
    least = 1 - _TOLERANCE
    lost = (rows[place] != found[:, 0]) | (alike < least) | (scores[:, 0] < least)  # (s,)
    if lost.any():
        raise IndexCorrupt(
            f"canary: {int(lost.sum())} of {len(sample)} sampled rows do not find themselves"
        )
    if index.promise is not None:
        _check_recall(index, index.promise, vectors, seed)


def profile_of(vectors: Vectors, *, seed: int = 0) -> ScoreProfile | None:
    """Return the distribution of scores among these vectors (n, dim); None if they are too few."""
    n = len(vectors)
    if n < _PROFILED:
        return None
    rng = np.random.default_rng(seed)
    sample = rng.permutation(n)[:_PROFILED]
    others = rng.permutation(n)[:_PROFILED]
    scores = vectors[sample] @ vectors[others].T  # (s, s)
    spread = np.quantile(scores[sample[:, None] != others[None, :]], np.linspace(0.05, 0.95, 10))
    return ScoreProfile([round(float(score), 4) for score in spread])


def check_profile(now: ScoreProfile | None, before: ScoreProfile | None) -> None:
    """Check that scores are distributed like those of the last generation. Raises IndexCorrupt."""
    if now is None or before is None:
        return
    moved = float(np.abs(np.subtract(now.quantiles, before.quantiles)).mean())
    if moved > _MOVED:
        raise IndexCorrupt(
            f"canary: scores between images moved by {moved:.2f} since the last generation "
            f"(median {before.quantiles[4]:.2f}, now {now.quantiles[4]:.2f}), which a healthy "
            "encoder does only for another catalog; if it is one, run again with --accept"
        )


def _check_recall(
    index: VectorBackend, promise: RecallPromise, vectors: Vectors, seed: int
) -> None:
    queries = held_out(vectors, _SAMPLE, seed=seed + 1)
    best = np.sort(_best_scores(vectors, queries), axis=1)[:, ::-1]  # (q, TOP), best first
    positions, said = index.approximate(queries, MEASURED_K)
    positions, said = positions[:, :TOP], said[:, :TOP]  # (q, TOP)
    true = np.einsum("qkd,qd->qk", vectors[positions], queries)  # of -1: any row's, not counted
    true[positions < 0] = -np.inf
    wrong = (positions >= 0) & (np.abs(true - said) > _SCORE_TOLERANCE)
    if wrong.any():
        raise IndexCorrupt(
            f"canary: {int(wrong.sum())} of {wrong.size} scores of the index are not those of "
            "its vectors"
        )
    # fp16 rounding moves a score by up to a few 1e-4; equals may change places
    found = recall_of(np.asarray(true + _ROUNDING, dtype=np.float32), best)  # (q,)
    allowance = max(_RECALL_SLACK, 3 * float(found.std()) / np.sqrt(len(found)))
    if found.mean() < promise.measured - allowance:
        raise IndexCorrupt(
            f"canary: recall@{TOP} is {found.mean():.3f}, the index was measured to have "
            f"{promise.measured:.3f}"
        )


def _best_scores(vectors: Vectors, queries: Vectors) -> Vectors:
    """Compute the TOP best scores of each query, in no order: (q, TOP)."""
    top = min(TOP, len(vectors))
    best = np.full((len(queries), top), -np.inf, dtype=np.float32)
    for at in range(0, len(vectors), _BLOCK):
        scores = queries @ vectors[at : at + _BLOCK].T  # (q, block)
        both = np.concatenate([best, scores], axis=1)
        best = np.partition(both, both.shape[1] - top, axis=1)[:, -top:]
    return best
