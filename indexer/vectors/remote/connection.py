"""Connections to servers of vectors, shared by all indexes of this process."""

from __future__ import annotations

import atexit
import math
import threading
import time
from typing import TYPE_CHECKING, TypeVar

from indexer.errors import VectorsUnavailable, VitrineError, one_line
from indexer.vectors.remote.access import ACCESS
from indexer.vectors.remote.breaker import CircuitBreaker

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.vectors.remote.address import ServerAddress
    from indexer.vectors.remote.driver import Driver

T = TypeVar("T")

_PING_EVERY_S = 2.0


class Connection:
    """Calls one server, with a circuit breaker. Thread-safe.

    The client is made by the first call, so a server that is down when a shop is opened is found
    by later calls.
    """

    def __init__(
        self,
        address: ServerAddress,
        connect: Callable[[ServerAddress], Driver],
        breaker: CircuitBreaker | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.address = address
        self.breaker = breaker or CircuitBreaker()
        self._connect = connect
        self._clock = clock
        self._lock = threading.Lock()
        self._driver: Driver | None = None
        self._answered = -math.inf  # when the server last answered, -inf after a failure

    def call(self, operation: Callable[[Driver], T]) -> T:
        """Return the result of ``operation``. Raises VectorsUnavailable if the server fails."""
        if wait_s := self.breaker.wait_s():
            raise VectorsUnavailable(
                f"{self.address} has not answered several times; the next try is in {wait_s:.0f} s"
            )
        try:
            result = operation(self._opened())
        except VitrineError:  # the server answered, or the client is not installed
            self.breaker.succeeded()
            raise
        except Exception as error:
            self.breaker.failed()
            self._answered = -math.inf
            raise VectorsUnavailable(
                f"{self.address} did not answer: {one_line(error)}; check that the server runs, "
                "VITRINE_VECTORS_TOKEN is right, and VITRINE_VECTORS_CA if its certificates are "
                "your own"
            ) from error
        self.breaker.succeeded()
        self._answered = self._clock()
        return result

    @property
    def max_rows(self) -> int:
        """The most results of one search. Opens the client, and asks the server nothing else."""
        driver = self._driver
        if driver is None:
            return self.call(lambda opened: opened.max_rows)
        return driver.max_rows  # not a call: its success would say that the server answers

    def check(self) -> None:
        """Raise VectorsUnavailable if the server does not answer; asks at most every 2 seconds."""
        if self.breaker.is_open or self._clock() - self._answered >= _PING_EVERY_S:
            self.call(lambda driver: driver.ping())

    def close(self) -> None:
        """Close the client; a later call connects again."""
        with self._lock:
            if self._driver is not None:
                self._driver.close()
                self._driver = None

    def _opened(self) -> Driver:
        with self._lock:
            if self._driver is None:
                self._driver = self._connect(self.address)
            return self._driver


_connections: dict[ServerAddress, Connection] = {}
_lock = threading.Lock()


def connection_to(address: ServerAddress) -> Connection:
    """Return the connection of this process to a server; it is closed when the process ends."""
    with _lock:
        if address not in _connections:
            # Clients that Python destroys at its end print errors.
            atexit.unregister(close_connections)
            atexit.register(close_connections)
            _connections[address] = Connection(address, _connect)
        return _connections[address]


def close_connections() -> None:
    """Close all clients of this process; those of an embedded engine release its files."""
    with _lock:
        for connection in _connections.values():
            connection.close()
        _connections.clear()


def _connect(address: ServerAddress) -> Driver:
    if address.engine == "milvus":
        from indexer.vectors.remote.milvus import MilvusDriver

        return MilvusDriver(address, ACCESS.current)
    from indexer.vectors.remote.qdrant import QdrantDriver

    return QdrantDriver(address, ACCESS.current)
