"""HTTP/1.1 on one connection: uvicorn's, but strict, bounded in time, and quick to refuse."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import h11
from h11._receivebuffer import ReceiveBuffer
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

from service.http.gate import EXPECTED, route_of
from service.http.middleware import access_log
from service.http.problems import MEDIA_TYPE, problem_body
from service.http.security import HEADER_LINES

if TYPE_CHECKING:
    import asyncio

    from starlette.types import ASGIApp, Receive, Scope, Send
    from uvicorn.config import Config
    from uvicorn.server import ServerState

    from service.http.connections import Connections
    from service.http.gate import Gate
    from service.http.middleware import RequestIds
    from service.runtime.metrics import Metrics
    from service.runtime.seldom import Seldom

_BLANK = re.compile(rb"\n\r?\n")
_FOLD = re.compile(rb"\n[ \t]")
_AMBIGUOUS = re.compile(rb"(?<!\r)\n|\n[ \t]|transfer-encoding|\n(?:expect|connection|upgrade):")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*(?=\r\n)")
_MOST_SKIPPED = 8_000_000  # bytes of a body that is thrown away; a longer one goes its usual way
_LINGER_S = 2.0  # for a client to read the reply that ends its connection
_CODES = {431: "headers_too_large", 501: "not_implemented"}
_REASONS = {
    431: "the headers are over 16 kB",
    501: "no other transfer coding than chunked is read",
}
_INVALID = "the request is not valid HTTP/1.1"


class Front(NamedTuple):
    """What connections need of the application; one per app."""

    gate: Gate
    ids: RequestIds
    metrics: Metrics
    connections: Connections
    refusals: Seldom
    log: bool


class HttpProtocol(H11Protocol):
    """One connection.

    Beside uvicorn's it refuses what proxies read in another way (bare line feeds, folded headers,
    a length with a transfer coding), answers broken requests with problems, refuses by the
    headers while the service is full, and ends when a client takes too long.
    """

    address = ""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        front: Front,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn = _StrictConnection()
        self._front = front
        self._inner: ASGIApp = config.loaded_app
        self.app = self._enter
        self._expected = False  # the gate has let the next request in
        self._since = 0.0  # when what the client does now began
        self._asked = False  # at least one request came
        self._skip = 0  # bytes of a refused body that are still to come
        self._deaf = False  # the last reply is out: nothing more is read
        self._unsent = 0
        self._unsent_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See ``asyncio.Protocol``."""
        super().connection_made(transport)
        self._since = self.loop.time()
        self.address = self.client[0] if self.client else ""
        if not self._front.connections.add(self):
            self._end(503, "overloaded", "too many connections are open; try again in a moment")

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        self._front.connections.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        if self._deaf:
            return
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
            if not self._skip:
                self._since = self.loop.time()
            if not data:
                return
        if self.waits_for_head and not self.conn.trailing_data[0]:
            self._since = self.loop.time()
            if self._refuses(data):
                return
        super().data_received(data)

    def handle_events(self) -> None:
        """See ``H11Protocol``."""
        if not self._deaf:
            super().handle_events()

    def on_response_complete(self) -> None:
        """See ``H11Protocol``."""
        self._since = self.loop.time()
        self._asked = True
        super().on_response_complete()

    def shutdown(self) -> None:
        """See ``H11Protocol``."""
        if self._deaf:
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
        return self._deaf or self._skip > 0 or self.conn.their_state is h11.SEND_BODY

    def drop(self) -> None:
        """See ``Connection``."""
        self.transport.abort()

    def sweep(self, now: float) -> None:
        """See ``Connection``."""
        limits = self._front.connections.limits
        took = now - self._since
        unsent = self.transport.get_write_buffer_size()
        if unsent and unsent >= self._unsent > 0:
            if now - self._unsent_since > limits.stall:
                self.drop()
        else:
            self._unsent, self._unsent_since = unsent, now
        if self._deaf:
            if took > _LINGER_S:
                self.drop()
        elif self._skip or (
            self.conn.their_state is h11.SEND_BODY and self.cycle.response_complete
        ):
            if took > limits.rest:
                self.drop()
        elif self.waits_for_head:
            if self.conn.trailing_data[0]:
                if took > limits.head:
                    self._end(408, "request_timeout", f"the headers took over {limits.head:g} s")
            elif took > (limits.idle if self._asked else limits.head):
                self.drop()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's
        """Answer an invalid request with a problem, and close."""
        error = sys.exc_info()[1]  # uvicorn calls this where it is caught
        status = getattr(error, "error_status_hint", 400)
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started:
                self.drop()
                return
        reason = str(error) if isinstance(error, _NotStrict) else _REASONS.get(status, _INVALID)
        self._end(status, _CODES.get(status, "bad_request"), reason)

    def _should_upgrade(self) -> bool:
        return False  # nothing to upgrade to, and no log line for whoever asks

    def _refuses(self, data: bytes) -> bool:
        """Refuse a request whose line is full, by its headers alone; return True if so.

        Only a plain request is, whose end is known beyond doubt; any other goes its usual way.
        """
        end = data.find(b"\r\n\r\n")
        first = data[: data.find(b"\r\n")].split(b" ")
        if end < 0 or len(first) != 3 or first[2] != b"HTTP/1.1":
            return False
        head = data[: end + 2]
        found = _plain_length(head)
        if found is None:
            return False
        method, target = first[0].decode("latin-1"), first[1].decode("latin-1")
        path = target.partition("?")[0].removeprefix(self.root_path)
        line = self._front.gate.line_of(method, path, found)
        if line is None:
            return False
        if (reason := line.refusal()) is None:
            line.expect()
            self._expected = True
            return False
        if found > _MOST_SKIPPED:
            return False
        self._asked = True
        self._unset_keepalive_if_required()
        self._front.refusals.log("full", f"requests are refused: {reason}")
        self._write(503, "overloaded", reason, "Overloaded", b"retry-after: 1\r\n")
        self._front.metrics.request(method, route_of(path), 503, 0.0)
        rest = data[end + 4 :]
        self._skip = max(0, found - len(rest))
        if len(rest) > found:
            self.data_received(rest[found:])
        return True

    async def _enter(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._expected:
            scope[EXPECTED] = True
            self._expected = False
        await self._inner(scope, receive, send)

    def _end(self, status: int, code: str, reason: str) -> None:
        """Answer with a problem and close, once the client had time to read it."""
        if self._deaf or self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        request_id = self._write(status, code, reason, None, b"connection: close\r\n")
        self._deaf = True
        self._since = self.loop.time()
        self._front.metrics.request("other", "other", status, 0.0)
        if self._front.log:
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

    def _write(self, status: int, code: str, reason: str, title: str | None, more: bytes) -> str:
        """Write a problem past the parser, whose state it does not touch; return its id."""
        request_id = self._front.ids.new()
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


class _NotStrict(h11.RemoteProtocolError):
    """A request that h11 accepts and a proxy in front may read differently."""


class _StrictConnection(h11.Connection):
    def __init__(self) -> None:
        super().__init__(h11.SERVER)
        # The one place where the bytes of headers and trailers are seen as they came.
        self._receive_buffer = _StrictBuffer()

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        event = super().next_event()
        if isinstance(event, h11.Request):
            names = {name for name, _ in event.headers}
            if b"transfer-encoding" in names:
                if b"content-length" in names:
                    raise _NotStrict("a request has Content-Length or Transfer-Encoding, not both")
                if event.http_version < b"1.1":
                    raise _NotStrict("HTTP/1.0 knows no Transfer-Encoding")
        return event


class _StrictBuffer(ReceiveBuffer):
    def maybe_extract_lines(self) -> list[bytearray] | None:
        data = self._data
        found = _BLANK.search(data)
        end = 1 if data[:1] == b"\n" else found.end() if found else 0
        head = data[:end]
        if head.count(b"\n") != head.count(b"\r\n"):
            raise _NotStrict("a line of the headers ends without a carriage return")
        if _FOLD.search(head):
            raise _NotStrict("a header is folded over two lines")
        return super().maybe_extract_lines()


def _plain_length(head: bytes) -> int | None:
    """Return the announced length of the body, 0 without one, for the usual kind of request.

    None for any other request, and for headers that could be read in two ways.
    """
    lower = head.lower()
    lengths = _LENGTH.findall(lower)
    if lower.count(b"content-length") == len(lengths) <= 1 == lower.count(
        b"\nhost:"
    ) and not _AMBIGUOUS.search(lower):
        return int(lengths[0]) if lengths else 0
    return None
