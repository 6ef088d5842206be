"""ASGI middleware against hostile requests: headers, host names, body sizes."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from indexer.errors import Overloaded
from indexer.imaging.decodebudget import give_memory_back
from service.http.problems import HttpError, problem_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' blob: data:",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
# swagger-ui uses style="" attributes.
_DOCS_POLICY = _POLICY | {"style-src": "'self' 'unsafe-inline'"}
_HEADERS = (
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("permissions-policy", "camera=(self), geolocation=(), microphone=(), payment=(), usb=()"),
    ("cross-origin-opener-policy", "same-origin"),
    ("x-frame-options", "DENY"),
)
_MUCH_FREED = 32_000_000  # bytes of bodies: the C library keeps memory of this size for the next
_OVERHEAD = 64_000  # allowed for multipart headers and text fields besides the photo


def _encoded(policy: dict[str, str], resources: str = "same-origin") -> list[tuple[bytes, bytes]]:
    line = "; ".join(f"{name} {sources}" for name, sources in policy.items())
    pairs = [
        ("content-security-policy", line),
        *_HEADERS,
        ("cross-origin-resource-policy", resources),
    ]
    return [(name.encode(), value.encode()) for name, value in pairs]


# The same headers as bytes, for replies that are written without calling the app.
HEADER_LINES = b"".join(b"%s: %s\r\n" % pair for pair in _encoded(_POLICY))


class SecurityHeaders:
    """Adds security headers to every reply; they restrict a page to resources of this host."""

    def __init__(self, app: ASGIApp, *, cross_origin: bool = False) -> None:
        """With ``cross_origin``, pages of other origins may show the pictures of this service."""
        self._app = app
        resources = "cross-origin" if cross_origin else "same-origin"
        self._strict = _encoded(_POLICY, resources)
        self._docs = _encoded(_DOCS_POLICY, resources)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        docs = scope["path"] == scope.get("root_path", "") + "/docs"
        added = self._docs if docs else self._strict

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        await self._app(scope, receive, send_with_headers)


class HostCheck:
    """Refuses unknown host names, through which a foreign web page could reach a local service."""

    def __init__(self, app: ASGIApp, allowed: Sequence[str]) -> None:
        self._app = app
        self._allowed = frozenset(name.strip().lower() for name in allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "http" and "*" not in self._allowed:
            host = _header(scope, b"host")
            name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
            if name.lower() not in self._allowed:
                error = HttpError(
                    400,
                    "bad_host",
                    f"unknown host {host!r}; VITRINE_ALLOWED_HOSTS lists the allowed ones",
                )
                await problem_of(scope, error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


class BodyLimit:
    """Limits the size of each request body, of all bodies together, and the time they take.

    An announced length is checked before the body is read; otherwise the bytes are counted. A
    refused body releases its share of the memory immediately. The server then reads and discards
    the rest for a while, so that a client that is still sending gets the reply.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_bytes: int,
        max_held_bytes: int,
        timeout_s: float,
        min_bytes_s: float,
    ) -> None:
        """A client may pause for ``timeout_s``, and must then send ``min_bytes_s`` on average.

        ``min_bytes_s`` 0 limits the pauses only.
        """
        self._app = app
        self._max = max_bytes + _OVERHEAD
        self._max_held = max_held_bytes
        self._timeout_s = timeout_s
        self._s_per_byte = 1 / min_bytes_s if min_bytes_s else math.inf
        self._held = 0
        self._freed = 0  # bytes of bodies since memory was last given back to the system
        self._too_large = f"the request body has more than {max_bytes / 1e6:g} MB"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection. Raises HttpError, Overloaded."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # A client that waits for "100 Continue" sends no body after a refusal.
        waits = _header(scope, b"expect").lower() == "100-continue"
        headers = {"Connection": "close"} if waits else {}
        _check_coding(_header(scope, b"content-encoding"), headers)
        announced = _header(scope, b"content-length")
        if announced.isdigit() and int(announced) > self._max:
            raise self._refusal(headers)
        if announced.isdigit() and self._held + int(announced) > self._max_held:
            raise _overloaded()
        began = asyncio.get_running_loop().time()
        read = 0
        done = False

        async def receive_counted() -> Message:
            nonlocal read, done
            if done:  # the body is complete: only a disconnect can follow, at any time
                return await receive()
            message = await self._receive(receive, began, read)
            size = len(message.get("body", b""))
            done = not message.get("more_body", False)
            read += size
            self._held += size
            too_large = read > self._max
            if too_large or self._held > self._max_held:
                done = True
                self._held -= read
                read = 0
                raise self._refusal({}) if too_large else _overloaded()
            return message

        try:
            await self._app(scope, receive_counted, send)
        finally:
            self._held -= read
            self._freed += read
            if self._freed > _MUCH_FREED and not self._held:  # more bodies would take it again
                self._freed = 0
                asyncio.get_running_loop().run_in_executor(None, give_memory_back)

    async def _receive(self, receive: Receive, began: float, read: int) -> Message:
        """Return the next piece of a body. Raises HttpError (408) if the client is too slow."""
        now = asyncio.get_running_loop().time()
        deadline = began + self._timeout_s + read * self._s_per_byte if read else math.inf
        try:
            async with asyncio.timeout_at(min(now + self._timeout_s, deadline)):
                return await receive()
        except TimeoutError:
            slow = deadline < now + self._timeout_s
            raise HttpError(
                408,
                "request_timeout",
                f"the upload is too slow: {read} bytes in {now - began:.0f} s"
                if slow
                else f"the upload paused for more than {self._timeout_s:g} s",
                headers={"Connection": "close"},
            ) from None

    def _refusal(self, headers: Mapping[str, str]) -> HttpError:
        return HttpError(413, "too_large", self._too_large, param="body", headers=headers)


def _check_coding(coding: str, headers: Mapping[str, str]) -> None:
    """Raise HttpError for a compressed body, such as gzip."""
    if coding and coding.strip().lower() != "identity":
        raise HttpError(
            415,
            "unsupported_media_type",
            f"the body has the Content-Encoding {coding[:40]!r}; send it uncompressed",
            headers={"Accept-Encoding": "identity", **headers},
        )


def _overloaded() -> Overloaded:
    return Overloaded("too many uploads at once; try again in a moment")


def _header(scope: Scope, name: bytes) -> str:
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value).decode("latin-1")
    return ""
