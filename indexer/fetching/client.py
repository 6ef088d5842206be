"""Fetch one URL over HTTP and follow its redirects, connecting only to addresses it checked."""

from __future__ import annotations

import ssl
import threading
import time
from collections import OrderedDict, deque
from contextlib import suppress
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin

from indexer.errors import BadImage, one_line
from indexer.fetching.addresses import CannotResolve, checked_address, resolve
from indexer.fetching.policy import FetchPolicy, Target, parse_target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from urllib3.connection import HTTPConnection
    from urllib3.response import HTTPResponse

    from indexer.fetching.addresses import Resolve

_AGENT = "Vitrine (product image indexer)"
_CONNECT_S = 10.0
_READ_S = 20.0  # longest silence
_REDIRECTS = 5
_CHUNK = 65_536
_IDLE = 64  # connections that are kept open between requests
_MOVED = frozenset({301, 302, 303, 307, 308})


class TryAgain(Exception):
    """A failure that may pass: the host does not answer, or says that it is busy.

    ``wait_s`` is the time that the host asks for, or 0. ``reached`` is False if no connection was
    made.
    """

    def __init__(self, reason: str, *, wait_s: float = 0.0, reached: bool = True) -> None:
        super().__init__(reason)
        self.wait_s = wait_s
        self.reached = reached


class Response(NamedTuple):
    """The answer to a request: the bytes, and the marks with which to ask for changes later.

    ``data`` is None if the picture has not changed since the answer that had those marks.
    """

    data: bytes | None
    etag: str
    last_modified: str
    content_type: str = ""


