"""Measure vector search on one GPU, compared with its memory bandwidth and with plain torch.

    python scripts/bench_gpu.py --work CACHE [--data PHOTOS] [--size 1000000] [--recall 0.99]

Each form of an index that the GPU can hold (flat, CAGRA, lists; see
``indexer/vectors/gpu/devices.py``) is searched with increasing effort until the recall is reached,
then with batches of 1, 32 and 1,000 queries; the time includes copying queries and results to and
from the GPU. "Bandwidth" is the size of all vectors divided by the time of one query, as a share of
the bandwidth of a copy within GPU memory; it is reported for forms that read every vector. Plain
torch is a matrix product in fp16 and a top-k. The vectors are those of ``bench_vectors.py``. Needs
an NVIDIA GPU, ``vitrine[gpu]`` and torch with CUDA.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from bench_search import PACKAGES, TOP, exact
from bench_vectors import load_sample
from machine import machine

from indexer.vectors.gpu.devices import FaissGpus, choose_placement
from indexer.vectors.gpu.placing import efforts_for, fill_copy
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
_SECONDS = 2.0  # of measuring per batch size
_COPY_BYTES = 1 << 30
_PLAIN_ROWS = 1 << 19  # scored at a time: takes 1 GB for 1,000 queries
_TIE = 2e-4  # error of a score in fp16; rows within it count as ties


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--work", type=Path, required=True, help="folder where vectors are cached")
    parser.add_argument("--data", type=Path, help="a folder of photos")
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument(
        "--crops",
        type=int,
        default=60_000,
        help="number of crops to embed; further vectors are derived",
    )
    parser.add_argument("--recall", type=float, default=0.99, help="recall@10 to reach")
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
    """Return the GPUs and torch, or exit with one line that names what is missing."""
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
    """Measure the seconds to fill and the lowest effort with the recall, or report why not."""
    if form == "graph" and not gpus.has_cagra:
        return {"failed": "this FAISS was built without cuVS"}
    placement = choose_placement(form, len(index), index.dim, gpus.free_bytes()[:1])
    if placement.kind == "cpu":
        return {"failed": placement.note}
    start = time.perf_counter()
    try:
        copy = fill_copy(index, placement, gpus)
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
    """Measure the lowest effort that reaches the recall.

    ``floor`` (q,) is the score of the TOPth best row of each query.
    """
    recall = 0.0
    for effort in efforts:
        scores = copy.search_with_effort(queries, TOP, effort)[1]  # (q, TOP)
        recall = float((scores >= floor[:, None] - _TIE).mean())
        if recall >= target:
            found = timed(
                lambda some, effort=effort: copy.search_with_effort(some, TOP, effort), queries
            )
            return {"recall": round(recall, 4), "effort": f"{effort.depth}", **found}
    return {"failed": f"recall {recall:.4f} at most"}


def timed(search: Callable[[Vectors], object], queries: Vectors) -> dict[str, Any]:
    """Measure queries per second and the median microseconds of a batch, for each batch size."""
    rates, medians = {}, {}
    for size in BATCHES:
        search(queries[:size])
        times: list[float] = []
        start, end = 0, time.perf_counter() + _SECONDS
        while not times or time.perf_counter() < end:
            some = np.take(queries, range(start, start + size), axis=0, mode="wrap")
            start = time.perf_counter()
            search(some)
            times.append(time.perf_counter() - start)
            start += size
        rates[str(size)] = round(size * len(times) / sum(times))
        medians[str(size)] = round(float(np.median(times)) * 1e6, 1)
    return {"queries_s": rates, "us": medians}


def plain(torch: Any, matrix: Any, queries: Vectors, k: int) -> NDArray[np.int64]:
    """Return the k best rows of a matrix (n, dim) in fp16 for each query (q, dim): (q, k)."""
    asked = torch.from_numpy(queries).to(matrix.device, matrix.dtype)
    scores, rows = [], []
    for start in range(0, len(matrix), _PLAIN_ROWS):
        part = matrix[start : start + _PLAIN_ROWS]
        best = torch.topk(asked @ part.T, min(k, len(part)))  # (q, k)
        scores.append(best.values)
        rows.append(best.indices + start)
    best = torch.topk(torch.cat(scores, 1), k)
    found: NDArray[np.int64] = torch.cat(rows, 1).gather(1, best.indices).cpu().numpy()
    return found


def bandwidth(torch: Any) -> float:
    """Return the bytes per second read and written by a copy within GPU memory, the best of ten."""
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
    """Format as Markdown: a row for each form, with ratios to plain torch."""
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
