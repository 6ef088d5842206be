"""Build an index on a server, and measure it there on the shop's own vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexer.errors import CannotPromise
from indexer.vectors.benchmark import Benchmark, measure_levels, search_times
from indexer.vectors.contract import MEASURED_K, Contract, Effort, Targets
from indexer.vectors.recall import TOP, held_out_queries
from indexer.vectors.remote.remote_backend import MilvusBackend, QdrantBackend, RemoteBackend

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from indexer.arrays import Rows, Vectors
    from indexer.vectors.remote.address import ServerAddress

_BACKENDS: dict[str, type[RemoteBackend]] = {"milvus": MilvusBackend, "qdrant": QdrantBackend}
_DEPTHS = (48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)  # ef of a graph on the server
_TIMED = 50  # queries that are timed one by one; each crosses the network
_ROW_BYTES = 8  # of the row table; the exact vectors are mapped


def choose_on_server(
    address: ServerAddress,
    draft: Path,
    vectors: Vectors,
    rows: Rows,
    targets: Targets,
    *,
    strict: bool = True,
    watch: Callable[[int, int], None] = lambda _done, _total: None,
) -> RemoteBackend:
    """Build the index of (n, dim) unit vectors on a server, with the contract measured there.

    Fewer vectors than ``exact_below`` are all compared by the server; otherwise it builds a graph.
    ``draft`` is a folder that names the collection until the index is saved. ``watch`` counts
    vectors. Raises VectorsUnavailable; CannotPromise if ``strict`` and a target is missed.
    """
    n = len(vectors)
    exact = n < targets.exact_below or targets.recall >= 1
    backend = _BACKENDS[address.engine].fill(
        address, draft, vectors, rows, exact=exact, watch=watch
    )
    contract = _exact(backend, targets) if exact else _approximate(backend, vectors, targets)
    if strict and not contract.met:
        backend.drop(draft)
        within = "" if targets.p95_ms is None else f" within {targets.p95_ms:g} ms"
        raise CannotPromise(
            f"{address} does not keep recall {targets.recall:g}{within} on {n} rows: "
            f"{contract.note}. Lower --recall, or raise --p95-ms",
            param="recall" if contract.recall < targets.recall else "p95_ms",
        )
    return backend.with_contract(contract)


def _exact(backend: RemoteBackend, targets: Targets) -> Contract:
    n = len(backend)
    note = f"exact: {n} rows are below the limit of {targets.exact_below}"
    if targets.recall >= 1:
        note = "exact: asked for recall 1"
    p95_us = 0.0
    if n:
        queries = held_out_queries(backend.vectors_at(np.arange(min(n, 1000))), _TIMED)
        times = search_times(lambda query: backend.search_with_depth(query, MEASURED_K, 0), queries)
        p95_us = float(np.percentile(times, 95))
    return Contract(
        recipe=backend.engine,
        targets=targets,
        ram_bytes=_ROW_BYTES * n,
        met=targets.allow_time(p95_us),
        note=f"{note}; {p95_us / 1e3:.2f} ms p95 with the way to the server",
    )


def _approximate(backend: RemoteBackend, vectors: Vectors, targets: Targets) -> Contract:
    n = len(backend)
    queries = held_out_queries(vectors)
    benchmark = Benchmark(queries, backend.exact(queries, TOP)[1], 0.0, 0.0)
    levels, promised = measure_levels(
        lambda held_out, k, effort: backend.search_with_depth(held_out, k, effort.depth),
        [Effort(depth) for depth in _DEPTHS],
        benchmark,
        targets,
    )
    level = levels[promised]
    return Contract(
        recipe=backend.engine,
        targets=targets,
        levels=levels,
        level=promised,
        ram_bytes=_ROW_BYTES * n,
        met=level.recall >= targets.recall and targets.allow_time(level.p95_us),
        note=f"recall@{TOP} {level.recall:.4f} at {level.p95_us / 1e3:.2f} ms p95 with the way to "
        f"the server, measured with {len(queries)} held-out queries on {n} rows",
    )
