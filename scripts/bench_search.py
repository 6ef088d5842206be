"""Compare the speed of vector search at a given recall with other libraries.

    python scripts/bench_search.py --work CACHE [--data PHOTOS] [--size 200000] [--peers NAME,...]

Each library runs in a separate process with the same vectors and held-out queries (see
``bench_vectors.py``), and is searched with increasing effort until it finds 99 % of the true
neighbors. "One" is one query at a time on one thread, "batch" is 1,000 queries on all threads; RAM
is the growth of the process without mapped files, and the peak the most that it grew while
building. Vectors are read from a mapped file, so that 10,000,000 of them fit. Times are CPU times
of the process and its children, which stay comparable on a busy machine (``--wall`` uses wall
time). Install the other libraries with ``pip install 'vitrine[bench]'``; missing ones are skipped,
and those that exceed ``--timeout`` are reported. ``bench_engine.py`` measures the engine's
overhead, and filters.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import queue
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from bench_peers import PEERS
from bench_vectors import load_sample
from machine import CORES, machine

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

TARGETS = (0.95, 0.99)
_FEWEST, _MOST, _LONG_S = 3, 15, 1.0  # minimum and maximum repetitions of a batch, and seconds
TOP = 10
_ONE_S = 1.0  # seconds of single queries per effort
_ONE_WALL_S = 10.0
PACKAGES = (
    "faiss-cpu",
    "hnswlib",
    "usearch",
    "voyager",
    "scalable-vs",
    "scann",
    "lancedb",
    "milvus-lite",
    "qdrant-client",
    "numpy",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--work", type=Path, required=True, help="folder where vectors are cached")
    parser.add_argument("--data", type=Path, help="a folder of photos")
    parser.add_argument("--size", type=int, default=200_000)
    parser.add_argument(
        "--crops",
        type=int,
        default=60_000,
        help="number of crops to embed; further vectors are derived",
    )
    parser.add_argument("--peers", help="names, separated by commas; default: all")
    parser.add_argument("--wall", action="store_true", help="measure wall time, not CPU time")
    parser.add_argument("--timeout", type=float, default=300, help="seconds per library")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    wanted = options.peers.split(",") if options.peers else list(PEERS)
    if unknown := sorted(set(wanted) - set(PEERS)):
        parser.error(f"--peers names {unknown[0]!r}; there are {', '.join(PEERS)}")
    with tempfile.TemporaryDirectory(prefix="run-", dir=options.work) as name:
        result = run(options, wanted, Path(name))
    print(json.dumps(result, indent=2) if options.json else as_text(result))


def run(options: argparse.Namespace, wanted: list[str], folder: Path) -> dict[str, Any]:
    """Measure the wanted libraries, one after the other; ``folder`` is empty."""
    file = folder / "vectors.npy"
    sample = load_sample(options.size, options.work, options.data, crops=options.crops, file=file)
    result: dict[str, Any] = {
        "machine": machine(*PACKAGES),
        "vectors": f"{len(sample.vectors)} x {sample.vectors.shape[1]}: {sample.origin}",
        "peers": {},
    }
    if not file.exists():
        np.save(file, sample.vectors)
    np.save(folder / "queries.npy", sample.queries)
    np.save(folder / "truth.npy", exact(sample.vectors, sample.queries))
    del sample
    for peer in wanted:
        found = in_own_process(options.timeout, measure, peer, folder, options.wall)
        result["peers"][peer] = found
        print(f"{peer}: {found}", file=sys.stderr, flush=True)
    return result


def exact(vectors: NDArray[np.float32], queries: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the score of the TOPth best vector of each query: (q,)."""
    best = np.full((len(queries), TOP), -np.inf, dtype=np.float32)
    for start in range(0, len(vectors), 50_000):
        both = np.concatenate([best, queries @ vectors[start : start + 50_000].T], axis=1)
        best = np.partition(both, both.shape[1] - TOP, axis=1)[:, -TOP:]
    return best.min(axis=1)


def in_own_process(
    timeout: float, work: Callable[..., dict[str, Any]], *given: object
) -> dict[str, Any]:
    """Return the result of ``work(*given)`` in a new process, or the reason that it has none."""
    context = multiprocessing.get_context("spawn")
    answers: multiprocessing.Queue[dict[str, Any]] = context.Queue()
    process = context.Process(target=_answered, args=(answers, work, given))
    process.start()
    found: dict[str, Any] = {"failed": f"not within {timeout:g} s"}
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        try:
            found = answers.get(timeout=1)
            break
        except queue.Empty:
            if not process.is_alive():
                found = {"failed": f"ended with status {process.exitcode}"}
                break
    process.kill()
    process.join()
    return found


