"""Evaluate the answers of a shop on photos whose right answers are known."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec
import numpy as np

from indexer.csvrows import csv_rows, list_columns
from indexer.errors import BadCatalog, BadImage
from indexer.imaging.images import read_image_file
from indexer.imaging.photos import read_photo
from indexer.items import Skipped
from indexer.threads import THREADS
from search.hits import Hit
from search.live.columns import casefolded
from search.quality import metrics
from search.quality.metrics import Estimate
from search.quality.reliability import Reliability, Unsold, compare_unsold, reliability
from search.query import EmbeddingPart, Query

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.arrays import Embedding, Pixels
    from search.engine import SearchEngine

DEPTH = 10
_BATCH = 32
_MAX_AHEAD = 64  # photos that are decoded before they are needed
NAMES = ("recall@1", "recall@5", "recall@10", "mrr", "map@10", "ndcg@10")


class Truth(NamedTuple):
    """A photo and its right answer: an item, or any item of a category."""

    image: Path
    kind: Literal["item", "category"]
    answer: str


class JudgedQuery(msgspec.Struct, frozen=True):
    """A query with its hits, and which of them are right.

    ``product`` is True if the first hit is of the right product, in any color.
    """

    image: str
    answer: str
    hits: list[Hit]
    right: list[bool]
    product: bool = False


class Slice(msgspec.Struct, frozen=True):
    """The figures of the queries of one category."""

    queries: int
    figures: dict[str, Estimate]


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of all queries and of each category, and the queries themselves.

    ``figures`` has an estimate for each of ``NAMES``; ``mrr`` uses the first ten hits. ``skipped``
    are photos that could not be read, and answers that the shop does not have; no figure includes
    them. ``reliability`` is None if answers are categories, because a confidence is about a
    product, and if the shop has no confidences.
    """

    figures: dict[str, Estimate]
    queries: int
    encoder: str
    generation: str
    per_category: dict[str, Slice]
    skipped: list[Skipped]
    judged: list[JudgedQuery]
    reliability: Reliability | None = None
    unsold: Unsold | None = None


def read_truths(path: Path) -> list[Truth]:
    """Read a queries file: CSV with the columns ``image`` and ``item_id`` or ``category``.

    Image paths are relative to the file. Raises BadCatalog if it is missing or empty, or lacks
    these columns.
    """
    columns, rows = csv_rows(path)
    if not rows:
        raise BadCatalog(f"{path} holds no queries: expected rows of image,item_id")
    if "image" not in columns or not {"item_id", "category"} & set(columns):
        raise BadCatalog(
            f"{path} needs the columns image and item_id (or category); it has "
            f"{list_columns(columns)}"
        )
    by_item = "item_id" in columns
    return [
        Truth(
            path.parent / (row["image"] or ""),
            "item" if by_item else "category",
            (row["item_id" if by_item else "category"] or "").strip(),
        )
        for row in rows
    ]


