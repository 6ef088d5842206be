"""Compresses text replies with gzip, for clients that accept it."""

from __future__ import annotations

import asyncio
import zlib
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Without pictures, which are compressed already, and event streams, which must not be delayed.
COMPRESSIBLE = frozenset(
    {
        *("application/json", "application/problem+json", "application/manifest+json"),
        *("text/html", "text/css", "text/javascript", "text/plain", "image/svg+xml"),
    }
)
_GZIP = 31  # zlib's window bits for a gzip file
_LEVEL = 1  # every reply is compressed anew: level 6 saves a tenth, in three times the time
_LEAST = 1000  # bytes; a smaller reply fits in one packet anyway
_INLINE = 100_000  # bytes; a larger reply is compressed in a thread


class Compression:
    """Compresses replies that are sent whole and not encoded yet, but not streams.

    A strong ETag gets the suffix ``-gzip``, because the compressed bytes differ.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        accepts = accepts_gzip(Headers(scope=scope).get("accept-encoding", ""))
        start: Message | None = None  # held back until the body is known

        async def send_compressed(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                if _is_text(message):
                    MutableHeaders(raw=message["headers"]).add_vary_header("Accept-Encoding")
                    if accepts:
                        start = message
                        return
            elif start is not None:
                begin, start = start, None
                message = await _compressed(begin, message)
                await send(begin)
            await send(message)

        await self._app(scope, receive, send_compressed)


def accepts_gzip(accept: str) -> bool:
    """Return whether an ``Accept-Encoding`` header allows gzip."""
    for choice in accept.lower().split(","):
        coding, _, parameters = choice.partition(";")
        if coding.strip() == "gzip":
            name, _, value = parameters.partition("=")
            return name.strip() != "q" or value.strip().strip("0.") != ""
    return False


def compress(data: bytes, level: int = _LEVEL) -> bytes:
    """Return the data as a gzip file, the same for the same data."""
    return zlib.compress(data, level, _GZIP)


def _is_text(start: Message) -> bool:
    """Return whether a reply may be compressed, by its headers."""
    headers = Headers(raw=start["headers"])
    kind = headers.get("content-type", "").partition(";")[0].strip()
    return kind in COMPRESSIBLE and "content-encoding" not in headers


async def _compressed(start: Message, message: Message) -> Message:
    """Return the compressed body of a whole reply, and change its headers in ``start``."""
    body = message.get("body", b"")
    if message.get("more_body", False) or len(body) < _LEAST:
        return message
    small = compress(body) if len(body) < _INLINE else await asyncio.to_thread(compress, body)
    headers = MutableHeaders(raw=start["headers"])
    headers["Content-Encoding"] = "gzip"
    headers["Content-Length"] = str(len(small))
    etag = headers.get("etag", "")
    if etag.startswith('"'):
        headers["ETag"] = f'{etag[:-1]}-gzip"'
    return {**message, "body": small}
