"""How vectors can be laid out in FAISS: exact scans, graphs and inverted lists.

A recipe is a name:

    Flat            every vector in fp32, compared one by one
    Flat-fp16       the same in half precision: what the store keeps, in half the memory
    Flat-sq8        one byte a number; the best candidates are scored again exactly
    HNSW24-fp16     a graph of 24 neighbors a row over fp16 vectors
    HNSW24-sq8      the same over one byte a number, best candidates scored again
    IVF512-PQ4      512 lists of 4-bit codes read by SIMD shuffles, best candidates scored again
    IVF512-RaBitQ   512 lists of 1-bit codes, best candidates scored again
    IVF512-sq8      512 lists of one byte a number: what a GPU can read (never chosen on a CPU)

Those that score again do so from ``exact.faiss``, fp16 vectors that stay on disk and are mapped:
they are in memory as far as there is room. The store keeps embeddings as fp16 numbers of unit
length, so fp16 here loses nothing: it gives those numbers back.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from indexer.errors import VitrineError
from indexer.threads import THREADS
from indexer.vectors.contract import FLAT, Effort

if TYPE_CHECKING:
    from indexer.arrays import Vectors

NEIGHBORS = 24
_BUILD_DEPTH = 40  # efConstruction: deeper prunes more, for no better recall at the same work
_TRAIN_PER_LIST = 64
_TRAIN_SEED = 1234
_GRAPH_DEPTHS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
_LIST_DEPTHS = (2, 4, 6, 8, 12, 16, 24, 32, 40, 48, 64, 96, 128, 192, 256)
_REFINES = {"PQ4": (40, 60, 80, 160, 320), "RaBitQ": (80, 160, 320, 640), "sq8": (40, 60, 80)}
_NAME = re.compile(r"Flat(-fp16|-sq8)?|HNSW\d+-(fp16|sq8)|IVF\d+-(PQ4|RaBitQ|sq8)")


class Laid(NamedTuple):
    """A filled index, and the exact vectors beside it where it does not hold them itself."""

    index: Any
    exact: Any | None


def faiss_module() -> Any:
    """FAISS, imported late. VitrineError names the extras where it is missing."""
    try:
        import faiss
    except ImportError:
        raise VitrineError(
            "FAISS is not installed; pip install 'vitrine[cpu]' (or 'vitrine[gpu]')"
        ) from None
    return faiss


def recipes_for(n: int, dim: int) -> list[str]:
    """The recipes worth measuring for ``n`` vectors of ``dim`` numbers, likely winners first."""
    lists = lists_for(n)
    names = [f"HNSW{NEIGHBORS}-fp16"]
    if dim % 4 == 0:
        names.append(f"IVF{lists}-PQ4")
    return [*names, f"HNSW{NEIGHBORS}-sq8", f"IVF{lists}-RaBitQ", "Flat-sq8", "Flat-fp16"]


def lists_for(n: int) -> int:
    """How many inverted lists suit ``n`` vectors: a power of two near 2.5 times the root."""
    return 1 << max(2, round(math.log2(max(16.0, 2.5 * n**0.5))))


def lay_out(recipe: str, vectors: Vectors) -> Laid:
    """Build an index of (n, dim) unit vectors by a recipe. VitrineError when there is none such.

    Learned parts need vectors to learn from: with fewer than about 40 a list, FAISS warns.
    """
    if not _NAME.fullmatch(recipe):
        raise VitrineError(f"no index recipe {recipe!r}; there are Flat, HNSW24-fp16, IVF512-PQ4")
    faiss = faiss_module()
    faiss.omp_set_num_threads(all_cores())  # a search may have left this thread with one
    values = np.ascontiguousarray(vectors, dtype=np.float32)
    index = trained(recipe, values)
    index.add(values)
    if holds_exact(recipe):
        return Laid(index, None)
    exact = _scalar(faiss, values.shape[1], "QT_fp16")
    exact.add(values)
    return Laid(index, exact)


def trained(recipe: str, vectors: Vectors, helper: Any | None = None) -> Any:
    """An empty index that has learned its lists and codes from (n, dim) of its vectors.

    ``helper`` is an empty flat index that finds the centers, on a GPU say.
    """
    faiss = faiss_module()
    index = _empty(faiss, recipe, vectors.shape[1])
    if helper is not None:
        index.clustering_index = helper
    _train(faiss, index, vectors)
    if helper is not None:
        index.clustering_index = None  # FAISS would not keep it alive
    return index


def train_rows(lists: int) -> int:
    """How many vectors so many lists are learned from, where there are so many."""
    return max(16_384, _TRAIN_PER_LIST * lists)


def holds_exact(recipe: str) -> bool:
    """Whether the index itself holds vectors that exact scores can be computed from."""
    return recipe == FLAT or recipe.endswith("-fp16")


def efforts_of(recipe: str, n: int) -> list[Effort]:
    """Efforts to measure, from cheap to thorough; none where every search is exact."""
    kind, _, form = recipe.partition("-")
    refines = _REFINES.get(form, (0,))
    if kind == "Flat":
        return [Effort(1, refine) for refine in refines if refine]
    if kind.startswith("HNSW"):
        refine = refines[0]  # one byte a number misleads little: deeper graphs gain more
        return [Effort(depth, refine) for depth in _GRAPH_DEPTHS if depth < max(32, n)]
    lists = int(kind.removeprefix("IVF"))
    depths = [depth for depth in _LIST_DEPTHS if depth < lists] + [lists]
    # Both grow together: lists that were not looked into cannot be made up for by refining.
    return [
        Effort(depth, refines[min(len(refines) - 1, at * len(refines) // len(depths))])
        for at, depth in enumerate(depths)
    ]


def bytes_per_row(recipe: str, dim: int) -> float:
    """Memory one row takes in the index, vectors that stay mapped on disk not counted."""
    kind, _, form = recipe.partition("-")
    codes = {"": 4.0 * dim, "fp16": 2.0 * dim, "sq8": 1.0 * dim, "PQ4": dim / 4, "RaBitQ": dim / 8}
    links = 4.0 * (2 * NEIGHBORS) + 4.0 * NEIGHBORS / (NEIGHBORS - 1) + 12
    extra = {"Flat": 0.0, "HNSW": links}.get(kind.rstrip("0123456789"), 8.0)  # a list keeps the id
    return codes[form] + extra + (8.0 if form == "RaBitQ" else 0.0)


@lru_cache(maxsize=1024)
def search_parameters(recipe: str, effort: Effort, k: int) -> Any:
    """FAISS's parameters of a search for ``k`` rows, None where it takes none.

    FAISS only reads them, so that searches of several threads may share them; set nothing.
    """
    faiss = faiss_module()
    params = None
    if recipe.startswith("HNSW"):
        params = faiss.SearchParametersHNSW(efSearch=max(effort.depth, k))
    elif recipe.startswith("IVF"):
        # FAISS takes lists that are not there for infinitely far ones, which blurs all others.
        lists = int(recipe.removeprefix("IVF").partition("-")[0])
        params = faiss.SearchParametersIVF(nprobe=min(effort.depth, lists))
    if holds_exact(recipe):
        return params
    factor = max(1.0, effort.refine / max(1, k))
    return faiss.IndexRefineSearchParameters(k_factor=factor, base_index_params=params)


def exact_store(index: Any) -> Any:
    """The part of an index that holds its vectors exactly: itself, or the graph's storage."""
    faiss = faiss_module()
    storage = getattr(index, "storage", None)
    return index if storage is None else faiss.downcast_index(storage)


