"""Measure the overhead of the engine over raw FAISS, and the recall and time of filtered searches.

    python scripts/bench_engine.py --work CACHE [--data PHOTOS] [--size 20000] [--pairs 10000]

Filters: ``--pairs`` random (query, filter) pairs, where a filter passes from half of all rows to
one in ten thousand. Half of the filters pass random rows, half pass similar rows (as a category
does). Each result is compared with brute force over the original vectors, and over the vectors as
stored in fp16. Engine: a shop with ``--size`` items is written through the live path, rebuilt, and
searched with and without a filter; the same index is also searched directly. Times are CPU times
of this process, so other load on the machine does not matter.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from bench_search import PACKAGES
from bench_vectors import load_sample
from machine import machine

from indexer.encoders.registry import load_encoder
from indexer.items import Item
from indexer.jobs.job import open_job
from indexer.jobs.publishing import publish
from indexer.shop.folder import ShopFolder
from indexer.store.store import Store
from indexer.vectors.contract import MEASURED_K, BuildTargets, Targets
from indexer.vectors.planner import nearest
from indexer.vectors.position_mask import PositionMask
from indexer.vectors.recall import TOP, recall_of
from indexer.vectors.tuning import choose_recipe
from indexer.writing.writes import Draft, ImageInput, put_items
from search.engine import SearchEngine
from search.filters.grammar import parse_filter
from search.query import EmbeddingPart, Query

if TYPE_CHECKING:
    from bench_vectors import Sample
    from numpy.typing import NDArray

    from indexer.arrays import Vectors
    from indexer.vectors.index import VectorIndex

    Mask = NDArray[np.bool_]

SHARES = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.001, 0.0001)
_QUERIES_A_FILTER = 25
_KINDS = 50


class Pair(NamedTuple):
    """The result of one (query, filter) pair: how it was searched, and the CPU microseconds.

    ``recall`` is relative to brute force over the original vectors, ``stored`` to stored ones.
    """

    mode: str
    recall: float
    stored: float
    us: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--work", type=Path, required=True, help="folder where vectors are cached")
    parser.add_argument("--data", type=Path, help="a folder of photos")
    parser.add_argument("--size", type=int, default=20_000)
    parser.add_argument(
        "--crops",
        type=int,
        default=60_000,
        help="number of crops to embed; further vectors are derived",
    )
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--recall", type=float, default=0.98)
    options = parser.parse_args()
    sample = load_sample(options.size, options.work, options.data, crops=options.crops)
    targets = Targets(recall=options.recall, exact_below=1000)
    index = choose_recipe(sample.vectors, np.arange(len(sample.vectors)), targets)
    result = {
        "machine": machine(*PACKAGES),
        "vectors": f"{len(sample.vectors)} x {sample.vectors.shape[1]}: {sample.origin}",
        "recipe": f"{index.recipe}: {index.contract.note}",
        "filters": bench_filters(index, sample, options.pairs),
        "engine": bench_engine(sample, targets),
    }
    print(json.dumps(result, indent=2))


def bench_filters(index: VectorIndex, sample: Sample, pairs: int) -> dict[str, Any]:
    """Measure recall and time of random pairs, by the share of rows that pass."""
    rng = np.random.default_rng(11)
    stored = index.vectors_at(np.arange(len(index)))  # (n, dim)
    found: dict[str, Any] = {}
    for share in SHARES:
        answers: list[Pair] = []
        while len(answers) < pairs / len(SHARES):
            alike = len(answers) // _QUERIES_A_FILTER % 2 == 1
            mask = some_rows(sample, share, rng, alike=alike)
            answers += ask_pairs(index, sample, stored, mask, rng)
        by_mode = {}
        for mode in ("exact", "ann"):
            pairs_of_mode = [pair for pair in answers if pair.mode == mode]
            if pairs_of_mode:
                by_mode[mode] = {
                    "pairs": len(pairs_of_mode),
                    "recall": round(float(np.mean([pair.recall for pair in pairs_of_mode])), 5),
                    "as_stored": round(float(np.mean([pair.stored for pair in pairs_of_mode])), 5),
                    "us": round(float(np.median([pair.us for pair in pairs_of_mode]))),
                }
        found[f"{share:.2%}"] = by_mode
    return found


def some_rows(sample: Sample, share: float, rng: np.random.Generator, *, alike: bool) -> Mask:
    """Return a mask (n,) that passes a share of the rows, at random or nearest to an image."""
    n = len(sample.vectors)
    count = max(1, round(share * n))
    mask = np.zeros(n, dtype=np.bool_)
    if alike:
        scores = sample.vectors @ sample.vectors[rng.integers(n)]  # (n,)
        mask[np.argpartition(-scores, count - 1)[:count]] = True
    else:
        mask[rng.permutation(n)[:count]] = True
    return mask


def ask_pairs(
    index: VectorIndex, sample: Sample, stored: Vectors, mask: Mask, rng: np.random.Generator
) -> list[Pair]:
    """Search some queries under one filter, and compare with brute force."""
    queries = sample.queries[rng.integers(0, len(sample.queries), _QUERIES_A_FILTER)]
    best = [best_scores(queries, vectors[mask]) for vectors in (sample.vectors, stored)]
    out = []
    for row, query in enumerate(queries):
        start = time.process_time()
        answer = nearest(index, query, MEASURED_K, PositionMask(mask))
        us = (time.process_time() - start) * 1e6
        there = answer.positions[:TOP]
        recalls = []
        for vectors, right in zip((sample.vectors, stored), best, strict=True):
            scores = np.where(there >= 0, vectors[there] @ query, -np.inf)  # (TOP,)
            recalls.append(float(recall_of(scores[None].astype(np.float32), right[row][None])[0]))
        out.append(Pair(answer.mode, *recalls, us))
    return out


def best_scores(queries: Vectors, allowed: Vectors) -> NDArray[np.float32]:
    """Return the TOP best scores of each query, best first: (q, TOP), padded with -inf."""
    likeness = -np.sort(-(queries @ allowed.T), axis=1)[:, :TOP]
    best = np.full((len(queries), TOP), -np.inf, dtype=np.float32)
    best[:, : likeness.shape[1]] = likeness
    return best


def bench_engine(sample: Sample, targets: Targets) -> dict[str, Any]:
    """Measure the CPU microseconds of a query: by the index alone, the planner, and the engine."""
    encoder = load_encoder("builtin", threads=1)
    vectors = sample.vectors[:, : encoder.dim]
    with tempfile.TemporaryDirectory() as folder:
        shop = ShopFolder(Path(folder) / "shop")
        shop.path.mkdir()
        store = Store(shop.store, create=True)
        drafts = [draft(number, vector) for number, vector in enumerate(vectors)]
        wall = time.perf_counter()
        put_items(store, encoder, drafts)
        written = len(drafts) / (time.perf_counter() - wall)
        store.close()
        with open_job(shop, "bench") as job:
            publish(job, encoder, catalog=shop.path, skipped=0, targets=BuildTargets(asked=targets))
        with SearchEngine.open(shop.path, encoder=encoder) as engine:
            view = engine._live.view  # noqa: SLF001 - to measure the overhead of the engine
            index = view.segments[0].vectors.index
            contract = index.contract
            effort = contract.levels[contract.level].effort if contract.levels else None
            queries = sample.queries[:300]

            def raw(query: np.ndarray) -> object:
                if effort is None:
                    return index.exact(query[None], 44)
                return index.search_with_effort(query[None], 44, effort)

            def asked(query: np.ndarray, where: str | None = None) -> object:
                wanted = parse_filter(where) if where else None
                return engine.search(Query(parts=[EmbeddingPart(query)], filter=wanted))

            return {
                "items": len(view.ids),
                "recipe": index.recipe,
                "written_per_s_wall": round(written),
                "us_index": median_us(raw, queries),
                "us_view": median_us(lambda q: view.nearest(q, None, view.product, 11), queries),
                "us_engine": median_us(asked, queries),
                "us_engine_filtered": median_us(lambda q: asked(q, "kind = kind-7"), queries),
            }


def draft(number: int, vector: np.ndarray) -> Draft:
    """Return an item with an embedding, one of 50 kinds, and a price."""
    item_id = f"item-{number:07d}"
    item = Item(
        item_id=item_id,
        product_id=item_id,
        title=f"Thing {number}",
        price=float(number % 100),
        attributes={"kind": f"kind-{number % _KINDS}"},
    )
    return Draft(item_id, lambda _: item, [ImageInput("view.jpg")], vector[None])


def median_us(ask: Any, queries: np.ndarray) -> float:
    """Return the median CPU microseconds of the queries, each searched alone."""
    ask(queries[0])
    times = []
    for query in queries:
        start = time.process_time_ns()
        ask(query)
        times.append((time.process_time_ns() - start) / 1e3)
    return round(float(np.median(times)), 1)


if __name__ == "__main__":
    main()
