"""Other search libraries, called as in their documentation, behind one small interface."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from machine import CORES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Ids = NDArray[np.int64]
    Floats = NDArray[np.float32]

_DEPTHS = (10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768)


class Peer(Protocol):
    """A search library: build once, then search with each effort."""

    efforts: Sequence[Any]

    def build(self, vectors: Floats) -> None:
        """Index unit vectors (n, dim) under the ids 0 to n - 1."""
        ...

    def ask(self, queries: Floats, k: int, effort: Any, threads: int) -> Ids:
        """Return the k nearest ids of each query (q, dim): (q, k)."""
        ...


class Flat:
    """faiss.IndexFlatIP: exact."""

    efforts: Sequence[Any] = (0,)

    def build(self, vectors: Floats) -> None:
        import faiss

        self._faiss = faiss
        self._index = faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(vectors)

    def ask(self, queries: Floats, k: int, effort: Any, threads: int) -> Ids:
        del effort  # exact search has no effort parameter
        self._faiss.omp_set_num_threads(threads)
        return np.asarray(self._index.search(queries, k)[1])


class FaissGraph(Flat):
    """faiss.IndexHNSWFlat as it is commonly used: 32 neighbors, otherwise its defaults."""

    efforts = _DEPTHS

    def build(self, vectors: Floats) -> None:
        import faiss

        self._faiss = faiss
        faiss.omp_set_num_threads(CORES)
        self._index = faiss.IndexHNSWFlat(vectors.shape[1], 32, faiss.METRIC_INNER_PRODUCT)
        self._index.add(vectors)

    def ask(self, queries: Floats, k: int, effort: Any, threads: int) -> Ids:
        self._index.hnsw.efSearch = effort
        return super().ask(queries, k, effort, threads)


class Recipe:
    """A recipe of Vitrine, searched as by the engine of the service."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self.efforts: Sequence[Any] = ()

    def build(self, vectors: Floats) -> None:
        from indexer.vectors.index import VectorIndex
        from indexer.vectors.recipe import Recipe
        from indexer.vectors.recipes import recipes_for

        n, dim = vectors.shape
        name = next(name for name in recipes_for(n, dim) if self._kind in name)
        folder = Path(tempfile.mkdtemp())
        built = VectorIndex.build(vectors, np.arange(n), name)
        contract = built.contract
        built.save(folder / "vectors.faiss", folder / "rows.npy")
        del built  # frees its memory before the copy is opened
        start = time.perf_counter()
        self._index = VectorIndex.load(folder / "vectors.faiss", folder / "rows.npy", contract)
        self._index.move_to_huge_pages()
        self.open_s = round(time.perf_counter() - start, 2)
        shutil.rmtree(folder)  # mapped files stay readable
        self.efforts = Recipe.parse(name).efforts(n)

    def ask(self, queries: Floats, k: int, effort: Any, threads: int) -> Ids:
        from indexer.vectors.backend import rows_at

        del threads  # it uses one for a single query, all for a batch
        positions = self._index.search_with_effort(queries, k, effort)[0]
        return rows_at(self._index.rows, positions)  # a graph has an order of its own


class Hnswlib:
    """hnswlib with 32 neighbors, otherwise its defaults."""

    efforts = _DEPTHS

    def build(self, vectors: Floats) -> None:
        import hnswlib

        self._index = hnswlib.Index(space="ip", dim=vectors.shape[1])
        self._index.init_index(max_elements=len(vectors), M=32, ef_construction=200)
        self._index.add_items(vectors, num_threads=CORES)

    def ask(self, queries: Floats, k: int, effort: Any, threads: int) -> Ids:
        self._index.set_ef(max(effort, k))
        return np.asarray(self._index.knn_query(queries, k, num_threads=threads)[0], dtype=np.int64)


