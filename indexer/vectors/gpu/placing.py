"""Copy an index to GPUs, in the first form that fits, meets the targets and is faster.

Before a copy serves, its results are compared with an exact search on the CPU. This includes flat
copies: a GPU with wrong results must not serve.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace

from indexer.vectors.benchmark import Benchmark, measure_levels
from indexer.vectors.contract import MEASURED_K, Contract, Effort, Level
from indexer.vectors.gpu.devicecopy import FLAT_EFFORT, MAX_DEPTH, DeviceCopy
from indexer.vectors.gpu.devices import FaissGpus, Placement, choose_placement
from indexer.vectors.recall import TOP, held_out_queries, recall_of
from indexer.vectors.recipe import Recipe
from indexer.vectors.recipes import faiss_module, lists_for, train_index, train_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexer.arrays import Vectors
    from indexer.vectors.gpu.devices import Form, Gpus
    from indexer.vectors.index import VectorIndex

QUERIES = 200  # to measure a copy with
DEFAULT_P95_MS = 10.0  # limit of a search, if the operator set none
_FLAT_RECALL = 0.999  # least recall of a flat copy; ties and rounding cost a little
_QUERY_ROWS = 20_000  # rows from which held-out queries are drawn
_BLOCK = 1 << 18  # rows added to lists at a time
_PIECE_BYTES = 8 << 30  # host memory for rows that FAISS takes in one call
_GRAPH_DEPTHS = (64, 96, 128, 192, 256, 384, 512)


def copy_to_gpus(vectors: VectorIndex, gpus: Gpus | None = None) -> VectorIndex:
    """Return the index with a copy on the GPUs; the placement's note says where, or why not.

    Without a GPU, or if no form passes, the index has no copy and the CPU serves. Approximate
    forms are tried only for approximate indexes.
    """
    gpus = gpus or FaissGpus()
    if not len(vectors) or not gpus.free_bytes():
        return vectors.with_device(None, Placement())
    benchmark = _benchmark(vectors)
    reasons: list[str] = []
    for form in forms_for(vectors.contract, has_cagra=gpus.has_cagra):
        copy, placement = _place(vectors, form, gpus, benchmark)
        if copy is not None:
            return vectors.with_device(copy, placement)
        reasons.append(placement.note)
    return vectors.with_device(None, Placement(note="cpu: " + "; ".join(reasons)))


def forms_for(contract: Contract, *, has_cagra: bool) -> list[Form]:
    """Return the forms to try for an index with this contract, preferred one first."""
    if contract.exact:
        return ["flat"]
    return ["flat", "graph", "lists"] if has_cagra else ["flat", "lists"]


def efforts_for(form: Form, rows: int, placement: Placement) -> list[Effort]:
    """Return the efforts to measure a form with, from cheap to thorough."""
    if form == "flat":
        return [FLAT_EFFORT]
    if form == "graph":
        return [Effort(depth, MEASURED_K) for depth in _GRAPH_DEPTHS]
    lists = lists_for(_rows_per_gpu(rows, placement))
    efforts = Recipe("IVF", lists, "sq8").efforts(rows)
    return [effort for effort in efforts if effort.depth <= MAX_DEPTH[form]]


def reason_not_to_serve(form: Form, level: Level, contract: Contract, rows: int) -> str:
    """Return why a copy with this measured level must not serve; empty if it may."""
    targets = contract.targets
    needed = _needed_recall(form, contract)
    if level.recall < needed:
        return f"recall@{TOP} {level.recall:.4f}, {needed:g} is needed"
    if contract.exact:
        cpu_us = rows * contract.row_us
        if 0 < cpu_us <= level.median_us:
            return f"one core takes {cpu_us / 1e3:.2f} ms, the GPU {level.median_us / 1e3:.2f}"
        return ""
    limit = DEFAULT_P95_MS if targets.p95_ms is None else targets.p95_ms
    if level.p95_us > limit * 1e3:
        return f"{level.p95_us / 1e3:.2f} ms p95, {limit:g} is the limit"
    return ""


def _place(
    vectors: VectorIndex, form: Form, gpus: Gpus, benchmark: Benchmark
) -> tuple[DeviceCopy | None, Placement]:
    """Copy the index in this form and measure the copy; None, and a note why, if it fails."""
    # Read the free memory again for each form: an earlier one may have been tried before.
    placement = choose_placement(form, len(vectors), vectors.dim, gpus.free_bytes())
    if placement.kind == "cpu":
        return None, placement
    contract = vectors.contract
    targets = replace(contract.targets, recall=_needed_recall(form, contract))
    try:
        copy = fill_copy(vectors, placement, gpus)
        efforts = efforts_for(form, len(vectors), placement)
        first, *others = copy.split_replicas()
        levels, level = measure_levels(first.search_with_effort, efforts, benchmark, targets)
        recall = min(
            [
                levels[level].recall,
                *(_recall(replica, levels[level], benchmark) for replica in others),
            ]
        )
    except (RuntimeError, MemoryError) as error:  # such as running out of memory after all
        reason = " ".join(str(error).split())[-120:]
        return None, Placement(note=f"{placement.note}: the GPU failed: {reason}")
    measured = replace(levels[level], recall=recall)
    reason = reason_not_to_serve(form, measured, contract, len(vectors))
    if reason:
        return None, Placement(note=f"{placement.note}: {reason}")
    p95_ms = measured.p95_us / 1e3
    note = f"{placement.note}; recall@{TOP} {measured.recall:.4f} at {p95_ms:.2f} ms p95"
    return copy.with_levels(levels, level), placement._replace(note=note)


def _recall(copy: DeviceCopy, level: Level, benchmark: Benchmark) -> float:
    """Return the recall of a replica at the level that was chosen for the first one."""
    scores = copy.search_with_effort(benchmark.queries, MEASURED_K, level.effort)[1]
    return round(float(recall_of(scores, benchmark.best).mean()), 5)


def _needed_recall(form: Form, contract: Contract) -> float:
    return _FLAT_RECALL if form == "flat" else contract.targets.recall


def fill_copy(vectors: VectorIndex, placement: Placement, gpus: Gpus) -> DeviceCopy:
    """Copy the vectors to GPUs. FAISS may raise RuntimeError or MemoryError."""
    form, n, count = placement.form, len(vectors), placement.gpus
    assert form is not None
    template, lists = _template(vectors, form, placement, gpus)
    if placement.kind == "shards":
        edges = [n * gpu // count for gpu in range(count + 1)]
        shards = [
            _copy_to_gpu(vectors, range(edges[gpu], edges[gpu + 1]), form, template, gpus, gpu)
            for gpu in range(count)
        ]
        replicas = [_join_shards(shards, vectors.dim, threaded=True)]
    else:
        replicas = [
            _copy_to_gpu(vectors, range(n), form, template, gpus, gpu) for gpu in range(count)
        ]
    return DeviceCopy(replicas, vectors.exact_index, form, max_depth=lists)


def _copy_to_gpu(
    vectors: VectorIndex, positions: range, form: Form, template: Any, gpus: Gpus, gpu: int
) -> Any:
    """Copy the vectors at these positions to one GPU, where their positions begin at 0."""
    if form == "lists":
        index = gpus.copy_to(template, gpu)
        for block in _blocks(vectors, positions, _BLOCK):
            index.add(block)
        return index
    # A flat index is copied whole for each block that is added, which takes twice the memory.
    # So it is built from few large pieces, joined as shards.
    pieces = []
    for block in _blocks(vectors, positions, max(1, _PIECE_BYTES // (4 * vectors.dim))):
        if form == "graph":
            pieces.append(gpus.build_graph(block, gpu))
        else:
            pieces.append(gpus.copy_to(template, gpu))
            pieces[-1].add(block)
    return pieces[0] if len(pieces) == 1 else _join_shards(pieces, vectors.dim, threaded=False)


def _join_shards(shards: list[Any], dim: int, *, threaded: bool) -> Any:
    """Return one index over shards; ``threaded`` searches them in parallel."""
    joined = faiss_module().IndexShards(dim, threaded, True)  # True: positions are consecutive
    for shard in shards:
        joined.add_shard(shard)
    return joined


def _template(
    vectors: VectorIndex, form: Form, placement: Placement, gpus: Gpus
) -> tuple[Any, int | None]:
    """Return an empty index to copy to GPUs, and its number of lists; None without lists."""
    faiss = faiss_module()
    if form != "lists":
        return faiss.IndexFlatIP(vectors.dim), None
    lists = lists_for(_rows_per_gpu(len(vectors), placement))
    sample = _sample(vectors, train_rows(lists))
    helper = gpus.copy_to(faiss.IndexFlatIP(vectors.dim), 0)
    return train_index(Recipe("IVF", lists, "sq8"), sample, helper), lists


def _rows_per_gpu(rows: int, placement: Placement) -> int:
    """Return the number of rows on one GPU."""
    return -(-rows // placement.gpus) if placement.kind == "shards" else rows


def _benchmark(vectors: VectorIndex) -> Benchmark:
    queries = held_out_queries(_sample(vectors, _QUERY_ROWS), QUERIES)
    return Benchmark(queries, vectors.exact(queries, TOP)[1], 0.0, 0.0)


def _sample(vectors: VectorIndex, count: int) -> Vectors:
    """Return at most ``count`` of the vectors, evenly spaced."""
    chosen = np.linspace(0, len(vectors) - 1, min(len(vectors), count), dtype=np.int64)
    return vectors.vectors_at(chosen)


def _blocks(vectors: VectorIndex, positions: range, rows: int) -> Iterator[Vectors]:
    """Yield the vectors at these positions in equal blocks of at most ``rows``."""
    total = len(positions)
    count = -(-total // rows)
    # Equal, because a short last block may be too small for a graph.
    step = max(1, -(-total // max(1, count)))
    for start in range(0, total, step):
        yield vectors.vectors_at(np.array(positions[start : start + step], dtype=np.int64))