def _empty(faiss: Any, recipe: str, dim: int) -> Any:
    kind, _, form = recipe.partition("-")
    product = faiss.METRIC_INNER_PRODUCT
    if kind == "Flat":
        if not form:
            return faiss.IndexFlatIP(dim)
        return _scalar(faiss, dim, "QT_fp16" if form == "fp16" else "QT_8bit")
    if kind.startswith("HNSW"):
        codec = getattr(faiss.ScalarQuantizer, "QT_fp16" if form == "fp16" else "QT_8bit")
        index = faiss.IndexHNSWSQ(dim, codec, int(kind.removeprefix("HNSW")), product)
        index.hnsw.efConstruction = _BUILD_DEPTH
        return index
    # r: codes of what a list's center leaves. A search pays nothing for it with inner products.
    codes = {"PQ4": f"PQ{dim // 2}x4fsr", "RaBitQ": "RaBitQ", "sq8": "SQ8"}[form]
    return faiss.index_factory(dim, f"{kind},{codes}", product)


def _scalar(faiss: Any, dim: int, codec: str) -> Any:
    kind = getattr(faiss.ScalarQuantizer, codec)
    return faiss.IndexScalarQuantizer(dim, kind, faiss.METRIC_INNER_PRODUCT)


def _train(faiss: Any, index: Any, values: Vectors) -> None:
    if index.is_trained:
        return
    lists = getattr(index, "nlist", 0)
    wanted = train_rows(lists)
    rng = np.random.default_rng(_TRAIN_SEED)
    some = (
        values[np.sort(rng.permutation(len(values))[:wanted])] if len(values) > wanted else values
    )
    if lists:
        index.cp.max_points_per_centroid = _TRAIN_PER_LIST
        index.cp.min_points_per_centroid = 1  # a warning on stderr helps nobody
    quantizer = getattr(index, "pq", None)
    if quantizer is not None:
        quantizer.cp.max_points_per_centroid = 4 * _TRAIN_PER_LIST
        quantizer.cp.min_points_per_centroid = 1
        # Its many tiny loops cost more to hand to threads than to do, tenfold on busy cores.
        faiss.omp_set_num_threads(1)
    index.train(some)
    faiss.omp_set_num_threads(all_cores())


def all_cores() -> int:
    """Return how many cores this process may use."""
    return THREADS.count
