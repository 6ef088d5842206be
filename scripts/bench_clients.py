"""Clients of ``bench_service.py``: closed and open loops, and their requests."""

from __future__ import annotations

import collections
import io
import itertools
import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
from bench_loop import Loop
from bench_requests import ask, json_request, request, upload
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PHOTO = (816, 612)  # half a megapixel
LARGE_PHOTO = (4032, 3024)
_WATCH_S = 5.0


class MixedLoop(Loop):
    """Connections that send the requests of a list in turn."""

    def __init__(
        self, address: tuple[str, int], requests: Sequence[bytes], connections: int
    ) -> None:
        super().__init__(address, requests[0], connections, 0.05)
        self._requests = itertools.cycle(requests)

    def _begin(self, client: Any) -> None:
        self._request = client.request = next(self._requests)
        super()._begin(client)

    def _turn(self, client: Any, events: int) -> int | None:
        self._request = client.request
        return super()._turn(client, events)


class OpenLoop(MixedLoop):
    """Requests at random times, ``rate`` a second on average, each on a free connection.

    If all connections are busy, a request waits for one, and its time counts from when it was due.
    With ``drops``, it is not sent at all; ``sent`` and ``dropped`` count both kinds.
    """

    sent = 0
    dropped = 0

    def run_at(
        self,
        rate: float,
        seconds: float,
        warm_s: float = 1.0,
        *,
        drops: bool = False,
        watch: Callable[[], None] | None = None,
    ) -> None:
        """Send for so long; replies of the first ``warm_s`` are not counted.

        ``watch`` is called every five seconds.
        """
        random = np.random.default_rng(5)
        began = due = time.perf_counter()
        counts_from, ends = began + warm_s, began + warm_s + seconds
        free = collections.deque(self._clients)  # in turn, so that all are soon connected
        waiting: collections.deque[float] = collections.deque()  # due, but without a connection
        watch_at = began
        while (now := time.perf_counter()) < ends:
            if watch is not None and now >= watch_at:
                watch_at = now + _WATCH_S
                watch()
            while due <= now:
                waiting.append(due)
                due += random.exponential(1 / rate)
            while waiting and free:
                client = free.popleft()
                self._begin(client)
                client.began = waiting.popleft()
                self.sent += client.began >= counts_from
            if drops:
                self.dropped += len(waiting) if now >= counts_from else 0
                waiting.clear()
            for key, events in self._selector.select(max(0.0, min(due - now, 0.05))):
                status = self._turn(key.data, events)
                if status is None:
                    continue
                ended = time.perf_counter()
                if ended >= counts_from:
                    self.took.setdefault(status, []).append(ended - key.data.began)
                if key.data.socket is not None:
                    self._selector.modify(key.data.socket, 0x1, key.data)
                free.append(key.data)
        for client in self._clients:
            self._drop(client)

    def open_figures(self, seconds: float) -> dict[str, Any]:
        """Return the figures of ``figures``, and how many requests a second were sent."""
        return {"sent_per_s": round(self.sent / seconds, 1), **self.figures(seconds)}


def similar_requests(address: tuple[str, int], items: int = 1000) -> list[bytes]:
    """Return a request for what is similar to each of up to so many items."""
    return [
        request("GET", f"/v1/items/{quote(item, safe='')}/similar?limit=10", {}, b"")
        for item in _items(address, items)
    ]


def photo_requests(size: tuple[int, int] = PHOTO, photos: int = 64) -> list[bytes]:
    """Return uploads of so many different photos of this size (width, height)."""
    return [upload(photo) for photo in drawn_photos(size, photos)]


def drawn_photos(size: tuple[int, int] = PHOTO, photos: int = 64) -> list[bytes]:
    """Return JPEG photos of this size (width, height), the same in each call."""
    random = np.random.default_rng(7)
    found = []
    for _ in range(photos):
        bars = random.integers(0, 255, size=(12, 16, 3)).astype(np.uint8)
        out = io.BytesIO()
        large = Image.fromarray(bars).resize(size, Image.Resampling.BICUBIC)
        large.save(out, "JPEG", quality=90)
        found.append(out.getvalue())
    return found


def recommend_requests(address: tuple[str, int]) -> list[bytes]:
    """Return requests of 50 sessions with six views each."""
    items = _items(address, 100)
    sessions = (items[at : at + 6] for at in range(min(50, len(items) - 6)))
    return [
        json_request(
            "/v1/sessions/recommend",
            {"events": [{"item_id": item, "type": "view"} for item in session], "limit": 10},
        )
        for session in sessions
    ]


def _items(address: tuple[str, int], limit: int) -> list[str]:
    path = f"/v1/items?order=id&limit={min(limit, 1000)}"
    _, body = ask(address, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return [item["item_id"] for item in json.loads(body)["items"]]
