"""Compare engines that search vectors, and embedding on Ray with embedding in one process.

    python scripts/bench_scale.py answers [--rows 20000] [--queries 10000] [--milvus URI]
    python scripts/bench_scale.py ray --catalog FILE [--workers 2]

``answers`` gives the same queries, most of them with a filter, to FAISS, Milvus Lite and Qdrant's
local mode, and compares each answer with that of numpy. A position counts as different only if
its score differs too, so that equal vectors may change places. ``ray`` builds a shop with and
without Ray in turns, compares the embeddings bit for bit, and kills a worker in a last build. CPU
seconds, which other load hardly changes, are those of this process, of the workers, and of Ray's
own processes. Everything is written to a temporary folder (--work names another). Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from machine import machine

from indexer.arrays import unit
from indexer.vectors.contract import Targets
from indexer.vectors.faiss_backend import FaissBackend
from indexer.vectors.numpy_backend import NumpyBackend
from indexer.vectors.position_mask import PositionMask
from indexer.vectors.remote.access import ACCESS, ServerAccess
from indexer.vectors.remote.address import ServerAddress
from indexer.vectors.remote.choosing import choose_on_server
from indexer.vectors.tuning import choose_recipe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from indexer.arrays import Scores, Vectors
    from indexer.vectors.backend import VectorBackend
    from indexer.writing.remote_worker import SentImage, WorkedBatch

K = 10
SHARES = (None, 0.999, 0.5, 0.2, 0.02)  # of the rows that each filter allows
TIE = 1e-5  # scores that differ by less are equal
PACKAGES = ("faiss-cpu", "pymilvus", "milvus-lite", "qdrant-client", "ray", "numpy")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    commands = parser.add_subparsers(dest="command", required=True)
    answers = commands.add_parser("answers")
    answers.add_argument("--rows", type=int, default=20_000)
    answers.add_argument("--dim", type=int, default=64)
    answers.add_argument("--queries", type=int, default=10_000)
    answers.add_argument("--engines", default="faiss,milvus,qdrant")
    answers.add_argument("--milvus", help="the URL of a server, in place of Milvus Lite")
    answers.add_argument("--graph", action="store_true", help="search approximately")
    ray = commands.add_parser("ray")
    ray.add_argument("--catalog", type=Path, required=True)
    ray.add_argument("--encoder", default="builtin")
    ray.add_argument("--workers", type=int, default=2)
    ray.add_argument("--repeat", type=int, default=1)
    for command in (answers, ray):
        command.add_argument("--work", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-scale", dir=options.work) as folder:
        run = run_answers if options.command == "answers" else run_ray
        result = run(options, Path(folder))
    print(json.dumps({"machine": machine(*PACKAGES), **result}, indent=2))


def clustered(rows: int, dim: int, seed: int) -> Vectors:
    """Draw unit vectors (rows, dim) around 200 centers, since products come in kinds."""
    random = np.random.default_rng(seed)
    centers = np.random.default_rng(0).normal(size=(200, dim))
    return unit(centers[random.integers(0, 200, rows)] + random.normal(size=(rows, dim)))


def run_answers(options: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Compare the answers of each engine with those of numpy."""
    ACCESS.use(lambda: ServerAccess(timeout_s=120))  # also on a busy machine
    vectors = clustered(options.rows, options.dim, 1)
    queries = clustered(options.queries, options.dim, 2)
    rows = np.arange(options.rows)
    masks = [
        None if share is None else PositionMask(np.random.default_rng(3).random(len(rows)) < share)
        for share in SHARES
    ]
    best = _best_scores(NumpyBackend.build(vectors, rows), queries, masks)
    targets = Targets(exact_below=1 if options.graph else options.rows + 1)
    results = {}
    for engine in options.engines.split(","):
        start = time.perf_counter()
        index = _build(engine, options, work, vectors, targets)
        built = time.perf_counter() - start
        results[engine] = {
            "build_s": round(built, 2),
            "promise": index.promise,
            **_compare(index, vectors, queries, masks, best),
        }
    return {"rows": options.rows, "dim": options.dim, "queries": options.queries, **results}


def _build(
    engine: str, options: argparse.Namespace, work: Path, vectors: Vectors, targets: Targets
) -> VectorBackend:
    rows = np.arange(len(vectors))
    if engine == "faiss":
        return FaissBackend(choose_recipe(vectors, rows, targets, strict=False))
    local = {"milvus": str(work / "milvus.db"), "qdrant": ":memory:"}[engine]
    uri = options.milvus if engine == "milvus" and options.milvus else local
    address = ServerAddress(engine, uri)
    return choose_on_server(address, work / f".{engine}", vectors, rows, targets, strict=False)