class FetchClient:
    """Fetches pictures over HTTP. Thread-safe; it reads no proxy and no cookie from anywhere."""

    def __init__(self, policy: FetchPolicy, find: Resolve = resolve) -> None:
        """``find`` returns the addresses of a host and a port."""
        # Imported here, because threads that import it at the same time may see it half imported.
        import urllib3.connection  # noqa: F401

        self._policy = policy
        self._find = find
        self._context = ssl.create_default_context()
        self._idle: OrderedDict[Target, deque[HTTPConnection]] = OrderedDict()
        self._active: set[HTTPConnection] = set()
        self._stopped = threading.Event()
        self._lock = threading.Lock()

    def get(self, url: str, marks: Mapping[str, str]) -> Response:
        """Fetch a URL, following redirects.

        ``marks`` are request headers that ask for changes only. Raises BadImage if the URL, a
        redirect or the answer is refused, and TryAgain if it may work later.
        """
        until = time.monotonic() + self._policy.seconds
        target = self._checked(url)
        for _ in range(_REDIRECTS + 1):
            answer = self._exchange(target, marks, until)
            if isinstance(answer, Response):
                return answer
            try:
                moved = self._checked(urljoin(target.url, answer))
            except ValueError as error:  # of an address in brackets that is none
                raise BadImage(f"not fetched: redirected to {answer[:200]!r}: {error}") from None
            if target.scheme == "https" and moved.scheme == "http":
                raise BadImage(f"not fetched: redirected from https to {moved.url[:200]}")
            target = moved
        raise BadImage(f"not fetched: more than {_REDIRECTS} redirects")

    def close(self) -> None:
        """Close all connections; requests in progress raise TryAgain."""
        self._stopped.set()
        with self._lock:
            idle, self._idle = self._idle, OrderedDict()
            active = list(self._active)
        for connection in active:
            _shut(connection)
        for connections in idle.values():
            for connection in connections:
                connection.close()

    def _checked(self, url: str) -> Target:
        target = parse_target(url)
        if not self._policy.allows(target):
            raise BadImage(
                f"not fetched: the host {target.authority} is not allowed; "
                f"{self._policy.host_option} {target.authority} allows it"
            )
        return target

    def _exchange(self, target: Target, marks: Mapping[str, str], until: float) -> Response | str:
        """Send one request; return the answer, or the URL that it is redirected to."""
        from urllib3.exceptions import HTTPError

        if self._stopped.is_set():
            raise TryAgain("interrupted")
        connection = self._connection(target, until)
        with self._lock:
            self._active.add(connection)
        timer = threading.Timer(max(0.0, until - time.monotonic()), _shut, [connection])
        timer.daemon = True
        timer.start()
        done = False
        try:
            connection.request(
                "GET",
                target.path,
                headers={
                    "Host": target.authority,
                    "User-Agent": _AGENT,
                    "Accept": self._policy.accept,
                    "Accept-Encoding": "identity",
                    **marks,
                },
                preload_content=False,
            )
            response = connection.getresponse()
            answer = self._answer(response, until)
            if time.monotonic() >= until:  # a connection that was shut may look like an end
                raise TryAgain(f"took longer than {self._policy.seconds:g} s")
            done = not isinstance(answer, str) and response.headers.get("connection") != "close"
            return answer
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            late = time.monotonic() >= until
            reason = f"took longer than {self._policy.seconds:g} s" if late else one_line(error)
            raise TryAgain(reason) from None
        finally:
            timer.cancel()
            with self._lock:
                self._active.discard(connection)
            if done and not self._stopped.is_set():
                self._keep(target, connection)
            else:
                connection.close()

    def _answer(self, response: HTTPResponse, until: float) -> Response | str:
        status = response.status
        if status in _MOVED and (place := response.headers.get("location")):
            return place
        etag = response.headers.get("etag", "")[:500]
        modified = response.headers.get("last-modified", "")[:100]
        if status == 304:
            return Response(None, etag, modified)
        if status in (408, 425, 429) or status >= 500:
            raise TryAgain(f"the answer is {status}", wait_s=_wait(response))
        if status != 200:
            raise BadImage(f"the answer is {status} {response.reason or ''}".rstrip())
        kind = response.headers.get("content-type", "")
        return Response(self._body(response, until), etag, modified, kind)

    def _body(self, response: HTTPResponse, until: float) -> bytes:
        most = int(self._policy.megabytes * 1e6)
        too_large = BadImage(f"too large: over {self._policy.megabytes:g} MB")
        length = response.headers.get("content-length", "")
        if length.isdigit() and int(length) > most:
            raise too_large
        parts: list[bytes] = []
        size = 0
        for part in response.stream(_CHUNK, decode_content=True):
            size += len(part)
            if size > most:
                raise too_large
            if self._stopped.is_set() or time.monotonic() >= until:
                raise TryAgain(f"took longer than {self._policy.seconds:g} s")
            parts.append(part)
        return b"".join(parts)

    def _connection(self, target: Target, until: float) -> HTTPConnection:
        """Return a connection to the host, at an address that was checked."""
        from urllib3.connection import HTTPConnection, HTTPSConnection
        from urllib3.exceptions import HTTPError

        place = target._replace(path="")
        with self._lock:
            idle = self._idle.get(place) or deque()
            while idle:
                if (kept := idle.pop()).is_connected:
                    return kept
                kept.close()
        try:
            address = checked_address(target, self._policy, self._find)
        except CannotResolve as error:
            raise TryAgain(str(error), reached=False) from None
        timeout = max(0.1, min(_CONNECT_S, until - time.monotonic()))
        connection: HTTPConnection
        if target.scheme == "https":
            name = target.host.strip("[]").rstrip(".")
            connection = HTTPSConnection(
                address, target.port, timeout=timeout, ssl_context=self._context,
                server_hostname=name, assert_hostname=name,
            )  # fmt: skip
        else:
            connection = HTTPConnection(address, target.port, timeout=timeout)
        try:
            connection.connect()
        except (HTTPError, OSError, ValueError) as error:
            connection.close()
            if "certificate" in str(error).lower():
                raise BadImage(f"not fetched: {one_line(error)}") from None
            raise TryAgain(one_line(error), reached=False) from None
        connection.timeout = _READ_S
        if connection.sock is not None:
            connection.sock.settimeout(_READ_S)
        return connection

    def _keep(self, target: Target, connection: HTTPConnection) -> None:
        """Keep a connection for the next request to the same place; close the oldest if many."""
        place = target._replace(path="")
        surplus: list[HTTPConnection] = []
        with self._lock:
            self._idle.setdefault(place, deque()).append(connection)
            self._idle.move_to_end(place)
            while sum(map(len, self._idle.values())) > _IDLE:
                oldest = next(iter(self._idle))
                surplus.append(self._idle[oldest].popleft())
                if not self._idle[oldest]:
                    del self._idle[oldest]
        for old in surplus:
            old.close()


def _shut(connection: HTTPConnection) -> None:
    """End a request that has taken too long."""
    with suppress(OSError, AttributeError):
        if connection.sock is not None:
            connection.sock.shutdown(2)


def _wait(response: HTTPResponse) -> float:
    """Return the seconds of Retry-After, at most a minute; 0 if there is none, or it has passed."""
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(60.0, float(text))
    try:
        seconds = parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):  # neither a number nor a date
        return 0.0
    return min(60.0, max(0.0, seconds))