def _answered(
    answers: multiprocessing.Queue[dict[str, Any]],
    work: Callable[..., dict[str, Any]],
    given: tuple[object, ...],
) -> None:
    try:
        answers.put(work(*given))
    except ImportError as error:
        answers.put({"failed": f"not installed: {error.name}"})
    except Exception as error:  # noqa: BLE001 - a library may fail in any way; the others continue
        answers.put({"failed": f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"})


def measure(name: str, folder: Path, wall: bool) -> dict[str, Any]:
    """Measure build time, memory, and queries per second at each target recall."""
    clock = time.perf_counter if wall else cpu_seconds
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    queries = np.load(folder / "queries.npy")
    floor = np.load(folder / "truth.npy") - 1e-5  # ties count as found
    peer = PEERS[name]()
    before = resident()
    start = clock()
    with PeakMemory() as peak:
        peer.build(vectors)
    built = clock() - start
    peer.ask(queries[:1], TOP, peer.efforts[0], 1)
    grown = resident() - before
    points = []
    for effort in peer.efforts:
        found = peer.ask(queries, TOP, effort, CORES)
        scores = np.einsum("qkd,qd->qk", vectors[found], queries)  # (q, TOP)
        scores[found < 0] = -np.inf
        # Scores in fp16 are off by 1e-4, so rows near the limit are judged by their exact scores.
        recall = float((scores >= floor[:, None]).mean())
        if recall < TARGETS[0] and effort != peer.efforts[-1]:
            continue
        batch = batched(peer, queries, effort, clock)
        points.append(
            {
                "effort": str(effort),
                "recall": round(recall, 4),
                "one": one_at_a_time(peer, queries, effort, clock),
                "batch": round(batch),
            }
        )
        if recall >= TARGETS[-1]:
            break
    return {
        "build_s": round(built, 1),
        "ram_mb": round(grown / 1e6),
        "peak_mb": round((peak.bytes - before) / 1e6),
        **{name: value for name, value in vars(peer).items() if name == "open_s"},
        "points": points,
    }


def batched(
    peer: Any, queries: NDArray[np.float32], effort: Any, clock: Callable[[], float]
) -> float:
    """Return queries per second of all queries in one batch, the median of some repetitions."""
    times: list[float] = []
    while len(times) < _FEWEST or (len(times) < _MOST and sum(times) < _LONG_S):
        start = clock()
        peer.ask(queries, TOP, effort, CORES)
        times.append(clock() - start)
    return len(queries) / float(np.median(times))


def one_at_a_time(
    peer: Any, queries: NDArray[np.float32], effort: Any, clock: Callable[[], float]
) -> int:
    """Return queries per second on one thread, one query at a time."""
    asked, spent = 0, 0.0
    start, end = clock(), time.perf_counter() + _ONE_WALL_S
    while spent < _ONE_S and time.perf_counter() < end:
        for offset in range(50):
            row = (asked + offset) % len(queries)
            peer.ask(queries[row : row + 1], TOP, effort, 1)
        asked += 50
        spent = clock() - start
    return round(asked / spent)


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and its children so far."""
    import psutil

    own = psutil.Process()
    spent = [process.cpu_times() for process in (own, *own.children(recursive=True))]
    return float(sum(times.user + times.system for times in spent))


def resident() -> int:
    """Return the memory of this process in bytes, without mapped files."""
    import psutil

    memory = psutil.Process().memory_info()
    return int(memory.rss - memory.shared)


class PeakMemory(threading.Thread):
    """Watches the memory of this process while it is entered; ``bytes`` is the most it had."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.bytes = 0
        self._ended = threading.Event()

    def run(self) -> None:
        """Look every 50 ms."""
        while not self._ended.wait(0.05):
            self.bytes = max(self.bytes, resident())

    def __enter__(self) -> PeakMemory:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()


def as_text(result: dict[str, Any]) -> str:
    """Format as Markdown: a row for each library, with ratios to the best of the others."""
    rows = {}
    for name, found in result["peers"].items():
        cells: list[Any] = [found.get("build_s", ""), found.get("ram_mb", "")]
        for target in TARGETS:
            point = next((p for p in found.get("points", ()) if p["recall"] >= target), None)
            cells += [point["one"], point["batch"]] if point else [None, None]
        rows[name] = cells
    lines = [
        f"{result['vectors']}; {json.dumps(result['machine'])}",
        "",
        "| index | build s | RAM MB | "
        + " | ".join(f"q/s at {t:g}: one | batch" for t in TARGETS)
        + " |",
        "|---|---|---|---|---|---|---|",
    ]
    others = [cells for name, cells in rows.items() if not name.startswith("vitrine")]
    best = [max((c[column] or 0 for c in others), default=0) for column in range(6)]
    for name, cells in rows.items():
        failed = result["peers"][name].get("failed")
        if failed:
            lines.append(f"| {name} | {failed} | | | | | |")
            continue
        shown = [str(cells[0]), str(cells[1])]
        for column in range(2, 6):
            ratio = (
                f" ({cells[column] / best[column]:.2f})" if cells[column] and best[column] else ""
            )
            shown.append(f"{cells[column]:,}{ratio}" if cells[column] else "-")
        lines.append(f"| {name} | {' | '.join(shown)} |")
    lines += ["", "In brackets: against the fastest that is not Vitrine's, in the same run."]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
