"""h11's request parser, made strict: it refuses what a proxy in front may read differently."""

from __future__ import annotations

import re

import h11
from h11._receivebuffer import ReceiveBuffer

_BLANK_LINE = re.compile(rb"\n\r?\n")
_FOLDED_LINE = re.compile(rb"\n[ \t]")
_UNUSUAL = re.compile(rb"(?<!\r)\n|\n[ \t]|transfer-encoding|\n(?:expect|connection|upgrade):")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*(?=\r\n)")


# Every chunk costs the event loop some microseconds, even one of a single byte.
_ANY_CHUNKS = 5000
_CHUNK_BYTES = 128  # the least average size of further chunks; a line of a catalog has more


class RefusedRequest(h11.RemoteProtocolError):
    """A request that h11 accepts; a proxy in front may read it differently, or it is wasteful."""


class StrictConnection(h11.Connection):
    """The server's side of an HTTP/1.1 connection; ``next_event`` raises RefusedRequest."""

    def __init__(self) -> None:
        super().__init__(h11.SERVER)
        self._chunks = self._chunk_bytes = 0  # of the body that is being read
        # Only this buffer sees the bytes of headers and trailers as they were sent.
        self._receive_buffer = _StrictBuffer()

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """See ``h11.Connection``."""
        event = super().next_event()
        if isinstance(event, h11.Data):
            self._chunks += event.chunk_start
            self._chunk_bytes += len(event.data)
            if self._chunks > _ANY_CHUNKS + self._chunk_bytes // _CHUNK_BYTES:
                raise RefusedRequest(
                    f"the body has {self._chunks} chunks for {self._chunk_bytes} bytes; send it in "
                    "larger ones"
                )
        elif isinstance(event, h11.Request):
            self._chunks = self._chunk_bytes = 0
            names = {name for name, _ in event.headers}
            if b"transfer-encoding" in names:
                if b"content-length" in names:
                    raise RefusedRequest(
                        "the request has both Content-Length and Transfer-Encoding; send one of "
                        "them"
                    )
                if event.http_version < b"1.1":
                    raise RefusedRequest(
                        "HTTP/1.0 has no Transfer-Encoding; send Content-Length, or use HTTP/1.1"
                    )
        return event


class _StrictBuffer(ReceiveBuffer):
    def maybe_extract_lines(self) -> list[bytearray] | None:
        data = self._data
        found = _BLANK_LINE.search(data)
        end = 1 if data[:1] == b"\n" else found.end() if found else 0
        head = data[:end]
        if head.count(b"\n") != head.count(b"\r\n"):
            raise RefusedRequest("a header line ends without a carriage return")
        if _FOLDED_LINE.search(head):
            raise RefusedRequest("a header is folded over two lines")
        return super().maybe_extract_lines()


def plain_length(head: bytes) -> int | None:
    """Return the body's announced length, 0 if there is none, from the headers of a request.

    Returns None for headers that are unusual or could be read in two ways.
    """
    lower = head.lower()
    lengths = _LENGTH.findall(lower)
    is_plain = (
        len(lengths) <= 1
        and lower.count(b"content-length") == len(lengths)
        and lower.count(b"\nhost:") == 1
        and not _UNUSUAL.search(lower)
    )
    if not is_plain:
        return None
    return int(lengths[0]) if lengths else 0
