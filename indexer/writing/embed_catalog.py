"""Embed the images of a catalog and store the embeddings.

Threads read and decode while the encoder works; results keep the catalog's order. An image whose
content is in the store is not encoded again. Embeddings are committed every few batches, so that
an interrupted run loses only seconds of work.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from indexer.catalog.sources import Catalog, Entry
from indexer.encoders.base import Model
from indexer.errors import BadImage
from indexer.fetching.policy import is_url
from indexer.imaging.imagefolder import ImageFolder
from indexer.imaging.images import ImageLimits
from indexer.items import Item, Skipped
from indexer.stopwatch import Stopwatch
from indexer.threads import THREADS
from indexer.writing.image_pipeline import Embedded, ImagePipeline, Prepared, Render
from indexer.writing.merge import FoundImage
from indexer.writing.ray_workers import RayWorkers
from indexer.writing.remote_images import RemoteImages, known_contents, work_order
from indexer.writing.url_images import UrlImages

if TYPE_CHECKING:
    from indexer.encoders.base import Encoder
    from indexer.fetching.fetcher import Fetcher
    from indexer.fetching.ledger import Ledger
    from indexer.progress import Progress
    from indexer.store.store import Store

_BATCH = 32  # images per call of the encoder
_COMMIT = 4  # batches between two commits
_COMMIT_S = 5.0  # between two commits while pictures are fetched: a slow host fills no batch
_FETCHED_AHEAD = 128  # items whose images are fetched ahead of the encoder


class ReadItem(NamedTuple):
    """An item of a catalog and its images, in order; None for an image that cannot be read.

    ``unread`` are the fields that the catalog has but that could not be read.
    """

    item: Item
    images: list[FoundImage | None]
    unread: frozenset[str] = frozenset()


class EmbeddedCatalog(msgspec.Struct):
    """The items of a catalog whose images are embedded.

    ``skipped`` are rows and images that could not be read. ``encoded`` and ``reused`` count images.
    ``seconds`` are by stage; ``decode`` is the sum of all its threads.
    """

    read: list[ReadItem] = []
    skipped: list[Skipped] = []
    encoded: int = 0
    reused: int = 0
    seconds: dict[str, float] = {}


def embed_catalog(
    catalog: Catalog,
    store: Store,
    encoder: Encoder,
    *,
    total: int,
    skipped: list[Skipped],
    limits: ImageLimits,
    progress: Progress,
    render: Render | None = None,
    write: bool = True,
    fetcher: Fetcher | None = None,
    ledger: Ledger | None = None,
    ray: str | None = None,
) -> EmbeddedCatalog:
    """Store the embeddings of all images of ``catalog``.

    Items are returned, not stored: one later transaction stores all of them. ``total`` is the
    number of images, for ``progress``. ``skipped`` are the rows that a scan skipped. ``render``
    adds renditions to every image. Without ``write``, images are read and decoded, and ``encoded``
    counts those that would be encoded. With ``fetcher``, images behind URLs are fetched; ``ledger``
    notes what is known of them. With ``ray``, ``local`` or the address of a Ray cluster, images
    are decoded and encoded there, and files are read there. Raises BadEncoder, StoreFull,
    WorkersLost.
    """
    images = ImagePipeline(store, encoder, limits, render=render, rereadable=True)
    folder = ImageFolder(catalog.root)
    remote = None
    if ray is not None and write:
        copied = images.copies_files or fetcher is not None
        remote = _remote_images(ray, store, images, encoder, folder, limits, copied=copied)
    urls = None if fetcher is None else UrlImages(images, fetcher, ledger, remote)
    try:
        run = _EmbeddingRun(catalog, folder, store, images, skipped, limits, write, urls, remote)
        return run.run(total, progress)
    finally:
        if remote is not None:
            remote.close()


def _remote_images(
    address: str,
    store: Store,
    images: ImagePipeline,
    encoder: Encoder,
    folder: ImageFolder,
    limits: ImageLimits,
    *,
    copied: bool,
) -> RemoteImages:
    """Start workers on a Ray cluster, which skip what the store has; see ``known_contents``."""
    model = Model.of(encoder)
    with store.read() as reader:
        known = known_contents(reader, model.key, copied=copied)
    order = work_order(model, folder, limits, keep_originals=images.keeps_originals)
    return RemoteImages(RayWorkers(address, order, known))


class _EmbeddingRun:
    """One pass over a catalog; ``run`` is called once."""

    def __init__(
        self,
        catalog: Catalog,
        folder: ImageFolder,
        store: Store,
        images: ImagePipeline,
        skipped: list[Skipped],
        limits: ImageLimits,
        write: bool,
        urls: UrlImages | None,
        remote: RemoteImages | None = None,
    ) -> None:
        self._catalog = catalog
        self._folder = folder
        self._store = store
        self._limits = limits
        self._images = images
        self._write = write
        self._urls = urls
        self._remote = remote
        self._stopwatch = Stopwatch()
        self._result = EmbeddedCatalog(
            read=[], skipped=list(skipped), seconds=self._stopwatch.seconds
        )
        self._waiting: list[Prepared] = []
        self._encoded: list[tuple[Prepared, Embedded]] = []
        self._committed = time.monotonic()

    def run(self, total: int, progress: Progress) -> EmbeddedCatalog:
        """See ``embed_catalog``."""
        workers = THREADS.count
        max_ahead = _BATCH + 2 * workers if self._urls is None else _FETCHED_AHEAD
        if self._remote is not None:
            max_ahead = max(max_ahead, self._remote.items_ahead)
        ahead: deque[tuple[Entry, list[tuple[str, Future[Prepared]]]]] = deque()
        done = 0
        try:
            with ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool:
                try:
                    for entry in self._entries():
                        paths = entry.item.images
                        jobs = [(path, self._submit(pool, path)) for path in paths]
                        ahead.append((entry, jobs))
                        if len(ahead) > max_ahead:
                            done += self._collect(*ahead.popleft())
                            progress("encode", done, total, len(self._result.skipped))
                    while ahead:
                        done += self._collect(*ahead.popleft())
                        progress("encode", done, total, len(self._result.skipped))
                except BaseException:
                    pool.shutdown(wait=False, cancel_futures=True)
                    self._commit()  # at once, because the process may be killed before they end
                    raise
            self._encode()
            if self._remote is not None:
                self._stopwatch.add("decode", self._remote.decode_s)
                self._stopwatch.add("encode", self._remote.encode_s)
        finally:
            # Also when interrupted, so that no finished embedding is lost.
            self._commit()
        return self._result

    def _entries(self) -> Iterator[Entry]:
        for entry in self._catalog:
            if isinstance(entry, Entry):
                yield entry

    def _submit(self, pool: ThreadPoolExecutor, path: str) -> Future[Prepared]:
        if self._urls is not None and is_url(path):
            return self._urls.submit(pool, path)
        if self._remote is not None:
            return self._remote.submit(path)
        return pool.submit(self._read, path)

    def _read(self, path: str) -> Prepared:
        """Read and decode an image; runs in a decoding thread."""
        with self._stopwatch.timed("decode"):
            data = self._folder.read(path, self._limits)
            return self._images.prepare(path, data)

    def _collect(self, entry: Entry, jobs: list[tuple[str, Future[Prepared]]]) -> int:
        """Collect the decoded images of an item, in order; return how many it has."""
        item, where = entry.item, entry.where
        images: list[FoundImage | None] = []
        if self._remote is not None and not all(job.done() for _, job in jobs):
            self._remote.flush()
        for path, job in jobs:
            try:
                prepared = job.result()
                new = self._images.claim(prepared)
            except BadImage as error:
                self._result.skipped.append(Skipped(item.item_id, str(error), path, where))
                images.append(None)
                continue
            images.append(prepared.image)
            if not new:
                self._result.reused += 1
                continue
            if not self._write:
                self._images.release(prepared)
                self._result.encoded += 1
                continue
            self._waiting.append(prepared)
            if len(self._waiting) >= _BATCH:
                self._encode()
            if len(self._encoded) >= _BATCH * _COMMIT:
                self._commit()
        if self._urls is not None and time.monotonic() - self._committed >= _COMMIT_S:
            self._encode()
            self._commit()
        self._result.read.append(ReadItem(item, images, entry.unread))
        if not any(images):
            why = "no image that can be read" if jobs else "no image"
            self._result.skipped.append(Skipped(item.item_id, why, where=where))
        return len(jobs)

    def _encode(self) -> None:
        if not self._waiting:
            return
        with self._stopwatch.timed("encode"):
            # Vectors are checked before they are stored, because stored ones are never recomputed.
            if self._remote is None:
                self._encoded.extend(self._images.encode(self._waiting))
            else:
                self._encoded.extend(
                    (prepared, self._encode_one(prepared)) for prepared in self._waiting
                )
            self._result.encoded += len(self._waiting)
            self._waiting.clear()

    def _encode_one(self, prepared: Prepared) -> Embedded:
        """Return the embedding of an image that a worker, or this process, has prepared."""
        if self._remote is not None and self._remote.has(prepared):
            self._images.release(prepared)
            return self._remote.embedded(prepared)
        return self._images.encode([prepared])[0][1]

    def _commit(self) -> None:
        if self._encoded:
            with self._stopwatch.timed("write"), self._store.write() as writer:
                for prepared, embedded in self._encoded:
                    self._images.put(writer, prepared, embedded)
            self._encoded.clear()
        if self._urls is not None and self._write:
            self._urls.commit()
        self._committed = time.monotonic()
