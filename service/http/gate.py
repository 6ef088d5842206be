"""Admission: a request is let in or refused by its headers, before its body is read."""

from __future__ import annotations

import re
import time
from collections import deque
from typing import TYPE_CHECKING

from indexer.errors import Overloaded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

EXPECTED = "vitrine.expected"  # key in the ASGI scope: the server has asked the gate already

# What is sent as JSON and longer than this is probably a photo.
_PHOTO_BYTES = 20_000
# A request whose body has not come after this time no longer counts, and such requests never take
# more than half of the room: slow senders must not keep others out.
_ARRIVAL_S = 0.5
_SIMILAR = re.compile(r"/v1/items/.+/similar")


class Line:
    """The requests that wait for one kind of work: still arriving, or arrived.

    ``room`` bounds both together. ``reason`` may know better why no more can be done, given how
    many are arriving.
    """

    def __init__(
        self, name: str, room: int, reason: Callable[[int], str | None] = lambda _: None
    ) -> None:
        self._name = name
        self._room = room
        self._reason = reason
        self._arriving: deque[float] = deque()  # when their headers came
        self._arrived = 0

    def refusal(self) -> str | None:
        """Return why another request is refused now, or None if it is not."""
        past = time.monotonic() - _ARRIVAL_S
        while self._arriving and self._arriving[0] < past:
            self._arriving.popleft()
        arriving = min(len(self._arriving), self._room // 2)
        inside = arriving + self._arrived
        if inside >= self._room:
            return f"{inside} {self._name} wait already; try again in a moment"
        return self._reason(arriving)

    def expect(self) -> None:
        """Count a request whose headers have come."""
        self._arriving.append(time.monotonic())

    def arrive(self) -> None:
        """Count it as one whose body has come too."""
        self._forget()
        self._arrived += 1

    def leave(self, *, arrived: bool) -> None:
        """Stop counting a request: it is answered."""
        if arrived:
            self._arrived -= 1
        else:
            self._forget()

    def _forget(self) -> None:
        if self._arriving:
            self._arriving.popleft()


class Gate:
    """The lines of all kinds of work, and the choice of the line that a request joins."""

    def __init__(self, lines: Mapping[str, Line]) -> None:
        """``lines`` are those of ``photos``, ``searches``, ``reads``, ``writes`` and ``styles``."""
        self._lines = lines

    def line_of(self, method: str, path: str, length: int) -> Line | None:
        """Return the line that a request joins; None for routes without one, such as /livez.

        ``length`` is that of the body as far as it is announced.
        """
        kind = _kind_of(method, path, length)
        return self._lines[kind] if kind else None


def _kind_of(method: str, path: str, length: int) -> str | None:
    if path == "/v1/search/image":
        return "photos" if method == "POST" else None
    if path == "/v1/search":
        if method != "POST":
            return None
        return "photos" if length > _PHOTO_BYTES else "searches"
    if path == "/v1/style":
        return "styles" if method == "POST" else None
    if path in ("/v1/status", "/v1/styles"):
        return "reads"
    if path != "/v1/items" and not path.startswith("/v1/items/"):
        return None
    if method in ("GET", "HEAD"):
        return "searches" if _SIMILAR.fullmatch(path) else "reads"
    return "writes" if method in ("PUT", "PATCH", "DELETE", "POST") else None


def route_of(path: str) -> str:
    """Return the pattern of a path that joins a line, for the metrics: patterns are few."""
    if path.startswith("/v1/items/"):
        return "/v1/items/{item_id}"
    return path


class Admission:
    """Refuses a request whose line is full before its body is read, and counts the others."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection. Raises Overloaded."""
        line = None
        if scope["type"] == "http":
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            line = self._gate.line_of(scope["method"], path, _announced(scope))
        if line is None:
            await self._app(scope, receive, send)
            return
        if not scope.get(EXPECTED):
            if (reason := line.refusal()) is not None:
                raise Overloaded(reason)
            line.expect()
        arrived = left = False

        async def receive_whole() -> Message:
            nonlocal arrived
            message = await receive()
            if not arrived and not message.get("more_body", False):
                arrived = True
                line.arrive()
            return message

        async def send_and_leave(message: Message) -> None:
            nonlocal left
            # Not at the reply's end: a slow reader must not keep others out.
            if not left:
                left = True
                line.leave(arrived=arrived)
            await send(message)

        if scope["method"] in ("GET", "HEAD"):
            arrived = True
            line.arrive()
        try:
            await self._app(scope, receive_whole, send_and_leave)
        finally:
            if not left:
                line.leave(arrived=arrived)


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
