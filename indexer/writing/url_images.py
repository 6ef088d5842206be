"""Prepare the images of a catalog that are behind URLs: fetch them, unless they are known.

This process fetches, so that the pace of each host and the ledger hold for the whole run. With
workers, they decode and encode what was fetched.
"""

from __future__ import annotations

import threading
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING

from indexer.errors import BadImage
from indexer.fetching.ledger import KnownPicture

if TYPE_CHECKING:
    from indexer.fetching.client import Response
    from indexer.fetching.fetcher import Fetcher
    from indexer.fetching.ledger import Ledger
    from indexer.writing.image_pipeline import ImagePipeline, Prepared
    from indexer.writing.remote_images import RemoteImages


class UrlImages:
    """Fetches and prepares the images of one run. ``submit`` and ``commit`` are for one thread.

    A URL that several items have is fetched once.
    """

    def __init__(
        self,
        images: ImagePipeline,
        fetcher: Fetcher,
        ledger: Ledger | None,
        remote: RemoteImages | None = None,
    ) -> None:
        """Without ``ledger``, every picture is fetched whole, and nothing is noted."""
        self._images = images
        self._remote = remote
        self._fetcher = fetcher
        self._ledger = ledger
        self._running: dict[str, Future[Prepared]] = {}
        self._seen: dict[str, KnownPicture] = {}  # of this run, by URL
        self._to_note: dict[str, KnownPicture] = {}
        self._lock = threading.Lock()

    def submit(self, pool: Executor, url: str) -> Future[Prepared]:
        """Fetch a picture and prepare it in a thread of ``pool``. The future may raise BadImage."""
        with self._lock:
            if url in self._running:
                return self._running[url]
            known = self._seen.get(url)
        is_seen = known is not None
        if known is None and self._ledger is not None:
            known = self._ledger.known(url)
        prepared: Future[Prepared] = Future()
        stored = None if known is None else self._known(url, known)
        if stored is not None and known is not None:
            if is_seen or (self._ledger is not None and known.run == self._ledger.run):
                self._fetcher.counts.resumed += not is_seen
                prepared.set_result(stored)
                return prepared
        else:
            known = None
        with self._lock:
            self._running[url] = prepared
        fetched = self._fetcher.submit(url, known.marks if known else None)

        def prepare(done: Future[Response]) -> None:
            try:
                pool.submit(self._finish, url, known, done, prepared)
            except RuntimeError:  # the pool was shut down, because the run has ended
                prepared.cancel()

        fetched.add_done_callback(prepare)
        return prepared

    def commit(self) -> None:
        """Note what is known of the URLs so far."""
        with self._lock:
            notes, self._to_note = self._to_note, {}
        if self._ledger is not None:
            self._ledger.put(notes)

    def _finish(
        self,
        url: str,
        known: KnownPicture | None,
        fetched: Future[Response],
        prepared: Future[Prepared],
    ) -> None:
        """Prepare what was fetched; runs in a thread of the pool."""
        made: Future[Prepared] = Future()
        try:
            response = fetched.result()
        except BaseException as error:  # noqa: BLE001 - passed on to the thread that waits
            self._end(url, prepared, error)
            return
        if response.data is not None and self._remote is not None:
            made = self._remote.send(url, response.data)
        else:
            try:
                made.set_result(self._prepared_here(url, known, response))
            except BaseException as error:  # noqa: BLE001 - passed on
                made.set_exception(error)
        made.add_done_callback(lambda done: self._resolve(url, known, response, done, prepared))

    def _prepared_here(self, url: str, known: KnownPicture | None, response: Response) -> Prepared:
        if response.data is not None:
            return self._images.prepare(url, response.data)
        unchanged = None if known is None else self._known(url, known)
        if unchanged is None:
            raise BadImage("not fetched: the server says that it is unchanged; run again")
        return unchanged

    def _resolve(
        self,
        url: str,
        known: KnownPicture | None,
        response: Response,
        made: Future[Prepared],
        prepared: Future[Prepared],
    ) -> None:
        """Note what is known of a picture now, and hand it to the thread that waits."""
        self._fetcher.release(response)
        if error := made.exception():
            self._end(url, prepared, error)
            return
        result = made.result()
        if self._remote is not None:
            self._images.adopt(result)
        image = result.image
        run = 0 if self._ledger is None else self._ledger.run
        etag = response.etag or (known.etag if known and response.data is None else "")
        modified = response.last_modified or (
            known.last_modified if known and response.data is None else ""
        )
        note = KnownPicture(etag, modified, image.content, image.width, image.height, run)
        with self._lock:
            self._seen[url] = self._to_note[url] = note
        self._end(url, prepared, result)

    def _end(self, url: str, prepared: Future[Prepared], result: Prepared | BaseException) -> None:
        if isinstance(result, BaseException):
            prepared.set_exception(result)
        else:
            prepared.set_result(result)
        with self._lock:
            self._running.pop(url, None)

    def _known(self, url: str, known: KnownPicture) -> Prepared | None:
        return self._images.prepare_known(url, known.content, known.width, known.height)
