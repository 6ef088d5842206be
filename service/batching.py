"""Photos of many requests, decoded side by side and encoded together."""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from indexer.errors import Overloaded
from indexer.images import LIMITS, WHOLE, Box, ImageLimits
from indexer.photos import read_photo
from search.opening import index_encoder
from service.workers import settled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from indexer.arrays import Embedding, Pixels, Vectors
    from indexer.encoders.base import Encoder
    from service.workers import Workers


_MARGIN = 0.75


class BatchLimits(NamedTuple):
    """Most photos in one batch and in the queue; how long to wait for company, and for a turn."""

    size: int = 16
    wait_s: float = 0.0
    queue: int = 64
    deadline_s: float = 2.0


@dataclass(slots=True)
class _Job:
    pixels: Pixels
    result: asyncio.Future[Embedding]
    started: bool = False


class PhotoBatcher:
    """From the bytes of a photo to its embedding, for many requests at once.

    Photos are decoded in ``decoders``, already at the encoder's size. One more thread encodes:
    whatever is ready when it becomes free is one batch, so an idle service answers at once and
    a busy one fills its batches by itself. A broken photo, and a caller that is cancelled, harm
    nobody else.
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
        """``observe`` is told the size of each batch."""
        self._encoder = encoder
        self._writing = index_encoder(encoder)
        self._decoders = decoders
        self._limits = limits or BatchLimits()
        self._images = images
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="vitrine-encode")
        self._ready: deque[_Job] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._observe = observe
        self._inside = 0
        self._pace_s = 0.0  # measured seconds per photo while there was a backlog

    async def embed(self, photo: bytes, box: Box = WHOLE) -> Embedding:
        """The embedding (dim,) of the region ``box`` of an encoded photo.

        Raises BadImage as ``indexer.images.decode`` does, and Overloaded when too many photos
        wait, or this one would wait (or has waited) past the deadline.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._limits.deadline_s
        self._refuse_if_full()
        if self._task is None and not self._closing:
            self._task = loop.create_task(self._encode_forever())
        self._inside += 1
        try:
            pixels = await self._decoders.run(lambda: self._decode(photo, box), deadline=deadline)
            if self._closing:
                raise _closed()
            job = _Job(pixels, loop.create_future())
            self._ready.append(job)
            self._wake.set()
            alarm = loop.call_at(deadline, self._give_up, job)
            try:
                return await job.result
            finally:
                alarm.cancel()
        finally:
            self._inside -= 1

    def encode(self, pixels: Sequence[Pixels]) -> Vectors:
        """Encode images in the encoder's own thread, between two batches: for writers.

        Blocks: call it from a thread. Pixels are as the index's encoder wants them.
        """
        return self._thread.submit(self._writing.encode_images, pixels).result()

    async def close(self) -> None:
        """Stop after the running batch; callers that still wait get Overloaded."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait([self._task])
        while self._ready:
            job = self._ready.popleft()
            if not job.result.done():
                job.result.set_exception(_closed())
        self._thread.shutdown(wait=True)

    @property
    def waiting(self) -> int:
        """How many photos are between their arrival and their embedding."""
        return self._inside

    def _refuse_if_full(self) -> None:
        if self._inside >= self._limits.queue:
            raise Overloaded(f"{self._inside} photos wait already; try again in a moment")
        # With a margin, so that those who are let in are also served: who waits in vain until the
        # deadline has lost more time than who is refused at once.
        if self._inside * self._pace_s > _MARGIN * self._limits.deadline_s:
            raise Overloaded(
                f"{self._inside} photos wait, which takes about "
                f"{self._inside * self._pace_s:.1f} s; try again in a moment"
            )

    def _give_up(self, job: _Job) -> None:
        if not job.started and not job.result.done():
            waited = f"the photo waited more than {self._limits.deadline_s:g} s"
            job.result.set_exception(Overloaded(f"{waited}; try again in a moment"))

    def _decode(self, photo: bytes, box: Box) -> Pixels:
        preprocess = self._encoder.preprocess
        return read_photo(photo, preprocess, box=box, limits=self._images)  # (size, size, 3)

    async def _encode_forever(self) -> None:
        loop = asyncio.get_running_loop()
        freed_at = 0.0  # when the last batch ended, if more photos were on their way then
        while not self._closing:
            if not self._ready:
                self._wake.clear()
                await self._wake.wait()
                continue
            if self._limits.wait_s and len(self._ready) < self._limits.size:
                await asyncio.sleep(self._limits.wait_s)
            batch = self._take()
            if not batch:
                continue
            await self._encode(batch)
            now = loop.time()
            if freed_at:
                pace = (now - freed_at) / len(batch)
                self._pace_s = 0.9 * self._pace_s + 0.1 * pace if self._pace_s else pace
            self._observe(len(batch))
            freed_at = now if self._inside > len(batch) else 0.0

    def _take(self) -> list[_Job]:
        """The next batch, in the order the photos came; those nobody waits for are dropped."""
        batch: list[_Job] = []
        while self._ready and len(batch) < self._limits.size:
            job = self._ready.popleft()
            if not job.result.done():
                job.started = True
                batch.append(job)
        return batch

    async def _encode(self, batch: list[_Job]) -> None:
        try:
            vectors = await self._vectors([job.pixels for job in batch])  # (n, dim)
        except Exception as error:  # noqa: BLE001 - an encoder may raise anything; callers get it
            if len(batch) > 1:
                for job in batch:
                    await self._encode([job])
            elif not batch[0].result.done():
                batch[0].result.set_exception(error)
            return
        for job, vector in zip(batch, vectors, strict=True):
            if not job.result.done():
                job.result.set_result(vector)

    async def _vectors(self, pixels: list[Pixels]) -> Vectors:
        loop = asyncio.get_running_loop()
        encode = self._encoder.encode_images
        vectors = await settled(loop.run_in_executor(self._thread, encode, pixels))
        if len(vectors) != len(pixels):
            raise RuntimeError(f"the encoder gave {len(vectors)} vectors for {len(pixels)} photos")
        return vectors


def _closed() -> Overloaded:
    return Overloaded("the service is closing; try again")
