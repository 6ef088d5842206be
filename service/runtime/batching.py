"""Decodes photos of many requests in parallel, and encodes them in batches."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from indexer.errors import Overloaded
from indexer.imaging.images import LIMITS, WHOLE, Box, ImageLimits
from indexer.imaging.photos import Photo, SharedPhotos
from search.opening import index_encoder
from service.runtime.tracing import current_trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.arrays import Embedding, Pixels, Vectors
    from indexer.encoders.base import Encoder
    from service.runtime.tracing import Trace
    from service.runtime.workers import Workers


_MARGIN = 0.75  # of the deadline: a photo that would wait longer is refused on arrival


class BatchLimits(NamedTuple):
    """Limits on the photos of a batch and of the queue, and on waiting times."""

    size: int = 16
    wait_s: float = 0.0  # how long an idle encoder waits for more photos
    queue: int = 64
    deadline_s: float = 2.0  # longest wait of a photo before its batch begins


class PhotoObserver(Protocol):
    """Records what happens to photos. Thread-safe."""

    def batch(self, photos: int) -> None:
        """Count a batch of so many photos."""
        ...

    def stage(self, stage: str, seconds: float) -> None:
        """Record how long a photo was in the stage decode, queue or encode."""
        ...


class _Unobserved:
    def batch(self, photos: int) -> None: ...

    def stage(self, stage: str, seconds: float) -> None: ...


@dataclass(slots=True)
class _Job:
    pixels: Pixels
    result: Future[Embedding]
    trace: Trace | None
    decoded: float  # in time.monotonic
    deadline: float  # in time.monotonic, which is the event loop's clock


class PhotoBatcher:
    """Encodes the photos of many requests.

    The threads of ``decoders`` decode photos at the encoder's size. Another thread encodes: when
    it becomes free, all photos that are decoded form its next batch. So an idle service answers
    without delay, and a busy one gets large batches. The event loop, which may be busy, is not
    needed between decoding and encoding. A photo that cannot be decoded, or whose caller is
    canceled, does not affect the others.
    """

    def __init__(
        self,
        encoder: Encoder,
        decoders: Workers,
        *,
        limits: BatchLimits | None = None,
        images: ImageLimits = LIMITS,
        observer: PhotoObserver | None = None,
    ) -> None:
        self._encoder = encoder
        self._writing = index_encoder(encoder)
        self._decoders = decoders
        self._limits = limits or BatchLimits()
        self._images = images
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="vitrine-encode")
        self._lock = threading.Lock()  # for the three attributes below
        self._ready: deque[_Job] = deque()
        self._scheduled = False  # a batch runs, or is next in the thread's queue
        self._closing = False
        self._freed_at = 0.0  # when the last batch ended; 0 if no more photos waited then
        self._pace_s = 0.0  # seconds per photo, measured while photos waited
        self._observer = observer or _Unobserved()
        self._inside = 0

    def photos(self) -> SharedPhotos:
        """Return the empty photos of one query, for ``embed``: the same bytes are decoded once."""
        return SharedPhotos(self._images)

    async def embed(self, photo: bytes | Photo, box: Box = WHOLE) -> Embedding:
        """Return the embedding (dim,) of the region ``box`` of an encoded photo.

        Raises BadImage as ``decode`` does, and Overloaded if too many photos wait, or if this one
        would miss its deadline or has missed it.
        """
        if isinstance(photo, bytes):
            photo = Photo(photo, self._images)
        (vector,) = await self.embed_boxes(photo, [box])
        return vector

    async def embed_boxes(self, photo: Photo, boxes: Sequence[Box]) -> list[Embedding]:
        """Return the embeddings (dim,) of several regions of a photo, encoded together.

        Raises as ``embed`` does, also if there is no room for all of them.
        """
        if not boxes:
            return []
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._limits.deadline_s
        if (reason := self.refusal(len(boxes) - 1)) is not None:
            raise Overloaded(reason)
        results: list[Future[Embedding]] = [Future() for _ in boxes]
        late = False

        def give_up() -> None:
            nonlocal late
            for result in results:
                late = result.cancel() or late

        self._inside += len(boxes)
        alarm = loop.call_at(deadline, give_up)
        decoding: Future[None] | None = None
        try:
            decoding = self._decoders.submit(
                lambda: self._prepare(photo, boxes, results, deadline), deadline=deadline
            )
            decoding.add_done_callback(lambda done: _pass_on(done, results))
            return [await asyncio.wrap_future(result) for result in results]
        except asyncio.CancelledError:
            if late:
                raise self._late() from None
            raise
        finally:
            alarm.cancel()
            if decoding is not None:
                decoding.cancel()
            for result in results:  # if one failed, the others need not be encoded
                result.cancel()
            self._inside -= len(boxes)

    def refusal(self, more: int = 0) -> str | None:
        """Return why another photo would be refused, or None. ``more`` photos are arriving."""
        inside = self._inside + more
        if inside >= self._limits.queue:
            return f"{inside} photos wait already; try again in a moment"
        # Refusing early is better than admitting a photo that will time out.
        if inside * self._pace_s > _MARGIN * self._limits.deadline_s:
            return (
                f"{inside} photos wait, which takes about {inside * self._pace_s:.1f} s; "
                "try again in a moment"
            )
        return None

    def encode(self, pixels: Sequence[Pixels]) -> Vectors:
        """Encode images of a write in the encoder's thread, between two batches.

        Pixels have the size of the index's encoder. Blocks, so call it from a thread.
        """
        return self._thread.submit(self._writing.encode_images, pixels).result()

    async def close(self) -> None:
        """Stop after the running batch. Callers that still wait get Overloaded."""
        with self._lock:
            self._closing = True
            left = list(self._ready)
            self._ready.clear()
        for job in left:
            if job.result.set_running_or_notify_cancel():
                job.result.set_exception(_closed())
        await asyncio.to_thread(self._thread.shutdown)

    @property
    def waiting(self) -> int:
        """The number of photos between their arrival and their embedding."""
        return self._inside

    def _late(self) -> Overloaded:
        waited = f"the photo waited more than {self._limits.deadline_s:g} s"
        return Overloaded(f"{waited}; try again in a moment")

    def _prepare(
        self,
        photo: Photo,
        boxes: Sequence[Box],
        results: Sequence[Future[Embedding]],
        deadline: float,
    ) -> None:
        """Decode a photo, and queue its regions for encoding. Runs in a thread of ``decoders``."""
        trace, began = current_trace(), time.monotonic()
        if any(result.cancelled() for result in results):
            return
        squares = photo.squares(self._encoder.preprocess, boxes)
        decoded = time.monotonic()
        jobs = [
            _Job(square, result, trace, decoded, deadline)
            for square, result in zip(squares, results, strict=True)
        ]
        self._observer.stage("decode", decoded - began)
        if trace is not None:
            trace.stage("decode", began, decoded)
        with self._lock:
            if self._closing:
                raise _closed()
            self._ready.extend(jobs)
            if self._scheduled:
                return
            self._scheduled = True
            # An idle encoder starts with one photo, unless the settings make it wait for more. This
            # holds the lock, because `close` must not shut the thread down before the submit.
            first = self._limits.size if self._limits.wait_s else len(jobs)
            self._thread.submit(self._encode_ready, min(first, self._limits.size))

    def _encode_ready(self, most: int) -> None:
        """Encode the photos that are ready as one batch, then queue the next one behind writes."""
        if self._limits.wait_s and len(self._ready) < most:
            time.sleep(self._limits.wait_s)
        batch = self._take(most)
        if batch:
            self._encode(batch)
            now = time.monotonic()
            if self._freed_at:
                pace = (now - self._freed_at) / len(batch)
                self._pace_s = 0.9 * self._pace_s + 0.1 * pace if self._pace_s else pace
            self._freed_at = now if self._inside > len(batch) else 0.0
            self._observer.batch(len(batch))
        with self._lock:
            self._scheduled = bool(self._ready) and not self._closing
            if self._scheduled:
                self._thread.submit(self._encode_ready, self._limits.size)

    def _take(self, most: int) -> list[_Job]:
        """Return the next batch in order of arrival, without photos whose callers are canceled."""
        batch: list[_Job] = []
        while len(batch) < most:
            with self._lock:
                if not self._ready:
                    break
                job = self._ready.popleft()
            if not job.result.set_running_or_notify_cancel():
                continue
            if time.monotonic() > job.deadline:
                job.result.set_exception(self._late())
            else:
                batch.append(job)
        return batch

    def _encode(self, batch: list[_Job]) -> None:
        began = time.monotonic()
        try:
            vectors = self._vectors([job.pixels for job in batch])  # (n, dim)
        except Exception as error:  # noqa: BLE001 - passed to the callers
            if len(batch) > 1:
                for job in batch:
                    self._encode([job])
            else:
                batch[0].result.set_exception(error)
            return
        ended = time.monotonic()
        for job, vector in zip(batch, vectors, strict=True):
            self._observer.stage("queue", began - job.decoded)
            self._observer.stage("encode", ended - began)
            if job.trace is not None:
                job.trace.stage("queue", job.decoded, began)
                job.trace.stage("encode", began, ended)
            job.result.set_result(vector)

    def _vectors(self, pixels: list[Pixels]) -> Vectors:
        vectors = self._encoder.encode_images(pixels)
        if len(vectors) != len(pixels):
            raise RuntimeError(
                f"the encoder returned {len(vectors)} vectors for {len(pixels)} photos"
            )
        return vectors


def _pass_on(decoding: Future[None], results: Sequence[Future[Embedding]]) -> None:
    """Fail or cancel the embeddings that a caller awaits, if decoding failed or was canceled."""
    for result in results:
        if decoding.cancelled():
            result.cancel()
        elif (error := decoding.exception()) and result.set_running_or_notify_cancel():
            result.set_exception(error)


def _closed() -> Overloaded:
    return Overloaded("the service is closing; try again")
