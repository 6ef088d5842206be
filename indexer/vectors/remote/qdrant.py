"""The driver of Qdrant: a server by URL, or its local mode in a folder for tests and trials."""

from __future__ import annotations

import time
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from indexer.errors import BadServer
from indexer.vectors.remote.address import MEMORY
from indexer.vectors.remote.driver import (
    GRAPH_BUILD,
    GRAPH_LINKS,
    CollectionMissing,
    CollectionSpec,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexer.arrays import Positions, Scores, Vectors
    from indexer.vectors.remote.access import ServerAccess
    from indexer.vectors.remote.address import ServerAddress

_BLOCK = 10_000  # positions listed or read at a time
_INDEX_POLL_S = 0.5
_SLOW_CALL_S = 600


class QdrantDriver:
    """Calls Qdrant with qdrant-client. See ``Driver``. The local mode compares all vectors."""

    max_rows = 100_000

    def __init__(self, address: ServerAddress, access: ServerAccess) -> None:
        try:
            from qdrant_client import QdrantClient, models
        except ImportError as error:
            raise BadServer(
                f"{address} needs qdrant-client; install it with pip install 'vitrine[qdrant]'"
            ) from error
        self._models: Any = models
        self._is_local = address.is_local
        options: dict[str, Any]
        if address.uri == MEMORY:
            options = {"location": MEMORY}
        elif address.is_local:
            # The client is made in one thread and used in others; ``Connection`` has one for all.
            options = {"path": address.uri, "force_disable_check_same_thread": True}
        else:
            options = {
                "url": address.uri,
                "api_key": access.token or None,
                "timeout": max(1, round(access.timeout_s)),
                "check_compatibility": False,
            }
            if access.ca_file:
                options["verify"] = access.ca_file
        self._client: Any = QdrantClient(**options)

    def ping(self) -> None:
        """See ``Driver.ping``."""
        self._client.collection_exists("vitrine")

    def exists(self, name: str) -> bool:
        """See ``Driver.exists``."""
        return bool(self._client.collection_exists(name))

    def create(self, spec: CollectionSpec) -> None:
        """See ``Driver.create``. An exact collection has a graph too, which is not searched."""
        models = self._models
        self.drop(spec.name)
        self._client.create_collection(
            spec.name,
            vectors_config=models.VectorParams(size=spec.dim, distance=models.Distance.DOT),
            hnsw_config=models.HnswConfigDiff(
                m=0 if spec.exact else GRAPH_LINKS, ef_construct=GRAPH_BUILD
            ),
            timeout=_SLOW_CALL_S,
        )

    def put(self, name: str, positions: Positions, vectors: Vectors) -> None:
        """See ``Driver.put``."""
        batch = self._models.Batch(ids=positions.tolist(), vectors=vectors.tolist())
        with self._missing(name), self._quiet():
            self._client.upsert(name, points=batch, wait=True)

    def finish(self, name: str) -> None:
        """See ``Driver.finish``."""
        with self._missing(name):
            while not self._is_local:
                status = self._client.get_collection(name).status
                if status != self._models.CollectionStatus.YELLOW:  # it is optimizing
                    return
                time.sleep(_INDEX_POLL_S)

    def load(self, name: str) -> None:
        """See ``Driver.load``. Qdrant loads its collections by itself."""
        if not self.exists(name):
            raise CollectionMissing(f"the server has no collection {name}")

    def count(self, name: str) -> int:
        """See ``Driver.count``."""
        with self._missing(name):
            return int(self._client.count(name, exact=True).count)

    def positions(self, name: str) -> Iterator[Positions]:
        """See ``Driver.positions``."""
        offset: Any = None
        with self._missing(name):
            while True:
                points, offset = self._client.scroll(
                    name, limit=_BLOCK, offset=offset, with_payload=False, with_vectors=False
                )
                yield np.array([point.id for point in points], dtype=np.int64)
                if offset is None:
                    return

    def vectors_at(self, name: str, positions: Positions, dim: int) -> Vectors:
        """See ``Driver.vectors_at``."""
        found: dict[int, Any] = {}
        with self._missing(name):
            for start in range(0, len(positions), _BLOCK):
                for point in self._client.retrieve(
                    name,
                    ids=positions[start : start + _BLOCK].tolist(),
                    with_payload=False,
                    with_vectors=True,
                ):
                    found[point.id] = point.vector
        lost = np.full(dim, np.nan, dtype=np.float32)
        vectors = [found.get(position, lost) for position in positions.tolist()]
        return np.array(vectors, dtype=np.float32).reshape(len(positions), dim)

    def delete(self, name: str, positions: Positions) -> None:
        """See ``Driver.delete``."""
        with self._missing(name):
            for start in range(0, len(positions), _BLOCK):
                chosen = self._models.PointIdsList(
                    points=positions[start : start + _BLOCK].tolist()
                )
                self._client.delete(name, points_selector=chosen, wait=True)

    def search(
        self, spec: CollectionSpec, queries: Vectors, k: int, depth: int, without: Positions | None
    ) -> tuple[Positions, Scores]:
        """See ``Driver.search``."""
        models = self._models
        params = models.SearchParams(exact=True) if not depth else None
        if depth:
            params = models.SearchParams(hnsw_ef=max(depth, k))
        without_ids = None
        if without is not None and len(without):
            condition = models.HasIdCondition(has_id=without.tolist())
            without_ids = models.Filter(must_not=[condition])
        requests = [
            models.QueryRequest(
                query=query,
                limit=k,
                filter=without_ids,
                params=None if self._is_local else params,
                with_payload=False,
                with_vector=False,
            )
            for query in queries.tolist()
        ]
        with self._missing(spec.name):
            answers = self._client.query_batch_points(spec.name, requests=requests)
        positions = np.full((len(queries), k), -1, dtype=np.int64)
        scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
        for at, answer in enumerate(answers):
            positions[at, : len(answer.points)] = [point.id for point in answer.points]
            scores[at, : len(answer.points)] = [point.score for point in answer.points]
        return positions, scores

    def drop(self, name: str) -> None:
        """See ``Driver.drop``."""
        if self.exists(name):
            self._client.delete_collection(name)

    def point_alias(self, alias: str, name: str) -> None:
        """See ``Driver.point_alias``."""
        models = self._models
        with self._missing(name):
            known = {found.alias_name for found in self._client.get_aliases().aliases}
            gone = [models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias))]
            made = models.CreateAliasOperation(
                create_alias=models.CreateAlias(collection_name=name, alias_name=alias)
            )
            self._client.update_collection_aliases([*(gone if alias in known else []), made])

    def close(self) -> None:
        """See ``Driver.close``."""
        self._client.close()

    @contextmanager
    def _missing(self, name: str) -> Iterator[None]:
        """Raise CollectionMissing in place of Qdrant's error."""
        try:
            yield
        except Exception as error:
            if not self.exists(name):
                raise CollectionMissing(f"the server has no collection {name}") from error
            raise

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        """Hide the advice of the local mode to use a server for more than 20,000 vectors."""
        with warnings.catch_warnings():
            if self._is_local:
                warnings.simplefilter("ignore", UserWarning)
            yield