def _best_scores(
    numpy_index: NumpyBackend, queries: Vectors, masks: list[PositionMask | None]
) -> Scores:
    """Return the scores of the exact answers (q, K). Query i has the filter i mod 5."""
    best = np.empty((len(queries), K), dtype=np.float32)
    for turn, mask in enumerate(masks):
        for start in range(turn, len(queries), 500 * len(masks)):
            chosen = np.arange(start, min(start + 500 * len(masks), len(queries)), len(masks))
            best[chosen] = numpy_index.exact(queries[chosen], K, mask)[1]
    return best


def _compare(
    index: VectorBackend,
    vectors: Vectors,
    queries: Vectors,
    masks: list[PositionMask | None],
    best: Scores,
) -> dict[str, Any]:
    """Return how many answers differ from the exact ones, the mean recall, and the times."""
    different, recall, milliseconds = 0, 0.0, []
    modes: dict[str, int] = {}
    for number, query in enumerate(queries):
        start = time.perf_counter()
        found = index.nearest(query, K, masks[number % len(masks)])
        milliseconds.append((time.perf_counter() - start) * 1e3)
        modes[found.mode] = modes.get(found.mode, 0) + 1
        # Exact scores of what was found: those of vectors in half precision are off by 1e-4.
        scores = np.where(found.positions >= 0, vectors[found.positions] @ query, -np.inf)  # (K,)
        different += bool(np.abs(-np.sort(-scores) - best[number]).max() > TIE)
        recall += float((scores >= best[number, -1] - TIE).mean())
    p50, p99 = np.percentile(milliseconds, [50, 99])
    return {
        "different": different,
        "recall": round(recall / len(queries), 5),
        "modes": modes,
        "p50_ms": round(float(p50), 3),
        "p99_ms": round(float(p99), 3),
    }


def run_ray(options: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Build a shop without Ray, with it, and with it while a worker is killed."""
    from indexer.catalog.sources import open_catalog
    from indexer.encoders.registry import load_encoder
    from indexer.jobs.build import build_index
    from indexer.shop.folder import ShopFolder
    from indexer.threads import THREADS
    from indexer.writing import embed_catalog
    from indexer.writing.ray_workers import RayWorkers

    cpu_s: dict[str, float] = {}

    class Counting(RayWorkers):
        """Counts the CPU seconds of the cluster before it ends."""

        def close(self) -> None:
            cpu_s.update(_cluster_seconds())
            super().close()

    class Killing(Counting):
        """Kills the first worker once."""

        killed = False

        def embed(self, worker: int, images: Sequence[SentImage]) -> Future[WorkedBatch]:
            if not Killing.killed:
                Killing.killed = True
                os.kill(self._ray.get(self._actors[worker].pid.remote()), signal.SIGKILL)
            return super().embed(worker, images)

    THREADS.limit = options.workers
    encoder = load_encoder(options.encoder, threads=options.workers)

    def build(name: str, ray: str | None) -> dict[str, Any]:
        cpu_s.clear()
        start, cpu = time.perf_counter(), time.process_time()
        done = build_index(open_catalog(options.catalog), ShopFolder(work / name), encoder, ray=ray)
        cpu_s["command"] = time.process_time() - cpu
        return {
            "cpu_s": {part: round(seconds, 1) for part, seconds in cpu_s.items()},
            "all_cpu_s": round(sum(cpu_s.values()), 1),
            "images": done.rows,
            "encoded": done.encoded,
            "ingest_s": round(done.seconds["ingest"], 2),
            "images_per_s": round(done.rows / done.seconds["ingest"], 1),
            "total_s": round(time.perf_counter() - start, 2),
        }

    embed_catalog.RayWorkers = Counting  # type: ignore[misc]
    result: dict[str, Any] = {"local": [], "ray": []}
    for turn in range(options.repeat):
        result["local"].append(build(f"local{turn}", None))
        result["ray"].append(build(f"ray{turn}", "local"))
    embed_catalog.RayWorkers = Killing  # type: ignore[misc]
    result["ray_killed"] = build("killed", "local")
    first = _embeddings(work / "local0", encoder)
    result["same_bits"] = {
        name: _embeddings(work / name, encoder) == first for name in ("ray0", "killed")
    }
    return result


def _cluster_seconds() -> dict[str, float]:
    """Return the CPU seconds of the actors on this machine, and of Ray's own processes."""
    import psutil

    seconds = {"workers": 0.0, "ray": 0.0}
    for process in psutil.Process().children(recursive=True):
        times = process.cpu_times()
        part = "workers" if "ray::_Actor" in " ".join(process.cmdline()) else "ray"
        seconds[part] += times.user + times.system
    return seconds


def _embeddings(shop: Path, encoder: Any) -> dict[bytes, bytes | None]:
    """Return the stored embedding of each picture of a shop."""
    from indexer.encoders.base import Model
    from indexer.shop.folder import ShopFolder
    from indexer.store.store import Store

    key = Model.of(encoder).key
    with Store(ShopFolder(shop).store) as store, store.read() as reader:
        return {
            picture.content: reader.embedding(key, picture)
            for picture in reader.embedded_pictures(key)
        }


if __name__ == "__main__":
    main()
