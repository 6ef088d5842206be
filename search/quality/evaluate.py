"""How good the answers are: photos with known truth in, figures with intervals out."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec
import numpy as np

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
_AHEAD = 64  # photos decoded before they are needed
NAMES = ("recall@1", "recall@5", "recall@10", "mrr", "map@10", "ndcg@10")


class Truth(NamedTuple):
    """A photo and what is right for it: an item, or any item of a category."""

    image: Path
    kind: Literal["item", "category"]
    answer: str


class Judged(msgspec.Struct, frozen=True):
    """One query with its hits and which of them are right.

    ``product`` says whether the first hit is of the right product: another color of it is.
    """

    image: str
    answer: str
    hits: list[Hit]
    right: list[bool]
    product: bool = False


class Slice(msgspec.Struct, frozen=True):
    """The figures of some of the queries."""

    queries: int
    figures: dict[str, Estimate]


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of all queries, of each category, and the queries behind them.

    ``figures`` has the names of ``NAMES``. ``mrr`` looks at the first ten hits. ``skipped``
    lists photos that could not be read and answers that the shop does not have; they are in
    no figure. ``reliability`` is None where answers are categories (a confidence is that of a
    product), or where the shop has no confidences.
    """

    figures: dict[str, Estimate]
    queries: int
    encoder: str
    generation: str
    per_category: dict[str, Slice]
    skipped: list[Skipped]
    judged: list[Judged]
    reliability: Reliability | None = None
    unsold: Unsold | None = None