class Usearch:
    """usearch with fp16 vectors."""

    efforts = _DEPTHS

    def build(self, vectors: Floats) -> None:
        from usearch.index import Index

        self._index = Index(ndim=vectors.shape[1], metric="ip", dtype="f16")
        self._index.add(np.arange(len(vectors)), vectors, threads=CORES)

    def ask(self, queries: Floats, k: int, effort: Any, threads: int) -> Ids:
        self._index.expansion_search = effort
        found = np.asarray(self._index.search(queries, k, threads=threads).keys, dtype=np.int64)
        return found.reshape(len(queries), -1)


class Voyager:
    """voyager with its defaults."""

    efforts = _DEPTHS

    def build(self, vectors: Floats) -> None:
        import voyager

        self._index = voyager.Index(voyager.Space.InnerProduct, num_dimensions=vectors.shape[1])
        self._index.add_items(vectors, num_threads=CORES)

    def ask(self, queries: Floats, k: int, effort: Any, threads: int) -> Ids:
        found = self._index.query(queries, k, num_threads=threads, query_ef=max(effort, k))[0]
        return np.asarray(found, dtype=np.int64)


class Svs:
    """scalable-vs: a Vamana graph of 64 neighbors over fp16 vectors."""

    efforts = (*range(10, 32, 2), *range(32, 64, 4), *range(64, 256, 16))

    def build(self, vectors: Floats) -> None:
        import svs

        how = svs.VamanaBuildParameters(
            alpha=0.95,
            graph_max_degree=64,
            window_size=128,
            max_candidate_pool_size=300,
            prune_to=60,
        )
        half = np.asarray(vectors, dtype=np.float16)
        self._index = svs.Vamana.build(how, half, svs.DistanceType.MIP, num_threads=CORES)

    def ask(self, queries: Floats, k: int, effort: Any, threads: int) -> Ids:
        self._index.search_window_size = max(effort, k)
        if self._index.num_threads != threads:
            self._index.num_threads = threads
        return np.asarray(self._index.search(queries, k)[0], dtype=np.int64)


class Scann:
    """scann: a tree, asymmetric hashing and reordering, as in its README."""

    efforts = tuple((leaves, 100) for leaves in (4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192))

    def build(self, vectors: Floats) -> None:
        import scann

        leaves = int(2 * len(vectors) ** 0.5)
        builder = scann.scann_ops_pybind.builder(vectors, 10, "dot_product")
        builder = builder.tree(leaves, 32, training_sample_size=min(len(vectors), 100_000))
        self._index = (
            builder.score_ah(2, anisotropic_quantization_threshold=0.2).reorder(100).build()
        )

    def ask(self, queries: Floats, k: int, effort: Any, threads: int) -> Ids:
        leaves, reorder = effort
        how = {"leaves_to_search": leaves, "pre_reorder_num_neighbors": reorder}
        if len(queries) == 1:
            return np.asarray(self._index.search(queries[0], k, **how)[0])[None]
        ask = self._index.search_batched_parallel if threads > 1 else self._index.search_batched
        return np.asarray(ask(queries, k, **how)[0], dtype=np.int64)


