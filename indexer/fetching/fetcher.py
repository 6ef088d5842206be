"""Fetch pictures in threads, with limits for each host; failures that may pass are retried."""

from __future__ import annotations

import random
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec

from indexer.errors import BadImage
from indexer.fetching.addresses import resolve
from indexer.fetching.client import FetchClient, Response, TryAgain
from indexer.fetching.pacing import HostPace
from indexer.fetching.policy import parse_target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from indexer.fetching.addresses import Resolve
    from indexer.fetching.policy import FetchPolicy

_HELD = 256e6  # bytes of fetched pictures that are not released, before no more are requested


class FetchCounts(msgspec.Struct):
    """The pictures of a run, by how they were had.

    Servers sent the ``fetched`` ones, and said that the ``unchanged`` ones are the same as before.
    The ``resumed`` ones were not requested, because an interrupted run had fetched them.
    ``retries`` counts requests that were sent again, and ``bytes`` is the size of the fetched
    pictures.
    """

    fetched: int = 0
    unchanged: int = 0
    resumed: int = 0
    failed: int = 0
    retries: int = 0
    bytes: int = 0


class Fetcher:
    """Fetches pictures in threads. Close it, or use it in a ``with`` block."""

    def __init__(self, policy: FetchPolicy, find: Resolve = resolve) -> None:
        """``find`` returns the addresses of a host. Starts nothing."""
        self.policy = policy
        self.counts = FetchCounts()
        self._client = FetchClient(policy, find)
        self._pool = ThreadPoolExecutor(policy.threads, thread_name_prefix="fetch")
        self._paces: dict[str, HostPace] = {}
        self._changed = threading.Condition()
        self._held = 0
        self._stopped = threading.Event()

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End all requests, and cancel those that wait."""
        self._stopped.set()
        with self._changed:
            self._changed.notify_all()
        self._client.close()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def submit(self, url: str, marks: Mapping[str, str] | None = None) -> Future[Response]:
        """Fetch a URL in the background. Call ``release`` once the bytes are no longer needed.

        ``marks`` ask for changes only. The future raises BadImage if the URL is refused or fails.
        """
        return self._pool.submit(self._fetch, url, marks or {})

    def release(self, response: Response) -> None:
        """Stop counting the bytes of a picture as memory in use."""
        with self._changed:
            self._held -= len(response.data or b"")
            self._changed.notify_all()

    def _fetch(self, url: str, marks: Mapping[str, str]) -> Response:
        try:
            pace = self._pace(parse_target(url).authority)
            response = self._attempts(url, marks, pace)
        except BadImage:
            with self._changed:
                self.counts.failed += 1
            raise
        with self._changed:
            size = len(response.data or b"")
            self._held += size
            self.counts.bytes += size
            if response.data is None:
                self.counts.unchanged += 1
            else:
                self.counts.fetched += 1
        return response

    def _attempts(self, url: str, marks: Mapping[str, str], pace: HostPace) -> Response:
        pause = self.policy.pause_s
        attempt = 1
        # Not before later attempts: a caller that takes pictures in order releases none until it
        # has this one.
        with self._changed:
            self._changed.wait_for(lambda: self._held < _HELD or self._stopped.is_set())
        while True:
            sent = pace.sent
            try:
                with pace.turn(self._stopped):
                    response = self._get(url, marks, pace)
            except TryAgain as error:
                if error.wait_s:
                    pace.hold(error.wait_s)
                if self._stopped.is_set():
                    raise BadImage("not fetched: interrupted") from None
                # A host that limits its rate sends other pictures meanwhile: this one's turn comes.
                limits_rate = error.wait_s > 0 and pace.sent > sent
                if attempt >= self.policy.attempts and not limits_rate:
                    pace.note(reached=error.reached)
                    raise BadImage(f"not fetched in {attempt} attempts: {error}") from None
                wait = max(error.wait_s, pause * random.uniform(0.5, 1.0))
                self._stopped.wait(wait)
                with self._changed:
                    self.counts.retries += 1
                if not limits_rate:
                    pause *= 2
                    attempt += 1
                continue
            pace.note(reached=True, sent=True)
            return response

    def _get(self, url: str, marks: Mapping[str, str], pace: HostPace) -> Response:
        try:
            return self._client.get(url, marks)
        except BadImage:
            pace.note(reached=True)  # such as 404: the host answered
            raise

    def _pace(self, authority: str) -> HostPace:
        with self._changed:
            if authority not in self._paces:
                policy = self.policy
                self._paces[authority] = HostPace(authority, policy.at_once, policy.per_second)
            return self._paces[authority]
