"""What the engine costs over raw FAISS, and what filters cost: nothing in recall.

    python scripts/bench_engine.py --work CACHE [--data PHOTOS] [--size 20000] [--pairs 10000]

First the filters: ``--pairs`` random (query, filter) pairs from half of all rows to one in ten
thousand, half of the filters by chance and half of rows that are alike (as a category is), each
judged against brute force over the vectors as given, and over them as stored, in fp16. Then the
engine: a shop with ``--size`` items, written through the live path, rebuilt, and asked without a
filter and with one; beside it the same index asked directly. Seconds are CPU seconds of this
process, so that a busy machine does not count.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from bench_search import PACKAGES
from bench_vectors import load_sample
from machine import machine

from indexer.encoders.registry import load_encoder
from indexer.items import Item
from indexer.jobs.job import open_job
from indexer.jobs.publishing import publish
from indexer.shop.folder import ShopFolder
from indexer.store.store import Store
from indexer.vectors.contract import MEASURED_K, Terms, Wishes
from indexer.vectors.planner import nearest
from indexer.vectors.position_mask import Allowed
from indexer.vectors.tuning import TOP, choose_recipe, recall_of
from indexer.writing.writes import Draft, Source, put_items
from search.engine import SearchEngine
from search.filters import parse_filter
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
    """One (query, filter) pair: how it was answered, and the CPU microseconds.

    ``recall`` is against brute force over the vectors as given, ``stored`` as stored.
    """

    mode: str
    recall: float
    stored: float
    us: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--work", type=Path, required=True, help="where vectors are kept")
    parser.add_argument("--data", type=Path, help="a folder of photos")
    parser.add_argument("--size", type=int, default=20_000)
    parser.add_argument("--crops", type=int, default=60_000, help="photos to really embed")
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--recall", type=float, default=0.98)
    options = parser.parse_args()
    sample = load_sample(options.size, options.work, options.data, crops=options.crops)
    wishes = Wishes(recall=options.recall, exact_below=1000)
    index = choose_recipe(sample.vectors, np.arange(len(sample.vectors)), wishes)
    result = {
        "machine": machine(*PACKAGES),
        "vectors": f"{len(sample.vectors)} x {sample.vectors.shape[1]}: {sample.origin}",
        "recipe": f"{index.recipe}: {index.contract.note}",
        "filters": bench_filters(index, sample, options.pairs),
        "engine": bench_engine(sample, wishes),
    }
    print(json.dumps(result, indent=2))


def bench_filters(index: VectorIndex, sample: Sample, pairs: int) -> dict[str, Any]:
    """Recall and time of random pairs, by the share of rows that pass."""
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
            some = [one for one in answers if one.mode == mode]
            if some:
                by_mode[mode] = {
                    "pairs": len(some),
                    "recall": round(float(np.mean([one.recall for one in some])), 5),
                    "as_stored": round(float(np.mean([one.stored for one in some])), 5),
                    "us": round(float(np.median([one.us for one in some]))),
                }
        found[f"{share:.2%}"] = by_mode
    return found


def some_rows(sample: Sample, share: float, rng: np.random.Generator, *, alike: bool) -> Mask:
    """A mask (n,) that lets this share pass: by chance, or those nearest to some image."""
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
    """Some queries under one filter, judged by plain arithmetic."""
    queries = sample.queries[rng.integers(0, len(sample.queries), _QUERIES_A_FILTER)]
    best = [best_scores(queries, vectors[mask]) for vectors in (sample.vectors, stored)]
    out = []
    for at, query in enumerate(queries):
        start = time.process_time()
        answer = nearest(index, query, MEASURED_K, Allowed(mask))
        us = (time.process_time() - start) * 1e6
        there = answer.positions[:TOP]
        recalls = []
        for vectors, right in zip((sample.vectors, stored), best, strict=True):
            scores = np.where(there >= 0, vectors[there] @ query, -np.inf)  # (TOP,)
            recalls.append(float(recall_of(scores[None].astype(np.float32), right[at][None])[0]))
        out.append(Pair(answer.mode, *recalls, us))
    return out


def best_scores(queries: Vectors, allowed: Vectors) -> NDArray[np.float32]:
    """The TOP best scores of each query, best first: (q, TOP), -inf where there are fewer."""
    likeness = -np.sort(-(queries @ allowed.T), axis=1)[:, :TOP]
    best = np.full((len(queries), TOP), -np.inf, dtype=np.float32)
    best[:, : likeness.shape[1]] = likeness
    return best


def bench_engine(sample: Sample, wishes: Wishes) -> dict[str, Any]:
    """CPU microseconds of one query: the index alone, the planner, and the engine."""
    encoder = load_encoder("builtin", threads=1)
    vectors = sample.vectors[:, : encoder.dim]
    with tempfile.TemporaryDirectory() as folder:
        shop = ShopFolder(Path(folder) / "shop")
        shop.path.mkdir()
        store = Store(shop.store, create=True)
        drafts = [draft(at, vector) for at, vector in enumerate(vectors)]
        wall = time.perf_counter()
        put_items(store, encoder, drafts)
        written = len(drafts) / (time.perf_counter() - wall)
        store.close()
        with open_job(shop, "bench") as job:
            publish(job, encoder, catalog=shop.path, skipped=0, terms=Terms(wishes=wishes))
        with SearchEngine.open(shop.path, encoder=encoder) as engine:
            view = engine._live.view  # noqa: SLF001 - what the engine adds is what is measured
            index = view.segments[0].vectors
            contract = index.contract
            effort = contract.levels[contract.level].effort if contract.levels else None
            queries = sample.queries[:300]

            def raw(query: np.ndarray) -> object:
                if effort is None:
                    return index.exact(query[None], 44)
                return index.near(query[None], 44, effort)

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
    """An item with a ready embedding, one of 50 kinds, and a price."""
    item_id = f"item-{number:07d}"
    item = Item(
        item_id=item_id,
        product_id=item_id,
        title=f"Thing {number}",
        price=float(number % 100),
        attributes={"kind": f"kind-{number % _KINDS}"},
    )
    return Draft(item_id, lambda _: item, [Source("view.jpg")], vector[None])


def median_us(ask: Any, queries: np.ndarray) -> float:
    """CPU microseconds of the middle one of some queries, each asked by itself."""
    ask(queries[0])
    times = []
    for query in queries:
        start = time.process_time_ns()
        ask(query)
        times.append((time.process_time_ns() - start) / 1e3)
    return round(float(np.median(times)), 1)


if __name__ == "__main__":
    main()
