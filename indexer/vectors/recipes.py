"""Indexes of FAISS by recipe: built, trained, and the parameters of their searches.

Recipes are described in ``indexer.vectors.recipe``. Those that score candidates again do so from
``exact.faiss``, fp16 vectors that stay on disk and are mapped: in memory as far as there is room.
The store keeps embeddings as fp16 numbers of unit length, so fp16 loses nothing here.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from indexer.errors import VitrineError
from indexer.threads import THREADS
from indexer.vectors.recipe import Recipe

if TYPE_CHECKING:
    from indexer.arrays import Vectors
    from indexer.vectors.contract import Effort

NEIGHBORS = 24
_BUILD_DEPTH = 40  # efConstruction: deeper prunes more, for no better recall at the same work
_TRAIN_PER_LIST = 64
_TRAIN_SEED = 1234


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
    """Return recipes worth measuring for ``n`` vectors of ``dim`` numbers, likely best first."""
    lists = lists_for(n)
    names = [f"HNSW{NEIGHBORS}-fp16"]
    if dim % 4 == 0:
        names.append(f"IVF{lists}-PQ4")
    return [*names, f"HNSW{NEIGHBORS}-sq8", f"IVF{lists}-RaBitQ", "Flat-sq8", "Flat-fp16"]


def lists_for(n: int) -> int:
    """Return how many inverted lists suit ``n`` vectors: a power of two near 2.5 times the root."""
    return 1 << max(2, round(math.log2(max(16.0, 2.5 * n**0.5))))


def lay_out(recipe: str, vectors: Vectors) -> Laid:
    """Build an index of (n, dim) unit vectors by a recipe. VitrineError if there is no such recipe.

    Learned parts need vectors to learn from: with fewer than about 40 a list, FAISS warns.
    """
    try:
        layout = Recipe.parse(recipe)
    except ValueError as error:
        raise VitrineError(str(error)) from None
    faiss = faiss_module()
    faiss.omp_set_num_threads(all_cores())  # a search may have left this thread with one
    values = np.ascontiguousarray(vectors, dtype=np.float32)
    index = trained(layout, values)
    index.add(values)
    if layout.holds_exact:
        return Laid(index, None)
    exact = _scalar(faiss, values.shape[1], "QT_fp16")
    exact.add(values)
    return Laid(index, exact)


def trained(recipe: Recipe, vectors: Vectors, helper: Any | None = None) -> Any:
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
    """Return how many vectors so many lists are learned from, if there are as many."""
    return max(16_384, _TRAIN_PER_LIST * lists)


@lru_cache(maxsize=1024)
def search_parameters(recipe: Recipe, effort: Effort, k: int) -> Any:
    """Return FAISS's parameters of a search for ``k`` rows; None if it takes none.

    FAISS only reads them, so searches of several threads may share them; set nothing on them.
    """
    faiss = faiss_module()
    params = None
    if recipe.kind == "HNSW":
        params = faiss.SearchParametersHNSW(efSearch=max(effort.depth, k))
    elif recipe.kind == "IVF":
        # FAISS takes lists that do not exist for infinitely far ones, which blurs all others.
        params = faiss.SearchParametersIVF(nprobe=min(effort.depth, recipe.size))
    if recipe.holds_exact:
        return params
    factor = max(1.0, effort.refine / max(1, k))
    return faiss.IndexRefineSearchParameters(k_factor=factor, base_index_params=params)


def exact_store(index: Any) -> Any:
    """Return the part of an index that holds its vectors exactly: itself, or a graph's storage."""
    faiss = faiss_module()
    storage = getattr(index, "storage", None)
    return index if storage is None else faiss.downcast_index(storage)


def _empty(faiss: Any, recipe: Recipe, dim: int) -> Any:
    product = faiss.METRIC_INNER_PRODUCT
    if recipe.codes == "fp32":
        return faiss.IndexFlatIP(dim)
    codec = "QT_fp16" if recipe.codes == "fp16" else "QT_8bit"
    if recipe.kind == "Flat":
        return _scalar(faiss, dim, codec)
    if recipe.kind == "HNSW":
        kind = getattr(faiss.ScalarQuantizer, codec)
        index = faiss.IndexHNSWSQ(dim, kind, recipe.size, product)
        index.hnsw.efConstruction = _BUILD_DEPTH
        return index
    # r: codes of what a list's center leaves. A search pays nothing for it with inner products.
    codes = {"PQ4": f"PQ{dim // 2}x4fsr", "RaBitQ": "RaBitQ", "sq8": "SQ8"}[recipe.codes]
    return faiss.index_factory(dim, f"IVF{recipe.size},{codes}", product)


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
