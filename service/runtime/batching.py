"""Photos of many requests, decoded side by side and encoded together."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from indexer.errors import Overloaded
from indexer.imaging.images import LIMITS, WHOLE, Box, ImageLimits
from indexer.imaging.photos import Photo, SharedPhotos
from search.opening import index_encoder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from indexer.arrays import Embedding, Pixels, Vectors
    from indexer.encoders.base import Encoder
    from service.runtime.workers import Workers


_MARGIN = 0.75


class BatchLimits(NamedTuple):
    """Most photos in a batch and in the queue; seconds to wait for more photos, and for a turn."""

    size: int = 16
    wait_s: float = 0.0
    queue: int = 64
    deadline_s: float = 2.0


@dataclass(slots=True)
class _Job:
    pixels: Pixels
    result: Future[Embedding]
    deadline: float  # of time.monotonic, as the event loop's clock


class PhotoBatcher:
    """Turns the bytes of photos into embeddings, for many requests at once.

    Photos are decoded in ``decoders``, already at the encoder's size. One more thread encodes:
    whatever is ready when it becomes free is one batch, so an idle service answers at once and
    a busy one fills its batches by itself. A photo goes from thread to thread by itself: the
    event loop, which may be busy with refusals, only learns of its end. A broken photo, and a
    caller that is cancelled, harm nobody else.
    """

    def __init__(
        self,
        encoder: Encoder,
        decoders: Workers,
        *,
        limits: BatchLimits | None = None,
        images: ImageLimits = LIMITS,
        observe: Callable[[int], None] = lambda _: None,
    ) -> None:
        """``observe`` is called with the size of each batch."""
        self._encoder = encoder
        self._writing = index_encoder(encoder)
        self._decoders = decoders
        self._limits = limits or BatchLimits()
        self._images = images
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="vitrine-encode")
        self._lock = threading.Lock()  # of what follows, but for _inside
        self._ready: deque[_Job] = deque()
        self._scheduled = False  # a batch is running, or next in the thread's queue
        self._closing = False
        self._freed_at = 0.0  # when the last batch ended, if more photos were on their way then
        self._pace_s = 0.0  # measured seconds per photo while there was a backlog
        self._observe = observe
        self._inside = 0

    def photos(self) -> SharedPhotos:
        """Return the empty photos of one query, for ``embed``: the same bytes are decoded once."""
        return SharedPhotos(self._images)

    async def embed(self, photo: bytes | Photo, box: Box = WHOLE) -> Embedding:
        """Return the embedding (dim,) of the region ``box`` of an encoded photo.

        Raises BadImage as ``decode`` does, and Overloaded when too many photos wait, or this one
        would wait (or has waited) past the deadline.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._limits.deadline_s
        if (reason := self.refusal()) is not None:
            raise Overloaded(reason)
        if isinstance(photo, bytes):
            photo = Photo(photo, self._images)
        opened = photo
        result: Future[Embedding] = Future()
        late = False

        def give_up() -> None:
            nonlocal late
            late = result.cancel()

        self._inside += 1
        alarm = loop.call_at(deadline, give_up)
        decoding: Future[None] | None = None
        try:
            decoding = self._decoders.submit(
                lambda: self._prepare(opened, box, result, deadline), deadline=deadline
            )
            decoding.add_done_callback(lambda done: _pass_on(done, result))
            return await asyncio.wrap_future(result)
        except asyncio.CancelledError:
            if late:
                raise self._late() from None
            raise
        finally:
            alarm.cancel()
            if decoding is not None:
                decoding.cancel()
            self._inside -= 1

    def refusal(self, more: int = 0) -> str | None:
        """Return why another photo would be refused, or None; ``more`` photos are on their way."""
        inside = self._inside + more
        if inside >= self._limits.queue:
            return f"{inside} photos wait already; try again in a moment"
        # With a margin: refusing early is better than admitting a photo that will time out.
        if inside * self._pace_s > _MARGIN * self._limits.deadline_s:
            return (
                f"{inside} photos wait, which takes about {inside * self._pace_s:.1f} s; "
                "try again in a moment"
            )
        return None

    def encode(self, pixels: Sequence[Pixels]) -> Vectors:
        """Encode images in the encoder's own thread, between two batches: for writers.

        Blocks: call it from a thread. Pixels are as the index's encoder wants them.
        """
        return self._thread.submit(self._writing.encode_images, pixels).result()

    async def close(self) -> None:
        """Stop after the running batch; callers that still wait get Overloaded."""
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

    def _prepare(self, photo: Photo, box: Box, result: Future[Embedding], deadline: float) -> None:
        """Decode a photo and queue it for encoding: what a decoder's thread does."""
        if result.cancelled():
            return
        pixels = photo.fit(self._encoder.preprocess, box=box).square  # (size, size, 3)
        with self._lock:
            if self._closing:
                raise _closed()
            self._ready.append(_Job(pixels, result, deadline))
            if self._scheduled:
                return
            self._scheduled = True
            # An idle encoder starts with the first photo alone, unless it is told to wait. Within
            # the lock, as `close` must not shut the thread down in between.
            self._thread.submit(self._encode_ready, self._limits.size if self._limits.wait_s else 1)

    def _encode_ready(self, most: int) -> None:
        """Encode what is ready as one batch; further ones wait behind what writers asked for."""
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
            self._observe(len(batch))
        with self._lock:
            self._scheduled = bool(self._ready) and not self._closing
            if self._scheduled:
                self._thread.submit(self._encode_ready, self._limits.size)

    def _take(self, most: int) -> list[_Job]:
        """Return the next batch, in order of arrival; drop photos whose caller is gone."""
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
        try:
            vectors = self._vectors([job.pixels for job in batch])  # (n, dim)
        except Exception as error:  # noqa: BLE001 - an encoder may raise anything; callers get it
            if len(batch) > 1:
                for job in batch:
                    self._encode([job])
            else:
                batch[0].result.set_exception(error)
            return
        for job, vector in zip(batch, vectors, strict=True):
            job.result.set_result(vector)

    def _vectors(self, pixels: list[Pixels]) -> Vectors:
        vectors = self._encoder.encode_images(pixels)
        if len(vectors) != len(pixels):
            raise RuntimeError(f"the encoder gave {len(vectors)} vectors for {len(pixels)} photos")
        return vectors


def _pass_on(decoding: Future[None], result: Future[Embedding]) -> None:
    """Pass the failure to decode a photo on to the caller that waits for its embedding."""
    if decoding.cancelled():
        result.cancel()
    elif (error := decoding.exception()) and result.set_running_or_notify_cancel():
        result.set_exception(error)


def _closed() -> Overloaded:
    return Overloaded("the service is closing; try again")
