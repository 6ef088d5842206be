"""Copying an index to GPUs, in the first form that fits, meets the target and pays.

A copy is measured against exact search on the CPU before it serves, a flat one too: a device that
answers wrongly must not go live.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace

from indexer.vectors.contract import MEASURED_K, Contract, Effort, Level
from indexer.vectors.gpu.devicecopy import DEEPEST, FLAT_EFFORT, DeviceCopy
from indexer.vectors.gpu.devices import FaissGpus, Placement, decide
from indexer.vectors.recall import TOP, held_out, recall_of
from indexer.vectors.recipe import Recipe
from indexer.vectors.recipes import faiss_module, lists_for, train_rows, trained
from indexer.vectors.tuning import Benchmark, levels_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexer.arrays import Vectors
    from indexer.vectors.gpu.devices import Form, Gpus
    from indexer.vectors.index import VectorIndex

QUERIES = 200  # that a copy is measured with
PATIENCE_MS = 10.0  # of one search, if the operator asked for no time
_EXACT = 0.999  # recall of a flat copy; ties and rounding cost a little
_QUERY_ROWS = 20_000  # rows that the held-out queries are made from
_BLOCK = 1 << 18  # rows added to lists at a time
_PART_BYTES = 8 << 30  # of host memory for rows that FAISS must be given in one piece
_GRAPH_DEPTHS = (64, 96, 128, 192, 256, 384, 512)


def on_gpus(vectors: VectorIndex, gpus: Gpus | None = None) -> VectorIndex:
    """Return the index with a copy on the GPUs; its placement says where it is and why.

    Without a GPU, or if no copy fits and serves, the CPU serves alone. Approximate forms are tried
    only for indexes that are approximate themselves.
    """
    gpus = gpus or FaissGpus()
    if not len(vectors) or not gpus.free_bytes():
        return vectors.with_device(None, Placement())
    benchmark = _benchmark(vectors)
    said: list[str] = []
    for form in forms_for(vectors.contract, graphs=gpus.graphs):
        copy, placement = _place(vectors, form, gpus, benchmark)
        if copy is not None:
            return vectors.with_device(copy, placement)
        said.append(placement.note)
    return vectors.with_device(None, Placement(note="cpu: " + "; ".join(said)))


def forms_for(contract: Contract, *, graphs: bool) -> list[Form]:
    """Return the forms to try for an index of this contract, the preferred first."""
    if contract.exact:
        return ["flat"]
    return ["flat", "graph", "lists"] if graphs else ["flat", "lists"]


def efforts_for(form: Form, rows: int, placement: Placement) -> list[Effort]:
    """Return the efforts to measure a form with, from cheap to thorough."""
    if form == "flat":
        return [FLAT_EFFORT]
    if form == "graph":
        return [Effort(depth, MEASURED_K) for depth in _GRAPH_DEPTHS]
    lists = lists_for(_share(rows, placement))
    every = Recipe("IVF", lists, "sq8").efforts(rows)
    return [effort for effort in every if effort.depth <= DEEPEST[form]]


def refusal(form: Form, level: Level, contract: Contract, rows: int) -> str:
    """Return why a copy that was measured so does not serve; empty if it serves."""
    targets = contract.targets
    promised = _promised(form, contract)
    if level.recall < promised:
        return f"recall@{TOP} {level.recall:.4f}, {promised:g} is needed"
    if contract.exact:
        alone = rows * contract.row_us
        if 0 < alone <= level.median_us:
            return f"one core takes {alone / 1e3:.2f} ms, the GPU {level.median_us / 1e3:.2f}"
        return ""
    limit = PATIENCE_MS if targets.p95_ms is None else targets.p95_ms
    if level.p95_us > limit * 1e3:
        return f"{level.p95_us / 1e3:.2f} ms p95, {limit:g} is the limit"
    return ""


def _place(
    vectors: VectorIndex, form: Form, gpus: Gpus, benchmark: Benchmark
) -> tuple[DeviceCopy | None, Placement]:
    """Copy to this form; None, and in the note why, if that does not serve."""
    # The memory is asked for anew each time: another form may have been tried before.
    placement = decide(form, len(vectors), vectors.dim, gpus.free_bytes())
    if placement.kind == "cpu":
        return None, placement
    contract = vectors.contract
    targets = replace(contract.targets, recall=_promised(form, contract))
    try:
        copy = filled(vectors, placement, gpus)
        efforts = efforts_for(form, len(vectors), placement)
        first, *others = copy.apart()
        levels, level = levels_of(first.near, efforts, benchmark, targets)
        recall = min(
            [
                levels[level].recall,
                *(_recall(replica, levels[level], benchmark) for replica in others),
            ]
        )
    except (RuntimeError, MemoryError) as error:  # FAISS says so when memory runs out after all
        reason = " ".join(str(error).split())[-120:]
        return None, Placement(note=f"{placement.note}: the GPU failed: {reason}")
    measured = replace(levels[level], recall=recall)
    refused = refusal(form, measured, contract, len(vectors))
    if refused:
        return None, Placement(note=f"{placement.note}: {refused}")
    p95_ms = measured.p95_us / 1e3
    note = f"{placement.note}; recall@{TOP} {measured.recall:.4f} at {p95_ms:.2f} ms p95"
    return copy.measured(levels, level), placement._replace(note=note)


def _recall(copy: DeviceCopy, level: Level, benchmark: Benchmark) -> float:
    """Measure the recall of one replica at the level that was chosen with another."""
    scores = copy.near(benchmark.queries, MEASURED_K, level.effort)[1]
    return round(float(recall_of(scores, benchmark.best).mean()), 5)


def _promised(form: Form, contract: Contract) -> float:
    return _EXACT if form == "flat" else contract.targets.recall


def filled(vectors: VectorIndex, placement: Placement, gpus: Gpus) -> DeviceCopy:
    """Copy the vectors to GPUs as placed. RuntimeError and MemoryError come from FAISS."""
    form, n, count = placement.form, len(vectors), placement.gpus
    assert form is not None
    template, lists = _template(vectors, form, placement, gpus)
    if placement.kind == "shards":
        edges = [n * gpu // count for gpu in range(count + 1)]
        shards = [
            _on_one(vectors, edges[gpu], edges[gpu + 1], form, template, gpus, gpu)
            for gpu in range(count)
        ]
        replicas = [_joined(shards, vectors.dim, threaded=True)]
    else:
        replicas = [_on_one(vectors, 0, n, form, template, gpus, gpu) for gpu in range(count)]
    return DeviceCopy(replicas, vectors.exact_index, form, deepest=lists)


def _on_one(
    vectors: VectorIndex,
    begin: int,
    end: int,
    form: Form,
    template: Any,
    gpus: Gpus,
    gpu: int,
) -> Any:
    """Copy the vectors from ``begin`` to ``end`` to one GPU, numbered from 0."""
    if form == "lists":
        index = gpus.copied(template, gpu)
        for block in _blocks(vectors, begin, end, _BLOCK):
            index.add(block)
        return index
    # Given piece by piece, a flat index would be copied whole for each: twice the memory.
    parts = []
    for block in _blocks(vectors, begin, end, max(1, _PART_BYTES // (4 * vectors.dim))):
        if form == "graph":
            parts.append(gpus.graph(block, gpu))
        else:
            parts.append(gpus.copied(template, gpu))
            parts[-1].add(block)
    return parts[0] if len(parts) == 1 else _joined(parts, vectors.dim, threaded=False)


def _joined(parts: list[Any], dim: int, *, threaded: bool) -> Any:
    """One index over parts; ``threaded`` where they may be searched at the same time."""
    joined = faiss_module().IndexShards(dim, threaded, True)  # positions go on from part to part
    for part in parts:
        joined.add_shard(part)
    return joined


def _template(
    vectors: VectorIndex, form: Form, placement: Placement, gpus: Gpus
) -> tuple[Any, int | None]:
    """Return an empty index to copy to GPUs, and how many lists it has; None if it has none."""
    faiss = faiss_module()
    if form != "lists":
        return faiss.IndexFlatIP(vectors.dim), None
    lists = lists_for(_share(len(vectors), placement))
    some = _some(vectors, train_rows(lists))
    helper = gpus.copied(faiss.IndexFlatIP(vectors.dim), 0)
    return trained(Recipe("IVF", lists, "sq8"), some, helper), lists


def _share(rows: int, placement: Placement) -> int:
    """How many rows lie on one GPU."""
    return -(-rows // placement.gpus) if placement.kind == "shards" else rows


def _benchmark(vectors: VectorIndex) -> Benchmark:
    queries = held_out(_some(vectors, _QUERY_ROWS), QUERIES)
    return Benchmark(queries, vectors.exact(queries, TOP)[1], 0.0, 0.0)


def _some(vectors: VectorIndex, count: int) -> Vectors:
    """Return at most so many of the vectors, spread evenly."""
    chosen = np.linspace(0, len(vectors) - 1, min(len(vectors), count), dtype=np.int64)
    return vectors.vectors_at(chosen)


def _blocks(vectors: VectorIndex, begin: int, end: int, rows: int) -> Iterator[Vectors]:
    """Yield the vectors from ``begin`` to ``end`` in blocks of one size, of at most ``rows``."""
    count = -(-(end - begin) // rows)
    rows = -(-(end - begin) // max(1, count))  # a last block of few could not become a graph
    for at in range(begin, end, max(1, rows)):
        yield vectors.vectors_at(np.arange(at, min(at + rows, end)))
