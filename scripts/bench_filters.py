"""Compare filtered search with other engines: search among the items of one kind.

    python scripts/bench_filters.py --work CACHE [--data PHOTOS] [--size 105100] [--dim 2048]

The data resembles a fashion catalog with embeddings of a large CNN: each item has one of 50 kinds,
a few of them large and most small, and each query asks for the ten nearest items of one kind. The
vectors are those of ``bench_vectors.py``, mapped to ``--dim`` dimensions by a random orthogonal
map, which keeps all cosines. Reports for each engine: the share of the true ten that it found, and
queries per second of wall time, one at a time. Each engine runs in a separate process; install the
other engines with ``pip install 'vitrine[bench]'``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from bench_peers import Milvus, Qdrant
from bench_search import PACKAGES, TOP, in_own_process, resident
from bench_vectors import load_sample
from machine import machine

from indexer.vectors.planner import nearest
from indexer.vectors.position_mask import PositionMask
from indexer.vectors.tuning import choose_recipe

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Ids = NDArray[np.int64]

KINDS = 50
QUERIES = 500


class Filtering(Protocol):
    """An engine that indexes vectors with a kind each."""

    kind: Callable[[int], int]

    def build(self, vectors: Floats) -> None:
        """Index unit vectors (n, dim) under the ids 0 to n - 1."""
        ...

    def ask_where(self, queries: Floats, k: int, where: str) -> Ids:
        """Return the k nearest ids among one kind for each query (q, dim): (q, k)."""
        ...


class Vitrine:
    """The planner over the index that Vitrine chooses for this number of rows."""

    kind: Callable[[int], int] = staticmethod(lambda _: 0)

    def build(self, vectors: Floats) -> None:
        """Index the vectors, and the kinds as a column, as a shop does. See ``Filtering``."""
        rows = np.arange(len(vectors))
        self._index = choose_recipe(vectors, rows)
        self._kinds = np.array([self.kind(row) for row in range(len(vectors))])
        self.modes: dict[str, int] = {}

    def ask_where(self, queries: Floats, k: int, where: str) -> Ids:
        """Search with a new mask of the kind for each query, as the engine does."""
        out = np.full((len(queries), k), -1, dtype=np.int64)
        for row, query in enumerate(queries):
            allowed = PositionMask(self._kinds == int(where.removeprefix("kind-")))
            found = nearest(self._index, query, k, allowed)
            out[row, : len(found.positions)] = found.positions
            self.modes[found.mode] = self.modes.get(found.mode, 0) + 1
        return out


ENGINES: dict[str, Callable[[], Filtering]] = {
    "vitrine": Vitrine,
    "qdrant-client local": Qdrant,
    "milvus-lite": Milvus,
}


def kinds_of(count: int) -> NDArray[np.int64]:
    """Return a kind for each row (n,): the largest has 20 % of the rows, the smallest 0.1 %."""
    weight = 1.0 / np.arange(1, KINDS + 1)
    rng = np.random.default_rng(2)
    return rng.choice(KINDS, count, p=weight / weight.sum())


def measure(name: str, folder: Path) -> dict[str, Any]:
    """Measure build time, memory, precision and queries per second of an engine."""
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    queries, kinds = np.load(folder / "queries.npy"), np.load(folder / "kinds.npy")
    wanted, floor = np.load(folder / "wanted.npy"), np.load(folder / "floor.npy")
    engine = ENGINES[name]()
    engine.kind = lambda row: int(kinds[row])
    before, start = resident(), time.perf_counter()
    engine.build(np.array(vectors))
    built, grown = time.perf_counter() - start, resident() - before
    engine.ask_where(queries[:1], TOP, f"kind-{wanted[0]}")
    right, times = [], []
    for query, kind, least in zip(queries, wanted, floor, strict=True):
        start = time.perf_counter()
        (found,) = engine.ask_where(query[None], TOP, f"kind-{kind}")
        times.append(time.perf_counter() - start)
        good = (found >= 0) & (kinds[found] == kind)
        right.append(np.mean(good & (vectors[found] @ query >= least - 1e-5)))
    return {
        "build_s": round(built, 1),
        "ram_mb": round(grown / 1e6),
        "precision": round(float(np.mean(right)), 4),
        "per_s": round(len(times) / sum(times), 1),
        "p95_ms": round(float(np.percentile(times, 95)) * 1e3, 2),
        "modes": getattr(engine, "modes", {}),
    }


def write_task(folder: Path, vectors: Floats, queries: Floats, dim: int) -> None:
    """Write vectors, kinds, queries, the kind of each query, and its tenth best score."""
    rng = np.random.default_rng(1)
    turn, _ = np.linalg.qr(rng.normal(size=(dim, vectors.shape[1])))  # (dim, d), orthonormal
    turned = (vectors @ turn.T.astype(np.float32)).astype(np.float32)  # (n, dim)
    asked = (queries[:QUERIES] @ turn.T.astype(np.float32)).astype(np.float32)  # (q, dim)
    kinds = kinds_of(len(turned))
    wanted = rng.choice(kinds, len(asked))  # large kinds are queried more often
    floor = np.empty(len(asked), dtype=np.float32)
    for row, (query, kind) in enumerate(zip(asked, wanted, strict=True)):
        scores = turned[kinds == kind] @ query
        floor[row] = np.sort(scores)[-min(TOP, len(scores))]
    for name, array in {
        "vectors": turned, "queries": asked, "kinds": kinds, "wanted": wanted, "floor": floor,
    }.items():  # fmt: skip
        np.save(folder / f"{name}.npy", array)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--work", type=Path, required=True, help="folder where vectors are cached")
    parser.add_argument("--data", type=Path, help="a folder of photos")
    parser.add_argument("--size", type=int, default=105_100)
    parser.add_argument("--dim", type=int, default=2048)
    parser.add_argument(
        "--crops",
        type=int,
        default=60_000,
        help="number of crops to embed; further vectors are derived",
    )
    parser.add_argument("--timeout", type=float, default=900, help="seconds per engine")
    parser.add_argument("--engines", help="names, separated by commas; default: all")
    options = parser.parse_args()
    sample = load_sample(options.size, options.work, options.data, crops=options.crops)
    folder = options.work / f"filters-{os.getpid()}"
    folder.mkdir()
    write_task(folder, sample.vectors, sample.queries, options.dim)
    result: dict[str, Any] = {
        "machine": machine(*PACKAGES),
        "vectors": f"{len(sample.vectors)} x {options.dim}: {sample.origin}, turned",
        "engines": {},
    }
    for name in options.engines.split(",") if options.engines else ENGINES:
        result["engines"][name] = in_own_process(options.timeout, measure, name, folder)
        print(f"{name}: {result['engines'][name]}", file=sys.stderr, flush=True)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