def read_truths(path: Path) -> list[Truth]:
    """Read a queries file: CSV with the columns ``image`` and ``item_id`` or ``category``.

    Image paths are relative to the file. BadCatalog when it is missing, empty or has other
    columns.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise BadCatalog(f"cannot read {path}: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadCatalog(f"{path} is not a CSV file in UTF-8: {error}") from error
    if not rows:
        raise BadCatalog(f"{path} holds no queries: expected rows of image,item_id")
    columns = [name for name in rows[0] if name]
    if "image" not in columns or not {"item_id", "category"} & set(columns):
        raise BadCatalog(
            f"{path} needs the columns image and item_id (or category); it has "
            f"{', '.join(map(repr, columns))}"
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
    """Ask the engine every query and compare its hits with the truth.

    Hits are items here, not products: a query that names one color of a shirt is only
    answered by that color. ``unsold`` are photos of things that the shop does not sell.
    BadCatalog when no query can be asked at all.
    """
    judged: list[Judged] = []
    totals: list[int] = []
    skipped: list[Skipped] = []
    in_category = engine.category_sizes()
    for truth, embedding in _embedded(engine, truths, skipped):
        total = _total(engine, truth, in_category)
        if total == 0:
            reason = f"the shop has no {truth.kind} {truth.answer!r}"
            skipped.append(Skipped("", reason, image=str(truth.image)))
            continue
        query = Query(parts=[EmbeddingPart(embedding)], limit=DEPTH, group="item")
        hits = engine.search(query).hits
        right = [_is_right(hit, truth) for hit in hits]
        product = truth.kind == "item" and _is_product(engine, hits, truth)
        judged.append(Judged(str(truth.image), truth.answer, hits, right, product))
        totals.append(total)
        if progress:
            progress(len(judged) + len(skipped), len(truths) + len(unsold))
    if not judged:
        raise BadCatalog(
            f"none of {len(truths)} queries can be asked; {skipped[0].image}: {skipped[0].reason}"
        )
    values = _values(judged, totals)
    others = [Truth(path, "item", "") for path in unsold]
    strange = [
        engine.search(Query(parts=[EmbeddingPart(embedding)], limit=1)).hits
        for _, embedding in _embedded(engine, others, skipped)
    ]
    if progress and unsold:
        progress(len(truths) + len(unsold), len(truths) + len(unsold))
    sure, sure_of_others = _confidences([one.hits for one in judged]), _confidences(strange)
    return Evaluation(
        figures={name: metrics.estimate(values[name]) for name in NAMES},
        queries=len(judged),
        encoder=engine.encoder.id,
        generation=engine.generation,
        per_category=_per_category(engine, truths, judged, values),
        skipped=skipped,
        judged=judged,
        reliability=reliability(sure, np.array([one.product for one in judged]))
        if len(sure) and truths[0].kind == "item"
        else None,
        unsold=compare_unsold(sure, sure_of_others, engine.no_match_below)
        if len(sure) and len(sure_of_others)
        else None,
    )


def _embedded(
    engine: SearchEngine, truths: list[Truth], skipped: list[Skipped]
) -> Iterator[tuple[Truth, Embedding]]:
    """Each readable photo with its embedding, in order: decoded in threads, encoded in batches."""
    preprocess = engine.encoder.preprocess

    def read(truth: Truth) -> Pixels:
        return read_photo(read_image_file(truth.image), preprocess)

    def encoded(batch: list[tuple[Truth, Pixels]]) -> Iterator[tuple[Truth, Embedding]]:
        vectors = engine.encoder.encode_images([pixels for _, pixels in batch])
        yield from zip((truth for truth, _ in batch), vectors, strict=True)

    ahead: deque[tuple[Truth, Future[Pixels]]] = deque()
    batch: list[tuple[Truth, Pixels]] = []
    waiting = iter(truths)
    with ThreadPoolExecutor(THREADS.count, thread_name_prefix="decode") as pool:
        while True:
            while len(ahead) < _AHEAD and (truth := next(waiting, None)) is not None:
                ahead.append((truth, pool.submit(read, truth)))
            if not ahead:
                break
            truth, job = ahead.popleft()
            try:
                batch.append((truth, job.result()))
            except BadImage as error:
                skipped.append(Skipped("", str(error), image=str(truth.image)))
            if len(batch) == _BATCH:
                yield from encoded(batch)
                batch = []
    if batch:
        yield from encoded(batch)


def _total(engine: SearchEngine, truth: Truth, in_category: dict[str, int]) -> int:
    if truth.kind == "item":
        return int(engine.has_item(truth.answer))
    return in_category.get(casefolded(truth.answer.strip("/")), 0)


def _is_product(engine: SearchEngine, hits: list[Hit], truth: Truth) -> bool:
    return bool(hits) and hits[0].product_id == engine.item(truth.answer).product_id


def _confidences(answers: list[list[Hit]]) -> NDArray[np.float64]:
    """The confidence of the first hit of each answer: (n,), or (0,) if the shop has none."""
    sure = [hits[0].confidence for hits in answers if hits]
    if len(sure) < len(answers) or None in sure:
        return np.empty(0)
    return np.array(sure, dtype=np.float64)


def _is_right(hit: Hit, truth: Truth) -> bool:
    if truth.kind == "item":
        return hit.item_id == truth.answer
    wanted = casefolded(truth.answer.strip("/"))
    return any(f"{casefolded(path)}/".startswith(f"{wanted}/") for path in hit.categories)


def _values(judged: list[Judged], totals: list[int]) -> dict[str, NDArray[np.float64]]:
    """Every metric of every query: name to (n,)."""
    relevant = [np.array(one.right, dtype=np.bool_) for one in judged]
    pairs = list(zip(relevant, totals, strict=True))
    return {
        "recall@1": np.array([metrics.success(r, 1) for r in relevant]),
        "recall@5": np.array([metrics.success(r, 5) for r in relevant]),
        "recall@10": np.array([metrics.success(r, 10) for r in relevant]),
        "mrr": np.array([metrics.reciprocal_rank(r[:DEPTH]) for r in relevant]),
        "map@10": np.array([metrics.average_precision(r, total, 10) for r, total in pairs]),
        "ndcg@10": np.array([metrics.ndcg(r, total, 10) for r, total in pairs]),
    }


def _per_category(
    engine: SearchEngine,
    truths: list[Truth],
    judged: list[Judged],
    values: dict[str, NDArray[np.float64]],
) -> dict[str, Slice]:
    """The figures again for the queries of each category (the main one of the right item)."""
    kind = truths[0].kind
    names = [
        one.answer if kind == "category" else engine.main_category(one.answer) for one in judged
    ]
    out: dict[str, Slice] = {}
    for name in sorted(set(names)):
        chosen = np.array([one == name for one in names])  # (n,)
        figures = {metric: metrics.estimate(values[metric][chosen]) for metric in NAMES}
        out[name] = Slice(int(chosen.sum()), figures)
    return out
