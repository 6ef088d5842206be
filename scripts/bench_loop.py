"""A closed loop: connections that send a request again as soon as it is answered."""

from __future__ import annotations

import contextlib
import heapq
import selectors
import socket
import time
from typing import Any

import numpy as np
from bench_requests import number_after


class Loop:
    """Connections that repeat the same request; a refused connection waits before it retries."""

    def __init__(
        self, address: tuple[str, int], request: bytes, connections: int, pause_s: float
    ) -> None:
        self._address = address
        self._request = request
        self._pause_s = pause_s
        self._selector = selectors.DefaultSelector()
        self._later: list[tuple[float, int]] = []
        self._clients = [_Client(number) for number in range(connections)]
        self.took: dict[int, list[float]] = {}  # by status; 0 is a broken connection

    def run(self, seconds: float, warm_s: float = 2.0, *, once: bool = False) -> None:
        """Send requests for ``seconds``, or ``once`` per connection.

        Records the replies that arrive after the warm-up, whenever they were asked for: with
        deep queues, those in flight at its end are a large part of all.
        """
        began = time.perf_counter()
        for client in self._clients:
            heapq.heappush(self._later, (began, client.number))
        while (now := time.perf_counter()) < began + warm_s + seconds:
            while self._later and self._later[0][0] <= now:
                self._begin(self._clients[heapq.heappop(self._later)[1]])
            wait = self._later[0][0] - now if self._later else 0.1
            for key, events in self._selector.select(max(0.0, min(wait, 0.1))):
                client = key.data
                status = self._turn(client, events)
                if status is None:
                    continue
                ended = time.perf_counter()
                if ended >= began + warm_s:
                    self.took.setdefault(status, []).append(ended - client.began)
                if not once:
                    pause = 0.0 if status == 200 else self._pause_s
                    heapq.heappush(self._later, (ended + pause, client.number))
            if once and sum(map(len, self.took.values())) == len(self._clients):
                break
        for client in self._clients:
            self._drop(client)

    def figures(self, seconds: float) -> dict[str, Any]:
        """Return the goodput and the refused requests, with times in milliseconds."""
        good = self.took.get(200, [])
        refused = [took for status, all_ in self.took.items() if status >= 400 for took in all_]
        return {
            "goodput_per_s": round(len(good) / seconds, 1),
            **percentiles("good", good),
            "refused_per_s": round(len(refused) / seconds, 1),
            **percentiles("refused", refused),
            "statuses": {str(status): len(all_) for status, all_ in sorted(self.took.items())},
        }

    def _begin(self, client: _Client) -> None:
        client.began = time.perf_counter()
        client.sent, client.got = 0, b""
        if client.socket is None:
            client.socket = socket.socket()
            client.socket.setblocking(False)
            client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.socket.connect_ex(self._address)
            both = selectors.EVENT_READ | selectors.EVENT_WRITE
            self._selector.register(client.socket, both, client)
        else:
            both = selectors.EVENT_READ | selectors.EVENT_WRITE
            self._selector.modify(client.socket, both, client)

    def _turn(self, client: _Client, events: int) -> int | None:
        """Send and read what is ready; return the status of a complete reply, 0 if it broke."""
        assert client.socket is not None
        try:
            if events & selectors.EVENT_WRITE and client.sent < len(self._request):
                client.sent += client.socket.send(memoryview(self._request)[client.sent :])
                if client.sent == len(self._request):
                    self._selector.modify(client.socket, selectors.EVENT_READ, client)
            if not events & selectors.EVENT_READ:
                return None
            data = client.socket.recv(1 << 20)
        except BlockingIOError:
            return None
        except OSError:
            data = b""
        client.got += data
        head, found, body = client.got.partition(b"\r\n\r\n")
        lower = head.lower()
        if found and len(body) >= number_after(lower, b"content-length:"):
            status = int(head[9:12])
            if b"connection: close" in lower or client.sent < len(self._request):
                self._drop(client)
            return status
        if not data:
            self._drop(client)
            return 0
        return None

    def _drop(self, client: _Client) -> None:
        if client.socket is not None:
            with contextlib.suppress(KeyError):
                self._selector.unregister(client.socket)
            client.socket.close()
            client.socket = None


class _Client:
    def __init__(self, number: int) -> None:
        self.number = number
        self.socket: socket.socket | None = None
        self.began = 0.0
        self.sent = 0
        self.got = b""


def percentiles(name: str, took: list[float]) -> dict[str, float]:
    """Return p50 and p99 of times in seconds, in milliseconds, as NAME_p50_ms and NAME_p99_ms."""
    if not took:
        return {}
    p50, p99 = np.percentile(took, [50, 99])
    return {f"{name}_p50_ms": milliseconds(p50), f"{name}_p99_ms": milliseconds(p99)}


def milliseconds(seconds: float) -> float:
    """Return seconds as milliseconds, to a tenth."""
    return round(float(seconds) * 1e3, 1)
