"""How fast vectors are searched on one GPU, beside its memory and beside plain torch.

    python scripts/bench_gpu.py --work CACHE [--data PHOTOS] [--size 1000000] [--recall 0.99]

Each form of an index that the GPU can hold (flat, CAGRA, lists; see
``indexer/vectors/gpu/devices.py``) is asked with more and more effort until the recall is
reached, then with batches of 1, 32 and 1,000 queries; queries and answers are copied to and fro,
which is part of the time. "Bandwidth" is the bytes of all vectors, read once, in the time of one
query, as a share of what a copy within the GPU's memory moves; it is given where every vector is
read. Plain torch is a matrix product in fp16 and a top-k. Vectors are those of
``bench_vectors.py``. It needs an NVIDIA GPU, ``vitrine[gpu]`` and torch with CUDA.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from bench_search import PACKAGES, TOP, exact
from bench_vectors import load_sample
from machine import machine

from indexer.vectors.gpu.devices import FaissGpus, decide
from indexer.vectors.gpu.placing import efforts_for, filled
from indexer.vectors.index import VectorIndex

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from indexer.arrays import Vectors
    from indexer.vectors.contract import Effort
    from indexer.vectors.gpu.devicecopy import DeviceCopy
    from indexer.vectors.gpu.devices import Form

BATCHES = (1, 32, 1000)
_FORMS: tuple[Form, ...] = ("flat", "graph", "lists")
_SECONDS = 2.0  # that each batch size is measured for
_COPY_BYTES = 1 << 30
_PLAIN_ROWS = 1 << 19  # scored at a time: 1,000 queries need a gigabyte for them
_TIE = 2e-4  # what half precision moves a score by; equals may stand for each other


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--work", type=Path, required=True, help="where vectors are kept")
    parser.add_argument("--data", type=Path, help="a folder of photos")
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--crops", type=int, default=60_000, help="photos to really embed")
    parser.add_argument("--recall", type=float, default=0.99, help="recall@10 to be reached")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    gpus, torch = needed()
    sample = load_sample(options.size, options.work, options.data, crops=options.crops)
    floor = exact(sample.vectors, sample.queries)  # (q,)
    moved = bandwidth(torch)
    result: dict[str, Any] = {
        "machine": {**machine(*PACKAGES), **gpu(torch)},
        "vectors": f"{len(sample.vectors)} x {sample.vectors.shape[1]}: {sample.origin}",
        "recall": options.recall,
        "copy_gb_s": round(moved / 1e9, 1),
        "forms": {},
    }
    index = VectorIndex.build(sample.vectors, np.arange(len(sample.vectors)), "Flat-fp16")
    for form in _FORMS:
        said = on_gpu(index, form, gpus, sample.queries, floor, options.recall)
        result["forms"][form] = said
        if form == "flat" and "us" in said:
            read = len(index) * index.dim * 2 / (said["us"]["1"] / 1e6)
            said["bandwidth"] = round(read / moved, 3)
        print(f"{form}: {said}", file=sys.stderr, flush=True)
    matrix = torch.from_numpy(sample.vectors).half().cuda()
    result["forms"]["plain torch"] = timed(
        lambda some: plain(torch, matrix, some, TOP), sample.queries
    )
    print(json.dumps(result, indent=2) if options.json else as_text(result))


def needed() -> tuple[FaissGpus, Any]:
    """The GPUs and torch; SystemExit with one line that says what is missing."""
    gpus = FaissGpus()
    if not gpus.free_bytes():
        raise SystemExit(
            "nothing to measure: FAISS sees no GPU here; it takes an NVIDIA device, its driver and "
            "pip install 'vitrine[gpu]' in place of [cpu]"
        )
    try:
        import torch
    except ImportError:
        raise SystemExit("torch is missing, to compare with; pip install 'vitrine[clip]'") from None
    if not torch.cuda.is_available():
        raise SystemExit("torch sees no GPU; install a build of it with CUDA")
    return gpus, torch


def on_gpu(
    index: VectorIndex,
    form: Form,
    gpus: FaissGpus,
    queries: Vectors,
    floor: NDArray[np.float32],
    target: float,
) -> dict[str, Any]:
    """Seconds to fill, and the first effort with the recall; or why there is none."""
    if form == "graph" and not gpus.graphs:
        return {"failed": "this FAISS was built without cuVS"}
    placement = decide(form, len(index), index.dim, gpus.free_bytes()[:1])
    if placement.kind == "cpu":
        return {"failed": placement.note}
    start = time.perf_counter()
    try:
        copy = filled(index, placement, gpus)
    except (RuntimeError, MemoryError) as error:
        return {"failed": " ".join(str(error).split())[-120:]}
    seconds = round(time.perf_counter() - start, 1)
    said = reached(copy, efforts_for(form, len(index), placement), queries, floor, target)
    return {"fill_s": seconds, **said}


def reached(
    copy: DeviceCopy,
    efforts: list[Effort],
    queries: Vectors,
    floor: NDArray[np.float32],
    target: float,
) -> dict[str, Any]:
    """What the first effort of this recall takes; ``floor`` (q,) is the score of the TOPth best."""
    recall = 0.0
    for effort in efforts:
        scores = copy.near(queries, TOP, effort)[1]  # (q, TOP)
        recall = float((scores >= floor[:, None] - _TIE).mean())
        if recall >= target:
            found = timed(lambda some, effort=effort: copy.near(some, TOP, effort), queries)
            return {"recall": round(recall, 4), "effort": f"{effort.depth}", **found}
    return {"failed": f"recall {recall:.4f} at most"}


def timed(search: Callable[[Vectors], object], queries: Vectors) -> dict[str, Any]:
    """Queries per second, and the median microseconds of a batch, for each size of batch."""
    rates, medians = {}, {}
    for size in BATCHES:
        search(queries[:size])
        times: list[float] = []
        at, end = 0, time.perf_counter() + _SECONDS
        while not times or time.perf_counter() < end:
            some = np.take(queries, range(at, at + size), axis=0, mode="wrap")
            start = time.perf_counter()
            search(some)
            times.append(time.perf_counter() - start)
            at += size
        rates[str(size)] = round(size * len(times) / sum(times))
        medians[str(size)] = round(float(np.median(times)) * 1e6, 1)
    return {"queries_s": rates, "us": medians}


def plain(torch: Any, matrix: Any, queries: Vectors, k: int) -> NDArray[np.int64]:
    """The k best rows of a matrix (n, dim) in fp16 for each query (q, dim): (q, k)."""
    asked = torch.from_numpy(queries).to(matrix.device, matrix.dtype)
    scores, rows = [], []
    for at in range(0, len(matrix), _PLAIN_ROWS):
        part = matrix[at : at + _PLAIN_ROWS]
        best = torch.topk(asked @ part.T, min(k, len(part)))  # (q, k)
        scores.append(best.values)
        rows.append(best.indices + at)
    best = torch.topk(torch.cat(scores, 1), k)
    found: NDArray[np.int64] = torch.cat(rows, 1).gather(1, best.indices).cpu().numpy()
    return found


def bandwidth(torch: Any) -> float:
    """Bytes a second that a copy within the GPU's memory reads and writes: the best of ten."""
    source = torch.empty(_COPY_BYTES, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    best = 0.0
    for _ in range(10):
        torch.cuda.synchronize()
        start = time.perf_counter()
        target.copy_(source)
        torch.cuda.synchronize()
        best = max(best, 2 * _COPY_BYTES / (time.perf_counter() - start))
    return best


def gpu(torch: Any) -> dict[str, Any]:
    import faiss

    found = torch.cuda.get_device_properties(0)
    return {
        "gpu": f"{found.name}, {found.total_memory / 1e9:.0f} GB",
        "faiss": faiss.__version__,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
    }


def as_text(result: dict[str, Any]) -> str:
    """Markdown: a row for each form, with ratios to plain torch."""
    lines = [
        f"{result['vectors']}; {json.dumps(result['machine'])}",
        f"a copy within the GPU's memory moves {result['copy_gb_s']:g} GB/s",
        "",
        "| | recall@10 | fill s | "
        + " | ".join(f"q/s in batches of {size:,}" for size in BATCHES)
        + " | bandwidth |",
        "|---|---|---|" + "---|" * (len(BATCHES) + 1),
    ]
    torch = result["forms"]["plain torch"]["queries_s"]
    for name, said in result["forms"].items():
        if "failed" in said:
            lines.append(f"| {name} | {said['failed']} |" + " |" * (len(BATCHES) + 2))
            continue
        cells = []
        for size in map(str, BATCHES):
            rate = said["queries_s"][size]
            cells.append(f"{rate:,} ({rate / torch[size]:.2f})")
        shown = [str(said.get(key, "")) for key in ("recall", "fill_s")]
        lines.append(f"| {name} | {' | '.join([*shown, *cells, str(said.get('bandwidth', ''))])} |")
    lines += ["", "In brackets: against plain torch in the same run."]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
