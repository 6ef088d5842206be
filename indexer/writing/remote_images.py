"""Hands the images of a catalog to workers in batches, and takes the results in order.

The store stays with the process that runs the build, its only writer. A batch that a worker did
not finish is repeated by another one; nothing else is lost.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, NamedTuple, Protocol

from indexer.errors import BadImage
from indexer.imaging.decodebudget import BUDGET
from indexer.items import ORIGINAL
from indexer.store.records import PictureKey
from indexer.writing.image_pipeline import Decoded, Embedded, Prepared
from indexer.writing.merge import FoundImage
from indexer.writing.remote_worker import SentImage, WorkedBatch, WorkedImage, WorkOrder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.encoders.base import Model
    from indexer.imaging.imagefolder import ImageFolder
    from indexer.imaging.images import ImageLimits
    from indexer.store.transactions import Reader

BATCH = 32  # images
_WAITING = 2  # batches sent to each worker, so that it never waits for the next one


class Workers(Protocol):
    """Several workers of ``RemoteWorker`` in other processes."""

    @property
    def count(self) -> int:
        """The number of workers."""
        ...

    def embed(self, worker: int, images: Sequence[SentImage]) -> Future[WorkedBatch]:
        """Work on a batch; another worker does if this one dies. The future may raise an error."""
        ...

    def close(self) -> None:
        """Stop the workers."""
        ...


class _Job(NamedTuple):
    """An image for a worker, and where its result goes."""

    image: SentImage
    result: Future[Prepared]


class RemoteImages:
    """Prepares the images of one run on workers. All methods but ``send`` are for one thread."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._collecting: list[_Job] = []
        self._unsent: deque[list[_Job]] = deque()
        self._fetched: deque[_Job] = deque()  # sent as soon as a worker has room
        self._sent = [0] * workers.count
        self._embeddings: dict[bytes, bytes] = {}
        self._lock = threading.Lock()
        self.decode_s = self.encode_s = 0.0

    @property
    def items_ahead(self) -> int:
        """How many items to submit before waiting for the first: enough for all workers."""
        return BATCH * (_WAITING + 1) * self._workers.count

    def submit(self, path: str) -> Future[Prepared]:
        """Queue an image, and send its batch when that is full. The future may raise BadImage."""
        job = _Job(SentImage(path), Future())
        self._collecting.append(job)
        if len(self._collecting) >= BATCH:
            self.flush()
        return job.result

    def send(self, url: str, data: bytes) -> Future[Prepared]:
        """Send an image that was fetched, with those that wait too, to a worker that has room."""
        job = _Job(SentImage(url, data), Future())
        with self._lock:
            self._fetched.append(job)
        self._send()
        return job.result

    def flush(self) -> None:
        """Send the batch that is not full yet; call this before waiting for one of its futures."""
        if self._collecting:
            with self._lock:
                self._unsent.append(self._collecting)
            self._collecting = []
        self._send()

    def has(self, prepared: Prepared) -> bool:
        """Return True if a worker has embedded an image."""
        with self._lock:
            return prepared.image.content in self._embeddings

    def embedded(self, prepared: Prepared) -> Embedded:
        """Return the embedding of a claimed image, once."""
        with self._lock:
            return {ORIGINAL: self._embeddings.pop(prepared.image.content)}

    def close(self) -> None:
        """Drop all batches, and stop the workers."""
        with self._lock:
            self._unsent.clear()
            self._fetched.clear()
        self._workers.close()

    def _send(self) -> None:
        """Send waiting batches to the workers that have the fewest."""
        while True:
            with self._lock:
                worker = min(range(len(self._sent)), key=self._sent.__getitem__)
                batch = self._next_batch() if self._sent[worker] < _WAITING else []
                if not batch:
                    return
                self._sent[worker] += 1
            done = self._workers.embed(worker, [job.image for job in batch])
            done.add_done_callback(
                lambda future, batch=batch, worker=worker: self._receive(  # type: ignore[misc]
                    future, batch, worker
                )
            )

    def _next_batch(self) -> list[_Job]:
        """Return what to send next, [] if nothing waits. The caller holds the lock."""
        if self._unsent:
            return self._unsent.popleft()
        return [self._fetched.popleft() for _ in range(min(BATCH, len(self._fetched)))]

    def _receive(self, future: Future[WorkedBatch], batch: list[_Job], worker: int) -> None:
        """Resolve the futures of a batch; runs in a thread of the workers."""
        with self._lock:
            self._sent[worker] -= 1
        if future.cancelled():
            return
        if error := future.exception():
            for job in batch:
                job.result.set_exception(error)
            return
        done = future.result()
        with self._lock:
            self.decode_s += done.decode_s
            self.encode_s += done.encode_s
            for image in done.images:
                if image.embedding:
                    self._embeddings[image.content] = image.embedding
        for job, image in zip(batch, done.images, strict=True):
            if image.refusal:
                job.result.set_exception(BadImage(image.refusal))
            else:
                job.result.set_result(_prepared(job.image.path, image))
        self._send()


def work_order(
    model: Model, folder: ImageFolder, limits: ImageLimits, *, keep_originals: bool
) -> WorkOrder:
    """Return what the workers of a run need."""
    return WorkOrder(model, str(folder), limits, keep_originals, BUDGET.megabytes)


def known_contents(reader: Reader, key: bytes, *, copied: bool) -> bytes:
    """Return the sorted content hashes of the originals that this encoder has embedded.

    With ``copied``, only of those that have a display copy too. ``key`` is the store's key of the
    encoder's model.
    """
    contents = sorted(
        picture.content
        for picture in reader.embedded_pictures(key)
        if picture.rendition == ORIGINAL
        and reader.has_embedding(key, picture)
        and (not copied or reader.holds("images", PictureKey(picture.content)))
    )
    return b"".join(contents)


def _prepared(path: str, image: WorkedImage) -> Prepared:
    decoded: Future[Decoded | None] = Future()
    is_new = bool(image.embedding and image.display)
    displays = {ORIGINAL: image.display}
    decoded.set_result(Decoded({}, displays, image.original) if is_new else None)
    return Prepared(FoundImage(path, image.content, image.width, image.height), decoded)