class Lance:
    """lancedb: IVF-PQ on disk with a refine factor of 10."""

    efforts = (10, 20, 40, 80)

    def build(self, vectors: Floats) -> None:
        import lancedb
        import pyarrow as pa

        n, dim = vectors.shape
        flat = pa.array(vectors.ravel(), pa.float32())
        table = pa.table(
            {"id": np.arange(n), "vector": pa.FixedSizeListArray.from_arrays(flat, dim)}
        )
        self._table = lancedb.connect(tempfile.mkdtemp()).create_table("t", table)
        self._table.create_index(metric="dot", num_partitions=int(n**0.5), num_sub_vectors=dim // 8)

    def ask(self, queries: Floats, k: int, effort: Any, threads: int) -> Ids:
        del threads
        return np.array([self._one(query, k, effort) for query in queries])

    def _one(self, query: Floats, k: int, effort: Any) -> list[int]:
        asked = self._table.search(query).metric("dot").nprobes(effort).refine_factor(10).limit(k)
        return list(asked.select(["id", "_distance"]).to_arrow()["id"].to_pylist())


class Milvus:
    """milvus-lite through its client: HNSW with 32 neighbors."""

    efforts = (16, 32, 64, 128, 256)

    def build(self, vectors: Floats) -> None:
        from pymilvus import DataType, MilvusClient

        self._client = MilvusClient(str(Path(tempfile.mkdtemp()) / "milvus.db"))
        schema = self._client.create_schema()
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("kind", DataType.VARCHAR, max_length=32)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=vectors.shape[1])
        how = self._client.prepare_index_params()
        how.add_index(
            "vector",
            index_type="HNSW",
            metric_type="IP",
            params={"M": 32, "efConstruction": 200},
        )
        self._client.create_collection("t", schema=schema, index_params=how)
        for start in range(0, len(vectors), 1000):
            rows = [
                {"id": start + i, "kind": f"kind-{self.kind(start + i)}", "vector": vector}
                for i, vector in enumerate(vectors[start : start + 1000])
            ]
            self._client.insert("t", rows)
        self._client.load_collection("t")

    kind: Callable[[int], int] = staticmethod(lambda _: 0)

    def ask(self, queries: Floats, k: int, effort: Any, threads: int) -> Ids:
        del threads
        return self.ask_where(queries, k, "", effort)

    def ask_where(self, queries: Floats, k: int, where: str, effort: Any = 64) -> Ids:
        """Return the k nearest ids among one kind, as ``ask`` does."""
        found = self._client.search(
            "t",
            data=list(queries),
            limit=k,
            filter=f'kind == "{where}"' if where else "",
            search_params={"params": {"ef": max(effort, k)}},
        )
        out = np.full((len(queries), k), -1, dtype=np.int64)
        for row, hits in enumerate(found):
            out[row, : len(hits)] = [hit["id"] for hit in hits]
        return out


class Qdrant:
    """qdrant-client's local mode, which is brute force."""

    efforts = (0,)
    kind: Callable[[int], int] = staticmethod(lambda _: 0)

    def build(self, vectors: Floats) -> None:
        from qdrant_client import QdrantClient, models

        self._models = models
        self._client = QdrantClient(":memory:")
        how = models.VectorParams(size=vectors.shape[1], distance=models.Distance.DOT)
        self._client.create_collection("t", vectors_config=how)
        for start in range(0, len(vectors), 1000):
            part = range(start, min(start + 1000, len(vectors)))
            points = [
                models.PointStruct(
                    id=i, vector=vectors[i].tolist(), payload={"kind": f"kind-{self.kind(i)}"}
                )
                for i in part
            ]
            self._client.upsert("t", points)

    def ask(self, queries: Floats, k: int, effort: Any, threads: int) -> Ids:
        del effort, threads
        return self.ask_where(queries, k, "")

    def ask_where(self, queries: Floats, k: int, where: str) -> Ids:
        """Return the k nearest ids among one kind, as ``ask`` does."""
        models = self._models
        match = models.FieldCondition(key="kind", match=models.MatchValue(value=where))
        how = models.Filter(must=[match]) if where else None
        out = np.full((len(queries), k), -1, dtype=np.int64)
        for row, query in enumerate(queries):
            hits = self._client.query_points("t", query.tolist(), limit=k, query_filter=how).points
            out[row, : len(hits)] = [hit.id for hit in hits]
        return out


PEERS: dict[str, Callable[[], Peer]] = {
    "faiss Flat (exact)": Flat,
    "faiss HNSW32 as called": FaissGraph,
    "vitrine HNSW32-fp16": lambda: Recipe("-fp16"),
    "vitrine HNSW32-sq8": lambda: Recipe("-sq8"),
    "vitrine IVF-PQ4": lambda: Recipe("-PQ4"),
    "vitrine IVF-RaBitQ": lambda: Recipe("-RaBitQ"),
    "hnswlib M32": Hnswlib,
    "usearch f16": Usearch,
    "voyager": Voyager,
    "scalable-vs f16": Svs,
    "scann": Scann,
    "lancedb": Lance,
    "milvus-lite": Milvus,
    "qdrant-client local": Qdrant,
}
