"""The last look at an index before it serves: is it what it should be?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexer.errors import BadEncoder, IndexCorrupt
from indexer.vectors.contract import MEASURED_K, ScoreProfile
from indexer.vectors.tuning import TOP, held_out, recall_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.arrays import Rows, Vectors
    from indexer.store.records import ItemRecord, Row
    from indexer.vectors.index import VectorIndex

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
    """BadEncoder unless an encoder gave what encoders promise: ``shape``, finite, unit rows.

    ``names`` (n,) of the images, to say which of them it was.
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
    """IndexCorrupt unless the rows to be indexed are just those that the items say they have.

    ``lost`` is how many of them were left out on purpose.
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


def check_index(index: VectorIndex, vectors: Vectors, rows: Rows, *, seed: int = 0) -> None:
    """Compare an index, as it was read back from disk, with what was put into it.

    ``vectors`` (n, dim) and ``rows`` (n,), rising, are what it was built from. Every vector must
    be finite and of unit length, the counts must agree, each of a sample of rows must find a row
    as good as itself first, and at the promised effort the recall and the scores must be what
    the contract says. IndexCorrupt says what does not hold.
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
    found, scores = index.search(vectors[sample], 1)  # both (s, 1)
    # Another image may be the same to the encoder; the row found must then be that image's.
    place = np.minimum(np.searchsorted(rows, found[:, 0]), len(rows) - 1)  # (s,)
    alike = np.einsum("sd,sd->s", vectors[place], vectors[sample])  # (s,)
    least = 1 - _TOLERANCE
    lost = (rows[place] != found[:, 0]) | (alike < least) | (scores[:, 0] < least)  # (s,)
    if lost.any():
        raise IndexCorrupt(
            f"canary: {int(lost.sum())} of {len(sample)} sampled rows do not find themselves"
        )
    if not index.contract.exact:
        _check_recall(index, vectors, seed)


def profile_of(vectors: Vectors, *, seed: int = 0) -> ScoreProfile | None:
    """How scores are spread among these vectors (n, dim); None where they are too few to say."""
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
    """IndexCorrupt when scores are spread quite unlike they were in the last generation."""
    if now is None or before is None:
        return
    moved = float(np.abs(np.subtract(now.quantiles, before.quantiles)).mean())
    if moved > _MOVED:
        raise IndexCorrupt(
            f"canary: scores between images moved by {moved:.2f} since the last generation "
            f"(median {before.quantiles[4]:.2f}, now {now.quantiles[4]:.2f}), which a healthy "
            "encoder does only for another catalog; if it is one, run again with --accept"
        )


def _check_recall(index: VectorIndex, vectors: Vectors, seed: int) -> None:
    contract = index.contract
    queries = held_out(vectors, _SAMPLE, seed=seed + 1)
    best = np.sort(_best_scores(vectors, queries), axis=1)[:, ::-1]  # (q, TOP), best first
    level = contract.levels[contract.level]
    positions, said = index.near(queries, MEASURED_K, level.effort)
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
    if found.mean() < level.recall - allowance:
        raise IndexCorrupt(
            f"canary: recall@{TOP} is {found.mean():.3f}, the index was measured to have "
            f"{level.recall:.3f}"
        )


def _best_scores(vectors: Vectors, queries: Vectors) -> Vectors:
    """The TOP best scores of each query, in no order, by plain arithmetic: (q, TOP)."""
    top = min(TOP, len(vectors))
    best = np.full((len(queries), top), -np.inf, dtype=np.float32)
    for at in range(0, len(vectors), _BLOCK):
        scores = queries @ vectors[at : at + _BLOCK].T  # (q, block)
        both = np.concatenate([best, scores], axis=1)
        best = np.partition(both, both.shape[1] - top, axis=1)[:, -top:]
    return best
