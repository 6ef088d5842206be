"""Build, open, search and write to a shop of many rows, and measure each in a process of its own.

    python scripts/bench_growth.py --work CACHE [--data PHOTOS] [--rows 1000000] [--crops 24000]

Vectors are those of ``bench_vectors.py``, four of each item. Prints a line of JSON for each step:

- ``drawn``: items written to the store a second of CPU, and the size of the store;
- ``built``: CPU and wall seconds of the build, the most memory without mapped files, the recipe;
- ``opened``: the same for opening, then searches by held-out vectors: queries a second of CPU,
  recall, the same with filters, facets and words;
- ``written``: the same searches while another thread writes items, and after it.

Times are of CPU where they can be, so that other load of the machine changes little.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from bench_opening import DrawnEncoder, memory_mb
from bench_search import PeakMemory, exact
from bench_vectors import load_sample
from machine import machine

from indexer.arrays import unit
from indexer.items import Item
from indexer.jobs.job import open_job
from indexer.jobs.publishing import publish
from indexer.shop.folder import ShopFolder
from indexer.store.store import Store
from indexer.vectors.contract import BuildTargets, Targets
from indexer.writing.writes import Draft, ImageInput, put_items
from search.engine import SearchEngine
from search.filters.grammar import parse_filter
from search.query import EmbeddingPart, Query, TextPart

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.arrays import Vectors

PACKAGES = ("numpy", "faiss-cpu", "lmdb", "msgspec")
IMAGES = 4  # of each item
TOP = 10
_DIM = 256
_AT_ONCE = 5000  # items stored in one transaction
_WRITTEN = 100  # items of one live write
_NEW = 200_000  # rows that are written at most
_KINDS = 50
_MATERIALS = ("wool", "cotton", "linen", "steel", "oak", "glass", "silk", "leather")
_SHAPES = ("mug", "shoe", "lamp", "chair", "bag", "coat", "bowl", "clock", "scarf", "table")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--data", type=Path, help="a folder of photos")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--crops", type=int, default=24_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=30.0, help="of live writes")
    parser.add_argument("--step", choices=list(STEPS), help="only this one, in this process")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    if options.step:
        print(json.dumps({options.step: STEPS[options.step](options)}), flush=True)
        return
    print(json.dumps({"machine": machine(*PACKAGES), "rows": options.rows}), flush=True)
    for step in STEPS:
        subprocess.run([sys.executable, *sys.argv, "--step", step], check=True)


def drawn(options: argparse.Namespace) -> dict[str, Any]:
    """Write the items to a new store."""
    folder = _shop(options)
    if folder.store.exists():
        return {"kept": str(folder.path)}
    folder.path.mkdir(parents=True)
    file = options.work / f"vectors-{options.rows}.npy"
    sample = load_sample(options.rows, options.work, options.data, crops=options.crops, file=file)
    np.savez(
        folder.path.with_suffix(".truth.npz"),
        queries=sample.queries[: options.queries],
        floor=exact(sample.vectors, sample.queries[: options.queries]),
    )
    cpu = time.process_time()
    items = options.rows // IMAGES
    with Store(folder.store, create=True) as store:
        for start in range(0, items, _AT_ONCE):
            numbers = range(start, min(start + _AT_ONCE, items))
            put_items(store, DrawnEncoder(_DIM), [_draft(n, sample.vectors) for n in numbers])
    file.unlink(missing_ok=True)
    size = sum(file.stat().st_size for file in folder.path.rglob("*") if file.is_file())
    return {
        "items_per_cpu_s": round(items / (time.process_time() - cpu)),
        "store_mb": size // 10**6,
    }


def built(options: argparse.Namespace) -> dict[str, Any]:
    """Build a generation of the store."""
    folder = _shop(options)
    cpu, wall, before = time.process_time(), time.perf_counter(), memory_mb()
    with PeakMemory() as peak, open_job(folder, "bench") as job:
        done = publish(
            job,
            DrawnEncoder(_DIM),
            catalog=folder.path,
            skipped=0,
            targets=BuildTargets(asked=Targets()),
        )
    contract = done.manifest.contract
    index = folder.generations / done.name
    return {
        "cpu_s": round(time.process_time() - cpu),
        "wall_s": round(time.perf_counter() - wall),
        "peak_mb": round(peak.bytes / 1e6 - before["RssAnon"]),
        "recipe": contract.recipe,
        "note": contract.note,
        "files_mb": {file.name: file.stat().st_size // 10**6 for file in sorted(index.iterdir())},
    }


def opened(options: argparse.Namespace) -> dict[str, Any]:
    """Open the shop, and search it."""
    before, cpu, wall = memory_mb(), time.process_time(), time.perf_counter()
    with SearchEngine.open(_shop(options).path, encoder=DrawnEncoder(_DIM)) as engine:
        found = {
            "cpu_s": round(time.process_time() - cpu, 1),
            "wall_s": round(time.perf_counter() - wall, 1),
        }
        after = memory_mb()
        found |= {
            "own_mb": round(after["RssAnon"] - before["RssAnon"]),
            "peak_mb": round(after["VmHWM"] - before["VmRSS"]),
        }
        found["searches"] = _searches(engine, options)
        found["own_mb_after_searches"] = round(memory_mb()["RssAnon"] - before["RssAnon"])
        return found


def written(options: argparse.Namespace) -> dict[str, Any]:
    """Search the shop while another thread writes to it, and when it has ended."""
    rng = np.random.default_rng(3)
    with SearchEngine.open(_shop(options).path, encoder=DrawnEncoder(_DIM)) as engine:
        queries = _truth(options)[0]
        near = queries[rng.integers(0, len(queries), _NEW)]
        vectors = unit(near + rng.normal(0, 0.02, (_NEW, _DIM)))
        idle = _paced(engine, queries, options.seconds)
        ended = threading.Event()
        stored: list[int] = []

        def write() -> None:
            first = options.rows // IMAGES
            while not ended.is_set() and IMAGES * (sum(stored) + _WRITTEN) <= _NEW:
                numbers = range(first + sum(stored), first + sum(stored) + _WRITTEN)
                engine.put([_draft(n, vectors, IMAGES * (n - first)) for n in numbers])
                engine.refresh()
                stored.append(_WRITTEN)

        writer = threading.Thread(target=write)
        writer.start()
        wall = time.perf_counter()
        busy = _paced(engine, queries, options.seconds)
        ended.set()
        writer.join()
        rate = sum(stored) * IMAGES / (time.perf_counter() - wall)
        newest = engine.search(Query(parts=[EmbeddingPart(vectors[0])], limit=1)).hits[0]
        return {
            "rows_per_s": round(rate),
            "before": idle,
            "while_written": busy,
            "after": _paced(engine, queries, options.seconds),
            "written_item_found": newest.item_id == f"item-{options.rows // IMAGES:07d}",
        }


STEPS = {"drawn": drawn, "built": built, "opened": opened, "written": written}


def _shop(options: argparse.Namespace) -> ShopFolder:
    return ShopFolder(options.work / f"growth-{options.rows}")


def _truth(options: argparse.Namespace) -> tuple[Vectors, Vectors]:
    """Return held-out queries (q, dim), and the score of the TOPth best row of each (q,)."""
    with np.load(_shop(options).path.with_suffix(".truth.npz")) as file:
        return file["queries"], file["floor"]


def _draft(number: int, vectors: Vectors, start: int | None = None) -> Draft:
    """Return an item with four of the vectors, those from ``start`` on, or else its own."""
    item_id = f"item-{number:07d}"
    material, shape = _MATERIALS[number % 8], _SHAPES[number // 8 % 10]
    item = Item(
        item_id=item_id,
        product_id=item_id,
        title=f"{material} {shape} {number}",
        price=float(number % 997),
        in_stock=number % 10 > 0,
        categories=[f"kinds/kind-{number % _KINDS}"],
        attributes={"material": material, "shape": shape},
    )
    start = number * IMAGES if start is None else start
    sources = [ImageInput(f"{number}-{image}.jpg") for image in range(IMAGES)]
    return Draft(item_id, lambda _: item, sources, np.array(vectors[start : start + IMAGES]))


def _searches(engine: SearchEngine, options: argparse.Namespace) -> dict[str, Any]:
    """Measure each kind of search, and the recall of those without a filter."""
    queries, floor = _truth(options)
    index = engine._live.view.segments[0].vectors  # noqa: SLF001 - rows, not products
    scores = [index.nearest(query, 44, None).scores[:TOP] for query in queries]
    recall = np.mean([(s >= f - 1e-4).mean() for s, f in zip(scores, floor, strict=True)])
    asked = {
        "index alone": lambda query: index.nearest(query, 44, None),
        "similar": lambda query: _ask(engine, query),
        "one kind of 50": lambda query: _ask(engine, query, 'category = "kinds/kind-7"'),
        "price below a tenth": lambda query: _ask(engine, query, "price < 100"),
        "in stock, nine in ten": lambda query: _ask(engine, query, "in_stock = true"),
        "three facets": lambda query: _ask(engine, query, facets=["category", "material", "shape"]),
        "words": lambda _: engine.search(Query(parts=[TextPart("wool lamp 4711")])),
        "words of many": lambda _: engine.search(Query(parts=[TextPart("wool lamp")])),
    }
    found: dict[str, Any] = {"searched_on": index.note, "recall": round(float(recall), 4)}
    for name, ask in asked.items():
        ask(queries[0])
        found[name] = _timed(ask, queries)
    return found


def _ask(
    engine: SearchEngine, query: np.ndarray, where: str = "", facets: list[str] | None = None
) -> object:
    wanted = parse_filter(where) if where else None
    return engine.search(Query(parts=[EmbeddingPart(query)], filter=wanted, facets=facets or []))


def _timed(ask: Callable[[np.ndarray], object], queries: Vectors) -> dict[str, float]:
    """Return the median milliseconds of CPU and of the clock, of up to 10 s of queries."""
    cpu: list[float] = []
    wall: list[float] = []
    for query in queries:
        began = time.thread_time(), time.perf_counter()
        ask(query)
        cpu.append(time.thread_time() - began[0])
        wall.append(time.perf_counter() - began[1])
        if sum(wall) > 10:
            break
    return {"cpu_ms": round(1e3 * float(np.median(cpu)), 3), "ms": _milliseconds(wall, 50)}


def _paced(engine: SearchEngine, queries: Vectors, seconds: float) -> dict[str, float]:
    """Search one by one for some seconds; return queries a second, and p50 and p99 of the clock."""
    wall: list[float] = []
    end = time.perf_counter() + seconds
    cpu = time.thread_time()
    while time.perf_counter() < end:
        began = time.perf_counter()
        _ask(engine, queries[len(wall) % len(queries)])
        wall.append(time.perf_counter() - began)
    cpu_ms = 1e3 * (time.thread_time() - cpu) / len(wall)
    p50, p99 = _milliseconds(wall, 50), _milliseconds(wall, 99)
    return {
        "q_per_s": round(len(wall) / seconds),
        "cpu_ms": round(cpu_ms, 3),
        "p50": p50,
        "p99": p99,
    }


def _milliseconds(wall: list[float], percentile: float) -> float:
    return round(1e3 * float(np.percentile(wall, percentile)), 2)


if __name__ == "__main__":
    main()
