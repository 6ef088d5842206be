"""Admission control: a request is admitted or refused by its headers, before its body is read."""

from __future__ import annotations

import re
import time
from collections import deque
from typing import TYPE_CHECKING

from indexer.errors import Overloaded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

ADMITTED = "vitrine.admitted"  # key in the ASGI scope of a request that the server has admitted

# A longer JSON body probably contains a photo.
_PHOTO_BYTES = 20_000
# Slow senders must not keep others out: a request whose body has not arrived after this time is no
# longer counted, and arriving requests take at most half of the room.
_ARRIVAL_S = 0.5
_JOBS = (
    *("/v1/jobs", "/v1/builds", "/v1/rebuilds", "/v1/snapshots", "/v1/migrations"),
    *("/v1/comparisons", "/v1/audits", "/v1/catalogs"),
)
_OPERATORS = (*_JOBS, "/v1/keys", "/v1/storage", "/v1/models", "/v1/reports/")
_SEARCHES_OF_ITEM = re.compile(r"/v1/items/.+/(similar|bought-together)")


class RequestQueue:
    """Counts the requests that wait for one kind of work.

    A request is arriving until its body is complete, then it has arrived. ``room`` limits both
    together. ``reason`` gets the number of arriving requests, and returns another reason to refuse
    the next request, or None.
    """

    def __init__(
        self, name: str, room: int, reason: Callable[[int], str | None] = lambda _: None
    ) -> None:
        self._name = name
        self._room = room
        self._reason = reason
        self._arriving: deque[float] = deque()  # when their headers arrived
        self._arrived = 0

    def refusal(self) -> str | None:
        """Return why the next request would be refused, or None if it would be admitted."""
        past = time.monotonic() - _ARRIVAL_S
        while self._arriving and self._arriving[0] < past:
            self._arriving.popleft()
        arriving = min(len(self._arriving), self._room // 2)
        inside = arriving + self._arrived
        if inside >= self._room:
            return f"{inside} {self._name} wait already; try again in a moment"
        return self._reason(arriving)

    def expect(self) -> None:
        """Count a request whose headers have arrived."""
        self._arriving.append(time.monotonic())

    def arrive(self) -> None:
        """Count the request as one whose body has arrived too."""
        self._remove_arriving()
        self._arrived += 1

    def leave(self, *, arrived: bool) -> None:
        """Stop counting a request that was answered."""
        if arrived:
            self._arrived -= 1
        else:
            self._remove_arriving()

    def _remove_arriving(self) -> None:
        if self._arriving:
            self._arriving.popleft()


class Gate:
    """The queues for all kinds of work; chooses the queue that a request joins."""

    def __init__(self, queues: Mapping[str, RequestQueue]) -> None:
        """Take the queues of photos, searches, reads, writes, events and styles, by these names."""
        self._queues = queues

    def queue_of(self, method: str, path: str, length: int) -> RequestQueue | None:
        """Return the queue that a request joins, or None if its route has none, such as /livez.

        ``length`` is the announced length of the body, or 0.
        """
        kind = _kind_of(method, path, length)
        return self._queues[kind] if kind else None


def _kind_of(method: str, path: str, length: int) -> str | None:
    if path in ("/v1/search/image", "/v1/recognize", "/v1/classify"):
        return "photos" if method == "POST" else None
    if path == "/v1/ask":
        return "searches" if method == "POST" else None
    if path == "/v1/search" and method in ("GET", "HEAD"):
        return "searches"
    if path in ("/v1/search", "/v1/search/batch", "/knn-service", "/mcp"):
        if method != "POST":
            return None
        return "photos" if length > _PHOTO_BYTES else "searches"
    if path in ("/v1/style", "/v1/campaign") or path.startswith("/v1/styles/"):
        return _kind_of_styles(method, path)
    if path in ("/v1/status", "/v1/styles", "/v1/generations"):
        return "reads"
    if path == "/v1/suggestions" or path.startswith(_OPERATORS):
        return "writes" if method in ("POST", "DELETE") else "reads"
    if path == "/v1/rollback" or path.startswith("/v1/generations/"):
        return "writes" if method == "POST" else None
    if path.startswith(("/v1/events", "/v1/sessions/", "/v1/users/")):
        return _kind_of_personal(method, path)
    if path == "/v1/items" or path.startswith("/v1/items/"):
        return _kind_of_items(method, path)
    return None


def _kind_of_styles(method: str, path: str) -> str | None:
    if path.startswith("/v1/styles/"):
        return {"PUT": "styles", "POST": "writes"}.get(method)
    return "styles" if method == "POST" else None


def _kind_of_items(method: str, path: str) -> str | None:
    if method in ("GET", "HEAD"):
        return "searches" if _SEARCHES_OF_ITEM.fullmatch(path) else "reads"
    if method == "POST" and path.endswith("/draft"):
        return "searches"
    return "writes" if method in ("PUT", "PATCH", "DELETE", "POST") else None


def _kind_of_personal(method: str, path: str) -> str | None:
    if path.startswith("/v1/users/") and method in ("GET", "HEAD"):
        return "searches" if path.endswith("/recommendations") else "reads"
    if path == "/v1/sessions/recommend":
        return "searches" if method == "POST" else None
    return "events" if method in ("POST", "DELETE") else None


def route_of(path: str) -> str:
    """Return the pattern of a path that joins a queue, for the metrics."""
    if path.startswith("/v1/items/"):
        return "/v1/items/{item_id}"
    if path.startswith("/v1/users/"):
        return "/v1/users/{user_id}"
    if path.startswith("/v1/generations/"):
        return "/v1/generations/{name}/promote"
    if path.startswith("/v1/keys/"):
        return "/v1/keys/{name}"
    if path.startswith("/v1/styles/") and path not in ("/v1/styles/index", "/v1/styles/remove"):
        return "/v1/styles/{name}"
    if path.startswith("/v1/reports/"):
        return "/v1/reports/{kind}"
    if path.startswith("/v1/jobs/"):
        return "/v1/jobs/{job_id}"
    if path.startswith(_JOBS) and path not in _JOBS and not path.startswith("/v1/migrations/"):
        return "other"
    return path


class Admission:
    """Refuses a request before its body is read if its queue is full; counts the others."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection. Raises Overloaded."""
        queue = None
        if scope["type"] == "http":
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            queue = self._gate.queue_of(scope["method"], path, _announced(scope))
        if queue is None:
            await self._app(scope, receive, send)
            return
        if not scope.get(ADMITTED):
            if (reason := queue.refusal()) is not None:
                raise Overloaded(reason)
            queue.expect()
        arrived = left = False

        async def receive_whole() -> Message:
            nonlocal arrived
            message = await receive()
            if not arrived and not message.get("more_body", False):
                arrived = True
                queue.arrive()
            return message

        async def send_and_leave(message: Message) -> None:
            nonlocal left
            # Now, not at the end of the reply: a slow reader must not keep others out.
            if not left:
                left = True
                queue.leave(arrived=arrived)
            await send(message)

        if scope["method"] in ("GET", "HEAD"):
            arrived = True
            queue.arrive()
        try:
            await self._app(scope, receive_whole, send_and_leave)
        finally:
            if not left:
                queue.leave(arrived=arrived)


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
