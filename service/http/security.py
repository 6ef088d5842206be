"""Bounds on hostile requests, and the headers of a closed page: pure ASGI, microseconds each."""

from __future__ import annotations

import asyncio
import hmac
import math
from typing import TYPE_CHECKING

from indexer.errors import Overloaded
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
_DOCS_POLICY = _POLICY | {"style-src": "'self' 'unsafe-inline'"}  # swagger-ui writes style=""
_HEADERS = (
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("permissions-policy", "camera=(self), geolocation=(), microphone=(), payment=(), usb=()"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-frame-options", "DENY"),
)
_OVERHEAD = 64_000  # multipart headers and text fields beside the photo


def _encoded(policy: dict[str, str]) -> list[tuple[bytes, bytes]]:
    line = "; ".join(f"{name} {sources}" for name, sources in policy.items())
    pairs = [("content-security-policy", line), *_HEADERS]
    return [(name.encode(), value.encode()) for name, value in pairs]


# The same as the lines of a reply, for what is answered before the application is asked.
HEADER_LINES = b"".join(b"%s: %s\r\n" % pair for pair in _encoded(_POLICY))


class SecurityHeaders:
    """Adds to every reply the headers that make a browser trust nothing but this host."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._strict = _encoded(_POLICY)
        self._docs = _encoded(_DOCS_POLICY)

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


def check_write_key(key: str | None, headers: Mapping[str, str]) -> None:
    """Raise HttpError unless a request carries the key that writes need.

    It comes as ``Authorization: Bearer KEY`` or ``api-key: KEY``. Without a key in the settings
    nobody may write.
    """
    if key is None:
        raise HttpError(
            403,
            "writes_disabled",
            "writes over HTTP are off: set VITRINE_WRITE_KEY, and send it as 'Authorization: "
            "Bearer KEY'; or write with 'vitrine put'",
        )
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        given = headers.get("api-key", "")
    # Servers read headers as Latin-1, while clients write what is not ASCII in that or in UTF-8.
    spellings = given.strip().encode("latin-1", "replace"), given.strip().encode()
    if not any(hmac.compare_digest(spelling, key.encode()) for spelling in spellings):
        what = "wrong" if given else "missing"
        raise HttpError(
            401,
            "unauthorized",
            f"the write key is {what}; send 'Authorization: Bearer KEY'",
            headers={"WWW-Authenticate": "Bearer"},
        )


class HostCheck:
    """Refuses requests to foreign host names, by which a web page could reach a local service."""

    def __init__(self, app: ASGIApp, allowed: Sequence[str]) -> None:
        self._app = app
        self._allowed = frozenset(name.strip().lower() for name in allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "http" and "*" not in self._allowed:
            host = _header(scope, b"host")
            name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
            if name.lower() not in self._allowed:
                error = HttpError(400, "bad_host", f"no such host here: {host!r}")
                await problem_of(scope, error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


class BodyLimit:
    """Bounds the size of a request body, of all bodies together, and the time that they take.

    The length is checked where it is announced, and counted where it is not. What is refused
    gives its share back at once; the server reads the rest of it for a moment and throws it
    away, so that a client that still writes sees the answer and no broken connection.
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
        """A pause may take ``timeout_s``, and all of a body that plus its size at the least rate.

        That rate is ``min_bytes_s``; 0 bounds pauses only.
        """
        self._app = app
        self._max = max_bytes + _OVERHEAD
        self._max_held = max_held_bytes
        self._timeout_s = timeout_s
        self._s_per_byte = 1 / min_bytes_s if min_bytes_s else math.inf
        self._held = 0
        self._too_large = f"the request body is over {max_bytes / 1e6:g} MB"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection. Raises HttpError, Overloaded."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # A client that waits for permission to send will not send after a refusal.
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
            if done:  # only a disconnect can come, and that may take its time
                return await receive()
            message = await self._next(receive, began, read)
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

    async def _next(self, receive: Receive, began: float, read: int) -> Message:
        """Return the next piece of a body. HttpError when it, or the body, takes too long."""
        now = asyncio.get_running_loop().time()
        whole = began + self._timeout_s + read * self._s_per_byte if read else math.inf
        try:
            async with asyncio.timeout_at(min(now + self._timeout_s, whole)):
                return await receive()
        except TimeoutError:
            slow = whole < now + self._timeout_s
            raise HttpError(
                408,
                "request_timeout",
                f"{read} bytes in {now - began:.0f} s are too few"
                if slow
                else f"nothing came for {self._timeout_s:g} s",
                headers={"Connection": "close"},
            ) from None

    def _refusal(self, headers: Mapping[str, str]) -> HttpError:
        return HttpError(413, "too_large", self._too_large, param="body", headers=headers)


def _check_coding(coding: str, headers: Mapping[str, str]) -> None:
    """Raise HttpError for a body in a coding that is not decoded here, such as gzip."""
    if coding and coding.strip().lower() != "identity":
        raise HttpError(
            415,
            "unsupported_media_type",
            f"the body is sent as {coding[:40]!r}; send it without Content-Encoding",
            headers={"Accept-Encoding": "identity", **headers},
        )


def _overloaded() -> Overloaded:
    return Overloaded("too many uploads at once; try again in a moment")


def _header(scope: Scope, name: bytes) -> str:
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value).decode("latin-1")
    return ""