def evaluate(
    engine: SearchEngine,
    truths: list[Truth],
    *,
    unsold: Sequence[Path] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Search with every photo, and compare the hits with the truth.

    Hits are grouped by item, not by product: if the answer is one color of a shirt, no other color
    is right. ``unsold`` are photos of products that the shop does not sell. Raises BadCatalog if
    no photo can be searched with.
    """
    total_photos = len(truths) + len(unsold)
    skipped: list[Skipped] = []
    judged: list[JudgedQuery] = []
    totals: list[int] = []
    for query, total in _judge(engine, truths, skipped):
        judged.append(query)
        totals.append(total)
        if progress:
            progress(len(judged) + len(skipped), total_photos)
    if not judged:
        raise BadCatalog(
            f"none of {len(truths)} queries can be searched; {skipped[0].image}: "
            f"{skipped[0].reason}"
        )
    confidences = _first_confidences([query.hits for query in judged])
    unsold_photos = [Truth(path, "item", "") for path in unsold]
    unsold_hits = [
        engine.search(Query(parts=[EmbeddingPart(embedding)], limit=1)).hits
        for _, embedding in _encode_photos(engine, unsold_photos, skipped)
    ]
    confidences_of_unsold = _first_confidences(unsold_hits)
    if progress and unsold:
        progress(total_photos, total_photos)
    values = _metric_values(judged, totals)
    return Evaluation(
        figures={name: metrics.estimate(values[name]) for name in NAMES},
        queries=len(judged),
        encoder=engine.encoder.id,
        generation=engine.generation,
        per_category=_per_category(engine, truths, judged, values),
        skipped=skipped,
        judged=judged,
        reliability=reliability(confidences, np.array([query.product for query in judged]))
        if len(confidences) and truths[0].kind == "item"
        else None,
        unsold=compare_unsold(confidences, confidences_of_unsold, engine.no_match_below)
        if len(confidences) and len(confidences_of_unsold)
        else None,
    )


def _judge(
    engine: SearchEngine, truths: list[Truth], skipped: list[Skipped]
) -> Iterator[tuple[JudgedQuery, int]]:
    """Search with every photo; yield its hits, and how many items of the shop are right.

    Adds photos that cannot be read, and answers that the shop does not have, to ``skipped``.
    """
    in_category = engine.category_sizes()
    for truth, embedding in _encode_photos(engine, truths, skipped):
        total = _count_right(engine, truth, in_category)
        if total == 0:
            reason = f"the shop has no {truth.kind} {truth.answer!r}"
            skipped.append(Skipped("", reason, image=str(truth.image)))
            continue
        query = Query(parts=[EmbeddingPart(embedding)], limit=DEPTH, group="item")
        hits = engine.search(query).hits
        right = [_is_right(hit, truth) for hit in hits]
        product = truth.kind == "item" and _has_right_product(engine, hits, truth)
        yield JudgedQuery(str(truth.image), truth.answer, hits, right, product), total


def _encode_photos(
    engine: SearchEngine, truths: list[Truth], skipped: list[Skipped]
) -> Iterator[tuple[Truth, Embedding]]:
    """Yield each readable photo with its embedding, in order. Decodes in threads.

    Adds the others to ``skipped``.
    """
    preprocess = engine.encoder.preprocess

    def read(truth: Truth) -> Pixels:
        return read_photo(read_image_file(truth.image), preprocess)

    def encode(batch: list[tuple[Truth, Pixels]]) -> Iterator[tuple[Truth, Embedding]]:
        vectors = engine.encoder.encode_images([pixels for _, pixels in batch])
        yield from zip((truth for truth, _ in batch), vectors, strict=True)

    ahead: deque[tuple[Truth, Future[Pixels]]] = deque()
    batch: list[tuple[Truth, Pixels]] = []
    waiting = iter(truths)
    with ThreadPoolExecutor(THREADS.count, thread_name_prefix="decode") as pool:
        while True:
            while len(ahead) < _MAX_AHEAD and (truth := next(waiting, None)) is not None:
                ahead.append((truth, pool.submit(read, truth)))
            if not ahead:
                break
            truth, job = ahead.popleft()
            try:
                batch.append((truth, job.result()))
            except BadImage as error:
                skipped.append(Skipped("", str(error), image=str(truth.image)))
            if len(batch) == _BATCH:
                yield from encode(batch)
                batch = []
    if batch:
        yield from encode(batch)


def _count_right(engine: SearchEngine, truth: Truth, in_category: dict[str, int]) -> int:
    """Return how many items of the shop are right for a photo."""
    if truth.kind == "item":
        return int(engine.has_item(truth.answer))
    return in_category.get(casefolded(truth.answer.strip("/")), 0)


def _has_right_product(engine: SearchEngine, hits: list[Hit], truth: Truth) -> bool:
    return bool(hits) and hits[0].product_id == engine.item(truth.answer).product_id


def _first_confidences(answers: list[list[Hit]]) -> NDArray[np.float64]:
    """Return the confidence of the first hit of each answer: (n,), or (0,) if any has none."""
    confidences = [hits[0].confidence for hits in answers if hits]
    if len(confidences) < len(answers) or None in confidences:
        return np.empty(0)
    return np.array(confidences, dtype=np.float64)


def _is_right(hit: Hit, truth: Truth) -> bool:
    if truth.kind == "item":
        return hit.item_id == truth.answer
    wanted = casefolded(truth.answer.strip("/"))
    return any(f"{casefolded(path)}/".startswith(f"{wanted}/") for path in hit.categories)


def _metric_values(judged: list[JudgedQuery], totals: list[int]) -> dict[str, NDArray[np.float64]]:
    """Compute all metrics of all queries: by name, (n,) each."""
    relevant = [np.array(query.right, dtype=np.bool_) for query in judged]
    pairs = list(zip(relevant, totals, strict=True))
    return {
        "recall@1": np.array([metrics.success(hits, 1) for hits in relevant]),
        "recall@5": np.array([metrics.success(hits, 5) for hits in relevant]),
        "recall@10": np.array([metrics.success(hits, 10) for hits in relevant]),
        "mrr": np.array([metrics.reciprocal_rank(hits[:DEPTH]) for hits in relevant]),
        "map@10": np.array([metrics.average_precision(hits, total, 10) for hits, total in pairs]),
        "ndcg@10": np.array([metrics.ndcg(hits, total, 10) for hits, total in pairs]),
    }


def _per_category(
    engine: SearchEngine,
    truths: list[Truth],
    judged: list[JudgedQuery],
    values: dict[str, NDArray[np.float64]],
) -> dict[str, Slice]:
    """Compute the figures of each category; an item belongs to its first category."""
    kind = truths[0].kind
    names = [
        query.answer if kind == "category" else engine.main_category(query.answer)
        for query in judged
    ]
    out: dict[str, Slice] = {}
    for name in sorted(set(names)):
        chosen = np.array([category == name for category in names])  # (n,)
        figures = {metric: metrics.estimate(values[metric][chosen]) for metric in NAMES}
        out[name] = Slice(int(chosen.sum()), figures)
    return out
