"""A server of vectors in this process, which can be stopped, killed during a write, or changed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from indexer.vectors.remote.driver import CollectionMissing, CollectionSpec


class MemoryDriver:
    """Compares all vectors; see ``Driver``. ``puts_left`` counts the puts until it dies."""

    max_rows = 16_384

    def __init__(self) -> None:
        self.collections: dict[str, dict[int, np.ndarray]] = {}
        self.aliases: dict[str, str] = {}
        self.is_down = False
        self.puts_left: int | None = None
        self.calls: list[str] = []

    def _of(self, name: str, call: str) -> dict[int, np.ndarray]:
        self.calls.append(call)
        if self.is_down:
            raise ConnectionError("connection refused")
        if name not in self.collections:
            raise CollectionMissing(f"the server has no collection {name}")
        return self.collections[name]

    def ping(self) -> None:
        self.calls.append("ping")
        if self.is_down:
            raise ConnectionError("connection refused")

    def exists(self, name: str) -> bool:
        self.ping()
        return name in self.collections

    def create(self, spec: CollectionSpec) -> None:
        self.ping()
        self.collections[spec.name] = {}

    def put(self, name: str, positions: np.ndarray, vectors: np.ndarray) -> None:
        held = self._of(name, "put")
        if self.puts_left is not None:
            self.puts_left -= 1
            self.is_down = self.puts_left < 0
            self._of(name, "put")
        held |= dict(zip(positions.tolist(), vectors, strict=True))

    def finish(self, name: str) -> None:
        self._of(name, "finish")

    def load(self, name: str) -> None:
        self._of(name, "load")

    def count(self, name: str) -> int:
        return len(self._of(name, "count"))

    def positions(self, name: str) -> Iterator[np.ndarray]:
        yield np.array(list(self._of(name, "positions")), dtype=np.int64)

    def vectors_at(self, name: str, positions: np.ndarray, dim: int) -> np.ndarray:
        held = self._of(name, "vectors_at")
        lost = np.full(dim, np.nan, dtype=np.float32)
        return np.array([held.get(position, lost) for position in positions.tolist()])

    def delete(self, name: str, positions: np.ndarray) -> None:
        held = self._of(name, "delete")
        for position in positions.tolist():
            held.pop(position, None)

    def search(
        self,
        spec: CollectionSpec,
        queries: np.ndarray,
        k: int,
        depth: int,
        without: np.ndarray | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        held = self._of(spec.name, "search")
        left = set(held) - set([] if without is None else without.tolist())
        known = np.array(sorted(left), dtype=np.int64)
        vectors = np.array([held[position] for position in known.tolist()])
        scores = queries @ vectors.T  # (q, n)
        order = np.argsort(-scores, axis=1)[:, :k]
        tail = ((0, 0), (0, k - order.shape[1]))
        return (
            np.pad(known[order], tail, constant_values=-1),
            np.pad(np.take_along_axis(scores, order, 1), tail, constant_values=-np.inf),
        )

    def drop(self, name: str) -> None:
        self.ping()
        self.collections.pop(name, None)

    def point_alias(self, alias: str, name: str) -> None:
        self._of(name, "point_alias")
        self.aliases[alias] = name

    def close(self) -> None:
        pass
