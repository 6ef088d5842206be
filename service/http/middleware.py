"""Middleware around every request: its id, log line and errors; cancellation on a disconnect."""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
import time
from secrets import token_hex
from typing import TYPE_CHECKING, TypeVar

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect

from service.http.logged_path import USERS, logged_path
from service.http.problems import REQUEST_ID, problem_of
from service.http.rates import AUDITED, IDLE_POLL, KEY_NAME, client_of, rate_headers

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from service.runtime.metrics import Metrics
    from service.runtime.tracing import Trace, Tracing

T = TypeVar("T")

access_log = logging.getLogger("vitrine.access")
audit_log = logging.getLogger("vitrine.audit")

RAW_ID = "vitrine.raw_id"  # key in the ASGI scope: the item id in the path is percent-encoded
_WITH_IDS = ("/v1/items/", USERS)
_SAFE_ID = re.compile(rb"[A-Za-z0-9._:+/=@-]{1,128}")


class RequestIds:
    """Makes request ids that are unique across processes. They are not secret."""

    def __init__(self) -> None:
        self._start = token_hex(4)
        self._count = itertools.count(1)

    def new(self) -> str:
        """Return a new id."""
        return f"{self._start}-{next(self._count):x}"


class RequestMiddleware:
    """Handles what all requests have in common.

    - Takes the id of a request from ``X-Request-ID`` if that is harmless, or makes one.
    - Replies to HEAD as to GET, without the body.
    - Turns an unexpected error into a 500 problem.
    - Keeps item ids in the path percent-encoded, because they may contain slashes.
    - Writes the access log, and the audit log of all requests that needed a key to write.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        log: bool = False,
        metrics: Metrics | None = None,
        ids: RequestIds | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self._app = app
        self._log = log
        self._metrics = metrics
        self._ids = ids or RequestIds()
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        method = scope["method"]
        request_id = _given_id(scope) or self._ids.new()
        scope[REQUEST_ID] = request_id
        _keep_ids_encoded(scope)
        trace = None if self._tracing is None else self._tracing.begin(Headers(scope=scope))
        if method == "HEAD":
            scope = {**scope, "method": "GET"}  # a copy: the server needs its own unchanged
        status = 0
        sent = 0

        async def send_marked(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                pair = (b"x-request-id", request_id.encode())
                message["headers"] = [*message.get("headers", ()), pair, *rate_headers(scope)]
            elif message["type"] == "http.response.body":
                sent += len(message.get("body", b""))
                if method == "HEAD":
                    message = {**message, "body": b""}
            await send(message)

        try:
            await self._app(scope, receive, send_marked)
        except (ClientGone, ClientDisconnect):
            pass  # the client no longer reads a reply
        except Exception as error:
            reply = problem_of(scope, error)
            if status:  # the reply has begun, and can only be cut off
                raise
            await reply(scope, receive, send_marked)
        finally:
            self._record(scope, method, status or 499, sent, time.perf_counter() - began)
            if trace is not None:
                _end(trace, scope, method, status or 499)

    def _record(self, scope: Scope, method: str, status: int, sent: int, seconds: float) -> None:
        """Count a request in the metrics, and write it to the access log and the audit log.

        The access log lacks polls that found no news, as there is one every second.
        """
        if self._metrics is not None:
            self._metrics.request(method, _route(scope), status, seconds)
        audited = scope.get(AUDITED, False)
        logged = self._log and not scope.get(IDLE_POLL, False)
        if not (logged or audited):
            return
        fields = {
            "method": method,
            "path": logged_path(scope),
            "status": status,
            "request_id": scope[REQUEST_ID],
        }
        if logged:
            access_log.info(
                "request", extra={**fields, "bytes": sent, "ms": round(seconds * 1e3, 1)}
            )
        if audited:
            audit_log.info(
                "request", extra={**fields, "key": scope[KEY_NAME], "client": client_of(scope)}
            )


def _end(trace: Trace, scope: Scope, method: str, status: int) -> None:
    """End the trace of a request; like the metrics, it names the route and not the path."""
    route = _route(scope)
    attributes: dict[str, str | int] = {
        "http.request.method": method,
        "http.route": route,
        "http.response.status_code": status,
        "vitrine.request_id": scope[REQUEST_ID],
    }
    trace.end(f"{method} {route}", attributes, failed=status >= 500)


async def cancel_on_disconnect(request: Request, work: Coroutine[object, object, T]) -> T:
    """Return the result of ``work``. If the client disconnects, cancel it and raise ClientGone.

    The body must have been read before.
    """
    task = asyncio.ensure_future(work)
    disconnect = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({task, disconnect}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientGone
    finally:
        disconnect.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait({task})


class ClientGone(Exception):
    """The client disconnected before its reply was ready."""


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _route(scope: Scope) -> str:
    """Return the pattern that the path matched; there are few patterns, and many paths."""
    pattern = str(getattr(scope.get("route"), "path", "other"))
    return pattern.replace(":path}", "}").replace(":item}", "}")


def _given_id(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _SAFE_ID.fullmatch(value):
            return str(value.decode("ascii"))
    return None


def _keep_ids_encoded(scope: Scope) -> None:
    raw = scope.get("raw_path")
    prefixes = tuple(scope.get("root_path", "") + prefix for prefix in _WITH_IDS)
    if raw is not None and scope["path"].startswith(prefixes):
        encoded = raw.decode("latin-1")
        if encoded.startswith(prefixes):
            scope["path"] = encoded
            scope[RAW_ID] = True
