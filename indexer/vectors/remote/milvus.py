"""The driver of Milvus: a server by URL, or Milvus Lite in a file for tests and small trials."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from indexer.errors import BadServer
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

_ID, _VECTOR = "id", "vector"
_NOT_FOUND, _NOT_LOADED = 100, 101  # Milvus's codes for collections
_BLOCK = 8192  # positions listed or read at a time; the server's limit of results is 16,384
_INDEX_POLL_S = 0.5
_NAMING_CALL_S = 60.0  # for calls about names of collections, which builds and openings make
_SLOW_CALL_S = 600.0  # for calls that wait until the server has stored or loaded a collection


class MilvusDriver:
    """Calls Milvus with pymilvus. See ``Driver``.

    Counts are read with strong consistency. Searches read what was written more than five seconds
    ago (``Bounded``), which is everything: a collection is complete before it serves.
    """

    max_rows = 16_384

    def __init__(self, address: ServerAddress, access: ServerAccess) -> None:
        try:
            from pymilvus import MilvusClient
            from pymilvus.exceptions import MilvusException
        except ImportError as error:
            raise BadServer(
                f"{address} needs pymilvus; install it with pip install 'vitrine[milvus]'"
            ) from error
        options: dict[str, Any] = {"uri": address.uri, "timeout": access.timeout_s}
        if access.token:
            options["token"] = access.token
        if access.ca_file:
            options |= {"server_pem_path": access.ca_file, "secure": True}
        # It logs each error of the server with a traceback, before raising it.
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
        self._timeout_s = access.timeout_s
        self._exception = MilvusException
        self._client: Any = MilvusClient(**options)

    def ping(self) -> None:
        """See ``Driver.ping``."""
        self._client.has_collection("vitrine", timeout=self._timeout_s)

    def exists(self, name: str) -> bool:
        """See ``Driver.exists``."""
        return self._exists(name, _NAMING_CALL_S)

    def create(self, spec: CollectionSpec) -> None:
        """See ``Driver.create``."""
        from pymilvus import DataType

        self.drop(spec.name)
        schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field(_ID, DataType.INT64, is_primary=True)
        schema.add_field(_VECTOR, DataType.FLOAT_VECTOR, dim=spec.dim)
        index = self._client.prepare_index_params()
        graph = {"M": GRAPH_LINKS, "efConstruction": GRAPH_BUILD}
        index.add_index(
            _VECTOR,
            index_type="FLAT" if spec.exact else "HNSW",
            metric_type="IP",
            params={} if spec.exact else graph,
        )
        self._client.create_collection(
            spec.name,
            schema=schema,
            index_params=index,
            consistency_level="Bounded",
            timeout=_SLOW_CALL_S,
        )

    def put(self, name: str, positions: Positions, vectors: Vectors) -> None:
        """See ``Driver.put``. An insert would keep both vectors of a repeated position."""
        entries = [
            {_ID: position, _VECTOR: vector}
            for position, vector in zip(positions.tolist(), vectors, strict=True)
        ]
        with self._missing(name):
            self._client.upsert(name, entries, timeout=_SLOW_CALL_S)

    def finish(self, name: str) -> None:
        """See ``Driver.finish``."""
        with self._missing(name):
            self._client.flush(name, timeout=_SLOW_CALL_S)
            while self._pending(name):
                time.sleep(_INDEX_POLL_S)
            # What was loaded while it grew is compared row by row until it is loaded again, so the
            # recall and the time of the graph could not be measured.
            self._client.release_collection(name, timeout=_SLOW_CALL_S)
            self.load(name)

    def load(self, name: str) -> None:
        """See ``Driver.load``."""
        with self._missing(name):
            self._client.load_collection(name, timeout=_SLOW_CALL_S)

    def count(self, name: str) -> int:
        """See ``Driver.count``."""
        with self._missing(name):
            found = self._client.query(
                name,
                filter="",
                output_fields=["count(*)"],
                consistency_level="Strong",
                timeout=_SLOW_CALL_S,
            )
        return int(found[0]["count(*)"])

    def positions(self, name: str) -> Iterator[Positions]:
        """See ``Driver.positions``."""
        with self._missing(name):
            listing = self._client.query_iterator(
                name,
                filter=f"{_ID} >= 0",
                output_fields=[_ID],
                batch_size=_BLOCK,
                consistency_level="Strong",
                timeout=_SLOW_CALL_S,
            )
            try:
                while block := listing.next():
                    yield np.array([entry[_ID] for entry in block], dtype=np.int64)
            finally:
                listing.close()

    def vectors_at(self, name: str, positions: Positions, dim: int) -> Vectors:
        """See ``Driver.vectors_at``."""
        found: dict[int, Any] = {}
        with self._missing(name):
            for start in range(0, len(positions), _BLOCK):
                for entry in self._client.query(
                    name,
                    ids=positions[start : start + _BLOCK].tolist(),
                    output_fields=[_ID, _VECTOR],
                    consistency_level="Strong",
                    timeout=_SLOW_CALL_S,
                ):
                    found[entry[_ID]] = entry[_VECTOR]
        lost = np.full(dim, np.nan, dtype=np.float32)
        vectors = [found.get(position, lost) for position in positions.tolist()]
        return np.array(vectors, dtype=np.float32).reshape(len(positions), dim)

    def delete(self, name: str, positions: Positions) -> None:
        """See ``Driver.delete``."""
        with self._missing(name):
            for start in range(0, len(positions), _BLOCK):
                chosen = positions[start : start + _BLOCK].tolist()
                self._client.delete(name, ids=chosen, timeout=_SLOW_CALL_S)

    def search(
        self, spec: CollectionSpec, queries: Vectors, k: int, depth: int, without: Positions | None
    ) -> tuple[Positions, Scores]:
        """See ``Driver.search``. A server that was started anew may have to load it first."""
        try:
            return self._found(spec, queries, k, depth, without)
        except self._exception as error:
            if error.code != _NOT_LOADED:
                raise
        self.load(spec.name)
        return self._found(spec, queries, k, depth, without)

    def _found(
        self, spec: CollectionSpec, queries: Vectors, k: int, depth: int, without: Positions | None
    ) -> tuple[Positions, Scores]:
        excluded = without is not None and len(without) > 0
        with self._missing(spec.name):
            found = self._client.search(
                spec.name,
                list(np.ascontiguousarray(queries, dtype=np.float32)),
                filter=f"{_ID} not in {without.tolist()}"
                if excluded and without is not None
                else "",
                limit=k,
                output_fields=[_ID],
                search_params={"params": {"ef": max(depth, k)} if depth else {}},
                timeout=self._timeout_s,
            )
        positions = np.full((len(queries), k), -1, dtype=np.int64)
        scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
        for at, hits in enumerate(found):
            positions[at, : len(hits)] = [hit[_ID] for hit in hits]
            scores[at, : len(hits)] = [hit["distance"] for hit in hits]
        return positions, scores

    def drop(self, name: str) -> None:
        """See ``Driver.drop``. Milvus keeps a collection while an alias points to it."""
        if not self.exists(name):
            return
        aliases = self._client.list_aliases(name, timeout=_NAMING_CALL_S).get("aliases", [])
        for alias in aliases:
            self._client.drop_alias(alias, timeout=_NAMING_CALL_S)
        self._client.drop_collection(name, timeout=_SLOW_CALL_S)

    def point_alias(self, alias: str, name: str) -> None:
        """See ``Driver.point_alias``."""
        with self._missing(name):
            try:
                self._client.alter_alias(name, alias, timeout=_NAMING_CALL_S)
            except self._exception:  # there is no such alias yet
                self._client.create_alias(name, alias, timeout=_NAMING_CALL_S)

    def close(self) -> None:
        """See ``Driver.close``."""
        self._client.close()

    def _exists(self, name: str, timeout_s: float) -> bool:
        return bool(self._client.has_collection(name, timeout=timeout_s))

    def _pending(self, name: str) -> bool:
        """Return True if the server is still building the index of a collection."""
        state = self._client.describe_index(name, _VECTOR, timeout=_NAMING_CALL_S) or {}
        return int(state.get("pending_index_rows", 0)) > 0

    @contextmanager
    def _missing(self, name: str) -> Iterator[None]:
        """Raise CollectionMissing in place of Milvus's error."""
        try:
            yield
        except self._exception as error:
            if error.code == _NOT_FOUND or not self._exists(name, self._timeout_s):
                raise CollectionMissing(f"the server has no collection {name}") from error
            raise
