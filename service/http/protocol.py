"""uvicorn's HTTP/1.1 protocol, plus strict parsing, time limits and early refusals."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import h11
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

from service.http.gate import ADMITTED, route_of
from service.http.middleware import access_log
from service.http.problems import MEDIA_TYPE, problem_body
from service.http.security import HEADER_LINES
from service.http.strict_parser import RefusedRequest, StrictConnection, plain_length

if TYPE_CHECKING:
    import asyncio

    from starlette.types import ASGIApp, Receive, Scope, Send
    from uvicorn.config import Config
    from uvicorn.server import ServerState

    from service.http.connections import Connections
    from service.http.gate import Gate
    from service.http.middleware import RequestIds
    from service.runtime.metrics import Metrics
    from service.runtime.throttled_log import ThrottledLog

_MAX_SKIPPED_BYTES = 8_000_000  # the largest refused body that is read and discarded here
_LINGER_S = 2.0  # how long a client may take to read the last reply on its connection
_CODES = {431: "headers_too_large", 501: "not_implemented"}
_REASONS = {
    431: "the headers are over 16 kB",
    501: "the only Transfer-Encoding that is supported is chunked",
}
_INVALID = "the request is not valid HTTP/1.1"


class ProtocolContext(NamedTuple):
    """The parts of the app that every connection uses."""

    gate: Gate
    ids: RequestIds
    metrics: Metrics
    connections: Connections
    refusals: ThrottledLog
    log: bool


class HttpProtocol(H11Protocol):
    """One connection.

    Adds to uvicorn's protocol: it refuses requests that a proxy may read differently (bare line
    feeds, folded headers, a length with a transfer coding), replies to broken requests with
    problems, refuses requests by their headers while the service is full, and closes the
    connection if the client takes too long.
    """

    address = ""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        context: ProtocolContext,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn = StrictConnection()
        self._context = context
        self._wrapped_app: ASGIApp = config.loaded_app
        self.app = self._call_app
        self._admitted = False  # the gate has admitted the next request
        self._waiting_since = 0.0  # since when the server waits for the client
        self._had_request = False  # at least one request has arrived
        self._bytes_to_skip = 0  # of a refused body, yet to arrive
        self._last_reply_sent = False  # the last reply is written; nothing more is read
        self._unsent_bytes = 0
        self._unsent_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See ``asyncio.Protocol``."""
        super().connection_made(transport)
        self._waiting_since = self.loop.time()
        self.address = self.client[0] if self.client else ""
        if not self._context.connections.add(self):
            self._end_with_problem(
                503, "overloaded", "too many connections are open; try again in a moment"
            )

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        self._context.connections.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        if self._last_reply_sent:
            return
        if self._bytes_to_skip:
            skipped = min(self._bytes_to_skip, len(data))
            self._bytes_to_skip -= skipped
            data = data[skipped:]
            if not self._bytes_to_skip:
                self._waiting_since = self.loop.time()
            if not data:
                return
        if self.waits_for_head and not self.conn.trailing_data[0]:
            self._waiting_since = self.loop.time()
            if self._refuse_early(data):
                return
        super().data_received(data)

    def handle_events(self) -> None:
        """See ``H11Protocol``."""
        if not self._last_reply_sent:
            super().handle_events()

    def on_response_complete(self) -> None:
        """See ``H11Protocol``."""
        self._waiting_since = self.loop.time()
        self._had_request = True
        super().on_response_complete()

    def shutdown(self) -> None:
        """See ``H11Protocol``."""
        if self._last_reply_sent:
            self.transport.abort()
        else:
            super().shutdown()

    @property
    def waits_for_head(self) -> bool:
        """See ``Connection``."""
        return self.conn.their_state is h11.IDLE and (
            self.cycle is None or self.cycle.response_complete
        )

    @property
    def waits_for_body(self) -> bool:
        """See ``Connection``."""
        return (
            self._last_reply_sent
            or self._bytes_to_skip > 0
            or self.conn.their_state is h11.SEND_BODY
        )

    def drop(self) -> None:
        """See ``Connection``."""
        self.transport.abort()

    def enforce_limits(self, now: float) -> None:
        """See ``Connection``."""
        limits = self._context.connections.limits
        took = now - self._waiting_since
        unsent = self.transport.get_write_buffer_size()
        if unsent and unsent >= self._unsent_bytes > 0:
            if now - self._unsent_since > limits.stall:
                self.drop()
        else:
            self._unsent_bytes, self._unsent_since = unsent, now
        if self._last_reply_sent:
            if took > _LINGER_S:
                self.drop()
        elif self._bytes_to_skip or (
            self.conn.their_state is h11.SEND_BODY and self.cycle.response_complete
        ):
            if took > limits.rest:
                self.drop()
        elif self.waits_for_head:
            if self.conn.trailing_data[0]:
                if took > limits.head:
                    self._end_with_problem(
                        408, "request_timeout", f"the headers took more than {limits.head:g} s"
                    )
            elif took > (limits.idle if self._had_request else limits.head):
                self.drop()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's
        """Reply to an invalid request with a problem, and close."""
        error = sys.exc_info()[1]  # uvicorn calls this in its except block
        status = getattr(error, "error_status_hint", 400)
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started:
                self.drop()
                return
        reason = str(error) if isinstance(error, RefusedRequest) else _REASONS.get(status, _INVALID)
        self._end_with_problem(status, _CODES.get(status, "bad_request"), reason)

    def _should_upgrade(self) -> bool:
        return False  # there is no other protocol, and a client must not cause a log line

    def _refuse_early(self, data: bytes) -> bool:
        """Refuse a request by its headers alone if its queue is full; return True if refused.

        Returns False unless the end of the request is known for certain; the app decides then.
        """
        end = data.find(b"\r\n\r\n")
        request_line = data[: data.find(b"\r\n")].split(b" ")
        if end < 0 or len(request_line) != 3 or request_line[2] != b"HTTP/1.1":
            return False
        head = data[: end + 2]
        length = plain_length(head)
        if length is None:
            return False
        method, target = request_line[0].decode("latin-1"), request_line[1].decode("latin-1")
        path = target.partition("?")[0].removeprefix(self.root_path)
        queue = self._context.gate.queue_of(method, path, length)
        if queue is None:
            return False
        if (reason := queue.refusal()) is None:
            queue.expect()
            self._admitted = True
            return False
        if length > _MAX_SKIPPED_BYTES:
            return False
        self._had_request = True
        self._unset_keepalive_if_required()
        self._context.refusals.log("full", f"requests are refused: {reason}")
        self._write_problem(503, "overloaded", reason, "Overloaded", b"retry-after: 1\r\n")
        self._context.metrics.request(method, route_of(path), 503, 0.0)
        rest = data[end + 4 :]
        self._bytes_to_skip = max(0, length - len(rest))
        if len(rest) > length:
            self.data_received(rest[length:])
        return True

    async def _call_app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._admitted:
            scope[ADMITTED] = True
            self._admitted = False
        await self._wrapped_app(scope, receive, send)

    def _end_with_problem(self, status: int, code: str, reason: str) -> None:
        """Write a problem, and close the connection once the client had time to read it."""
        if self._last_reply_sent or self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        request_id = self._write_problem(status, code, reason, None, b"connection: close\r\n")
        self._last_reply_sent = True
        self._waiting_since = self.loop.time()
        self._context.metrics.request("other", "other", status, 0.0)
        if self._context.log:
            access_log.info(
                "request",
                extra={
                    "method": "", "path": "", "status": status, "bytes": 0, "ms": 0.0,
                    "request_id": request_id,
                },
            )  # fmt: skip
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    def _write_problem(
        self, status: int, code: str, reason: str, title: str | None, more: bytes
    ) -> str:
        """Write a problem without changing the state of the parser; return the request's id."""
        request_id = self._context.ids.new()
        body = problem_body(status, code, reason, request_id=request_id, title=title)
        lines = [
            b"HTTP/1.1 %d %s\r\n" % (status, STATUS_PHRASES[status]),
            *(b"%s: %s\r\n" % pair for pair in self.server_state.default_headers),
            b"content-type: %s\r\ncontent-length: %d\r\n" % (MEDIA_TYPE.encode(), len(body)),
            b"x-request-id: %s\r\n" % request_id.encode(),
            HEADER_LINES,
            more,
            b"\r\n",
            body,
        ]
        self.transport.write(b"".join(lines))
        return request_id
