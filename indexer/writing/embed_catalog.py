"""From a catalog's images to embeddings in the store: read, decode, encode, write, in step.

Decoding runs in threads beside the encoder; results keep the catalog's order. What is
already in the store (by content) is not encoded again, and what was encoded is committed
every few batches, so an interrupted run loses seconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from indexer.catalog.sources import Catalog
from indexer.errors import BadImage
from indexer.imaging.imagepath import image_path
from indexer.imaging.images import ImageLimits, read_image_file
from indexer.items import Item, Skipped
from indexer.stopwatch import Stopwatch
from indexer.threads import THREADS
from indexer.writing.image_pipeline import Embedded, ImagePipeline, Prepared, Render
from indexer.writing.merge import FoundImage

if TYPE_CHECKING:
    from indexer.encoders.base import Encoder
    from indexer.progress import Progress
    from indexer.store.store import Store

_BATCH = 32  # images an encoder gets at once
_COMMIT = 4  # batches between two commits


class ReadItem(NamedTuple):
    """An item of a catalog, and its images in order: None for each that cannot be read."""

    item: Item
    images: list[FoundImage | None]


class Ingested(msgspec.Struct):
    """What an ingest did. ``seconds`` adds up by stage; decoding counts all its threads."""

    read: list[ReadItem] = []
    skipped: list[Skipped] = []
    encoded: int = 0
    reused: int = 0
    seconds: dict[str, float] = {}


def ingest(
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
) -> Ingested:
    """Bring the embeddings of all images of ``catalog`` into the store.

    Items are only reported (``read``), not stored: the catalog in the store changes in one
    transaction afterwards. ``total`` is the number of images, for ``progress``; ``skipped`` are the
    rows that a scan found to be no items. ``render`` adds renditions to every image. Without
    ``write`` images are read and decoded only, and those counted that would be encoded.
    """
    images = ImagePipeline(store, encoder, limits, render=render, root=catalog.root)
    return _Ingest(catalog, store, images, skipped, limits, write).run(total, progress)


class _Ingest:
    def __init__(
        self,
        catalog: Catalog,
        store: Store,
        images: ImagePipeline,
        skipped: list[Skipped],
        limits: ImageLimits,
        write: bool,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._limits = limits
        self._images = images
        self._write = write
        self._stopwatch = Stopwatch()
        self._result = Ingested(read=[], skipped=list(skipped), seconds=self._stopwatch.seconds)
        self._waiting: list[Prepared] = []
        self._encoded: list[tuple[Prepared, Embedded]] = []

    def run(self, total: int, progress: Progress) -> Ingested:
        """See ``ingest``."""
        workers = THREADS.count
        ahead: deque[tuple[Item, str, list[tuple[str, Future[Prepared]]]]] = deque()
        done = 0
        try:
            with ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool:
                try:
                    for item, where in self._items():
                        jobs = [(path, pool.submit(self._read, path)) for path in item.images]
                        ahead.append((item, where, jobs))
                        if len(ahead) > _BATCH + 2 * workers:
                            done += self._take(*ahead.popleft())
                            progress("encode", done, total, len(self._result.skipped))
                    while ahead:
                        done += self._take(*ahead.popleft())
                        progress("encode", done, total, len(self._result.skipped))
                except BaseException:
                    pool.shutdown(wait=False, cancel_futures=True)
                    self._commit()  # before the decoders end, which may take longer than we have
                    raise
            self._encode()
        finally:
            # Also when interrupted: what has been encoded is worth keeping.
            self._commit()
        return self._result

    def _items(self) -> Iterator[tuple[Item, str]]:
        for entry in self._catalog:
            if not isinstance(entry, Skipped):
                yield entry.item, entry.where

    def _read(self, path: str) -> Prepared:
        """In a decoding thread: an image, ready to be encoded if that is needed."""
        with self._stopwatch.timed("decode"):
            data = read_image_file(image_path(self._catalog.root, path), self._limits)
            return self._images.prepare(path, data)

    def _take(self, item: Item, where: str, jobs: list[tuple[str, Future[Prepared]]]) -> int:
        """Take an item's images as they come out of the threads, in order; how many it had."""
        images: list[FoundImage | None] = []
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
                self._images.let_go(prepared)
                self._result.encoded += 1
                continue
            self._waiting.append(prepared)
            if len(self._waiting) >= _BATCH:
                self._encode()
            if len(self._encoded) >= _BATCH * _COMMIT:
                self._commit()
        self._result.read.append(ReadItem(item, images))
        if not any(images):
            why = "no image that can be read" if jobs else "no image"
            self._result.skipped.append(Skipped(item.item_id, why, where=where))
        return len(jobs)

    def _encode(self) -> None:
        if not self._waiting:
            return
        with self._stopwatch.timed("encode"):
            # Checked before they are stored: what is in the store is not encoded again.
            self._encoded.extend(self._images.encode(self._waiting))
            self._result.encoded += len(self._waiting)
            self._waiting.clear()

    def _commit(self) -> None:
        if not self._encoded:
            return
        with self._stopwatch.timed("write"), self._store.write() as writer:
            for prepared, embedded in self._encoded:
                self._images.put(writer, prepared, embedded)
        self._encoded.clear()
