"""Build and train FAISS indexes by recipe, and set the parameters of their searches.

Recipes are described in ``indexer.vectors.recipe``. Those that rescore candidates read the vectors
from ``exact.faiss``: fp16 vectors that are mapped from disk, so they need no memory of their own.
The store holds embeddings in fp16, so fp16 loses no precision here.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from indexer.errors import VitrineError
from indexer.threads import THREADS
from indexer.vectors.graph_order import reorder_graph
from indexer.vectors.recipe import Recipe

if TYPE_CHECKING:
    from indexer.arrays import Positions, Vectors
    from indexer.vectors.contract import Effort

NEIGHBORS = 32
_BUILD_DEPTH = 80  # efConstruction; 120 takes 1.4 times as long to build, and gains 2 % of speed
_TRAIN_PER_LIST = 64
_TRAIN_SEED = 1234
_CODECS = ("QT_fp16", "QT_8bit")


class FilledIndex(NamedTuple):
    """An index, and the exact vectors beside it if it does not hold them itself.

    ``order`` (n,) has the place of each position among the vectors that were given; None if they
    were kept in their order.
    """

    index: Any
    exact: Any | None
    order: Positions | None


def faiss_module() -> Any:
    """Import FAISS on first use. If it is missing, raise VitrineError, naming the extra."""
    try:
        import faiss
    except ImportError:
        raise VitrineError(
            "FAISS is not installed; pip install 'vitrine[cpu]' (or 'vitrine[gpu]')"
        ) from None
    return faiss


def recipes_for(n: int, dim: int) -> list[str]:
    """Return the recipes to measure for ``n`` vectors of ``dim`` numbers, most promising first."""
    lists = lists_for(n)
    names = [f"HNSW{NEIGHBORS}-fp16"]
    if dim % 4 == 0:
        names.append(f"IVF{lists}-PQ4")
    return [*names, f"HNSW{NEIGHBORS}-sq8", f"IVF{lists}-RaBitQ", "Flat-sq8", "Flat-fp16"]


def lists_for(n: int) -> int:
    """Return the number of inverted lists for ``n`` vectors: a power of two near 2.5 * sqrt(n)."""
    return 1 << max(2, round(math.log2(max(16.0, 2.5 * n**0.5))))


def build_index(recipe: str, vectors: Vectors) -> FilledIndex:
    """Build an index of (n, dim) unit vectors. Raises VitrineError if there is no such recipe.

    A graph is put in the order in which it is searched fastest. Lists and codes are trained on the
    vectors: with fewer than about 40 per list, FAISS warns.
    """
    try:
        layout = Recipe.parse(recipe)
    except ValueError as error:
        raise VitrineError(str(error)) from None
    faiss = faiss_module()
    faiss.omp_set_num_threads(all_cores())  # a search may have limited this thread to one core
    values = np.ascontiguousarray(vectors, dtype=np.float32)
    index = train_index(layout, values)
    index.add(values)
    order = reorder_graph(index) if layout.kind == "HNSW" else None
    if layout.holds_exact:
        return FilledIndex(index, None, order)
    exact = _scalar(faiss, values.shape[1], "QT_fp16")
    exact.add(values)
    if order is not None and len(order):
        exact.permute_entries(order)
    return FilledIndex(index, exact, order)


def train_index(recipe: Recipe, vectors: Vectors, helper: Any | None = None) -> Any:
    """Return an empty index whose lists and codes are trained on vectors (n, dim).

    ``helper`` is an empty flat index for the clustering, for example on a GPU.
    """
    faiss = faiss_module()
    index = _empty(faiss, recipe, vectors.shape[1])
    if helper is not None:
        index.clustering_index = helper
    _train(faiss, index, vectors)
    if helper is not None:
        index.clustering_index = None  # FAISS holds no reference to it
    return index


def train_rows(lists: int) -> int:
    """Return how many vectors to train this number of lists on, if there are that many."""
    return max(16_384, _TRAIN_PER_LIST * lists)


@lru_cache(maxsize=1024)
def search_parameters(recipe: Recipe, effort: Effort, k: int) -> Any:
    """Return FAISS's parameters for a search of ``k`` rows; None if the index has none.

    They are cached and shared by threads: do not change them. FAISS only reads them.
    """
    faiss = faiss_module()
    params = None
    if recipe.kind == "HNSW":
        params = faiss.SearchParametersHNSW(efSearch=max(effort.depth, k))
    elif recipe.kind == "IVF":
        # With nprobe above the number of lists, FAISS also scores lists that do not exist.
        params = faiss.SearchParametersIVF(nprobe=min(effort.depth, recipe.size))
    if recipe.holds_exact:
        return params
    factor = max(1.0, effort.refine / max(1, k))
    return faiss.IndexRefineSearchParameters(k_factor=factor, base_index_params=params)


def exact_store(index: Any) -> Any:
    """Return the index that holds the exact vectors: the storage of a graph, else ``index``."""
    faiss = faiss_module()
    storage = getattr(index, "storage", None)
    return index if storage is None else faiss.downcast_index(storage)


def check_structure(index: Any, recipe: Recipe, name: str) -> None:
    """Check that an index read from the file ``name`` is one that this recipe builds.

    FAISS reads any of its kinds of index, also those that compare by another metric, whose scores
    would be distances. The recipe ``Flat-fp16`` is also that of the file of exact vectors. Raises
    ValueError.
    """
    if index is None:  # how FAISS reads a file that begins with "null"
        raise ValueError(f"{name} holds no index")
    faiss = faiss_module()
    found, wanted = _structure(faiss, index), _structure(faiss, _empty(faiss, recipe, index.d))
    if found != wanted:
        raise ValueError(f"{name} should be {wanted}, it is {found}")


def _structure(faiss: Any, index: Any) -> str:
    """Describe the class, metric and codes of an index, and of the indexes inside it."""
    metrics = {faiss.METRIC_INNER_PRODUCT: "inner product", faiss.METRIC_L2: "L2"}
    metric = metrics.get(index.metric_type, f"metric {index.metric_type}")
    # FAISS may read an IndexFlat as an IndexFlatIP.
    kind = type(index).__name__.removesuffix("IP").removesuffix("L2")
    parts = [f"{kind} by {metric}"]
    if hasattr(index, "nlist"):
        parts.append(f"{index.nlist} lists")
    if hasattr(index, "hnsw"):
        parts.append(f"{index.hnsw.nb_neighbors(1)} neighbors")
    if hasattr(index, "sq"):
        codecs = {getattr(faiss.ScalarQuantizer, x): x for x in _CODECS}
        parts.append(codecs.get(index.sq.qtype, f"codec {index.sq.qtype}"))
    if hasattr(index, "code_size"):
        parts.append(f"{index.code_size} bytes a vector")
    inner = [getattr(index, name, None) for name in ("storage", "quantizer")]
    nested = [_structure(faiss, faiss.downcast_index(x)) for x in inner if x is not None]
    return ", ".join(parts) + "".join(f" over {x}" for x in nested)


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
    # r: codes of the residuals to a list's center. With inner products they cost no search time.
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
    sample = (
        values[np.sort(rng.permutation(len(values))[:wanted])] if len(values) > wanted else values
    )
    if lists:
        index.cp.max_points_per_centroid = _TRAIN_PER_LIST
        index.cp.min_points_per_centroid = 1  # no warning on stderr
    quantizer = getattr(index, "pq", None)
    if quantizer is not None:
        quantizer.cp.max_points_per_centroid = 4 * _TRAIN_PER_LIST
        quantizer.cp.min_points_per_centroid = 1
        # Its loops are so short that threads make them slower, up to tenfold on busy cores.
        faiss.omp_set_num_threads(1)
    index.train(sample)
    faiss.omp_set_num_threads(all_cores())


def all_cores() -> int:
    """Return the number of cores that this process may use."""
    return THREADS.count
