"""A primary that is reached over HTTP."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from indexer.errors import BadPrimary, PrimaryLost
from indexer.jsonbytes import decode_json_as
from indexer.replication.messages import PROTOCOL, Feed, ItemPage, LogPage
from indexer.replication.primary import UnknownFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from urllib3 import BaseHTTPResponse

    from indexer.store.replay import ValueKey

T = TypeVar("T")

_CONNECT_S = 10.0
_READ_S = 60.0  # longest silence
_LEAST_RATE = 10_000  # bytes a second on average, after a time of ``_READ_S``
_MOST_BYTES = 256 << 20  # of a message
_CHUNK = 1 << 20
_URL = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*)?")
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})


class HttpPrimary:
    """Asks a service of Vitrine; a ``Primary``. One request at a time."""

    def __init__(self, url: str, key: str, ca_file: Path | None = None) -> None:
        """``key`` has the scope admin. ``ca_file`` has the certificates to trust, if not the usual.

        Raises BadPrimary if ``url`` is not one of HTTP, or contains a password.
        """
        import urllib3

        if not _URL.fullmatch(url) or "@" in urlsplit(url).netloc:
            raise BadPrimary(
                f"expected the URL of a service, such as http://10.0.0.5:8000, got {url[:200]!r}"
            )
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=_CONNECT_S, read=_READ_S),
            retries=False,
            ca_certs=str(ca_file) if ca_file else None,
        )

    def close(self) -> None:
        """Close the connection."""
        self._pool.clear()

    def feed(self, since: int, meta_mark: str) -> Feed:
        """See ``Primary.feed``."""
        return self.ask("feed", Feed, since=since, meta=meta_mark)

    def items(self, after: str) -> ItemPage:
        """See ``Primary.items``."""
        return self.ask("items", ItemPage, after=after)

    def values(self, keys: Sequence[ValueKey]) -> list[bytes | None]:
        """See ``Primary.values``."""
        found = self.ask("values", list[bytes | None], body=msgspec.msgpack.encode(list(keys)))
        if not 0 < len(found) <= len(keys):
            raise BadPrimary(f"{self.url} sent {len(found)} values, asked for {len(keys)}")
        return found

    def log_names(self, environment: str) -> list[str]:
        """See ``Primary.log_names``."""
        return self.ask("logs", list[str], environment=environment)

    def log_page(self, environment: str, database: str, after: bytes) -> LogPage:
        """See ``Primary.log_page``."""
        return self.ask(
            "log", LogPage, environment=environment, database=database, after=after.hex()
        )

    def file(self, path: str) -> Iterator[bytes]:
        """See ``Primary.file``."""
        with self._answer("GET", f"files/{quote(path)}") as response:
            expected = response.headers.get("content-length", "")
            done = 0
            for piece in self._pieces(response):
                done += len(piece)
                yield piece
        if expected.isdigit() and done != int(expected):
            raise PrimaryLost(f"{self.url} sent {done} of {expected} bytes of {path}")

    def ask(self, route: str, kind: type[T], body: bytes | None = None, **query: Any) -> T:
        """Return the decoded answer of a route; a POST if there is a body.

        Raises PrimaryLost, and BadPrimary for an answer that cannot be right.
        """
        method = "GET" if body is None else "POST"
        with self._answer(method, f"{route}?{urlencode(query)}", body) as response:
            data = bytearray()
            for piece in self._pieces(response):
                data += piece
                if len(data) > _MOST_BYTES:
                    raise BadPrimary(
                        f"{self.url} sent a message of more than {_MOST_BYTES >> 20} MB"
                    )
        try:
            return msgspec.msgpack.decode(data, type=kind)
        except msgspec.MsgspecError as error:
            raise BadPrimary(
                f"{self.url} sent a message that cannot be read: {error}; run the same version of "
                "Vitrine on both"
            ) from error

    def _pieces(self, response: BaseHTTPResponse) -> Iterator[bytes]:
        """Yield the body of an answer as it comes.

        Raises PrimaryLost if it comes too slowly: a byte now and then would hold the replica for
        ever.
        """
        began = time.monotonic()
        done = 0
        while piece := response.read1(_CHUNK, decode_content=True):
            done += len(piece)
            if time.monotonic() - began > _READ_S + done / _LEAST_RATE:
                raise PrimaryLost(
                    f"{self.url} sends less than {_LEAST_RATE // 1000} kB a second; it is "
                    "overloaded, or the network is too slow"
                )
            yield piece

    @contextmanager
    def _answer(
        self, method: str, path: str, body: bytes | None = None
    ) -> Iterator[BaseHTTPResponse]:
        """Send a request and yield its answer, whose body is not read yet. Its status is 200."""
        from urllib3.exceptions import HTTPError

        try:
            response = self._pool.request(
                method,
                f"{self.url}/v1/replica/{PROTOCOL}/{path}",
                body=body,
                headers={**self._headers, "Content-Type": "application/msgpack"},
                preload_content=False,
                redirect=False,
            )
            try:
                if response.status != 200:
                    raise self._refusal(response, path)
                yield response
            finally:
                response.close() if response.length_remaining else response.release_conn()
        except (HTTPError, OSError) as error:
            raise PrimaryLost(f"{self.url} does not answer: {_reason(error)}") from error

    def _refusal(self, response: BaseHTTPResponse, path: str) -> Exception:
        """Return the error for an answer with another status."""
        text = response.read(10_000, decode_content=True)
        try:
            problem = decode_json_as(text, dict[str, Any])
        except msgspec.MsgspecError:
            problem = {}
        detail = str(problem.get("detail", response.reason))[:300]
        if response.status in BUSY:
            return PrimaryLost(f"{self.url} is busy or not ready ({response.status}): {detail}")
        if response.status == 404 and problem.get("code") == "unknown_file":
            return UnknownFile(detail)
        if response.status in (401, 403):
            return BadPrimary(f"{self.url} refuses the key ({response.status}): {detail}")
        return BadPrimary(
            f"{self.url} answers {response.status} to {path.partition('?')[0]}: {detail}; is it a "
            "service of this version of Vitrine?"
        )


def _reason(error: BaseException) -> str:
    """Return why a request failed, without the names of urllib3's objects around it."""
    inner = next((part for part in reversed(error.args) if isinstance(part, Exception)), error)
    text = " ".join(str(inner).split()).rpartition(": ")[2]
    return text[:200] or type(error).__name__
