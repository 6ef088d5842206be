"""The batcher: batches fill under load, nobody harms a neighbor, nobody waits for ever."""

from __future__ import annotations

import asyncio
import contextlib
import io
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from indexer.errors import BadImage, Overloaded
from indexer.imaging.preprocess import Preprocess
from service.runtime.batching import BatchLimits, PhotoBatcher
from service.runtime.workers import Workers


class MeanEncoder:
    """The mean color of an image, unscaled; remembers the size of each batch it was given.

    It may be held back (``gate``), and it refuses batches with a purely black image.
    """

    id = "mean"
    dim = 3
    weights_hash = "0" * 64
    preprocess = Preprocess(size=8)

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.seconds = 0.0

    def encode_images(self, pixels):
        self.batches.append(len(pixels))
        assert self.gate.wait(120)
        time.sleep(self.seconds)
        vectors = np.array([one.reshape(-1, 3).mean(axis=0) for one in pixels], dtype=np.float32)
        if (vectors.max(axis=1) < 1).any():
            raise RuntimeError("black")
        return vectors


def gray(level: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (16, 16), (level, level, level)).save(out, "PNG")
    return out.getvalue()


@contextlib.asynccontextmanager
async def running(encoder, threads: int = 2, **limits):
    limits = BatchLimits(**{"queue": 100, "deadline_s": 60, **limits})
    decoders = Workers(threads, queue=limits.queue, deadline_s=limits.deadline_s, name="decoding")
    batcher = PhotoBatcher(encoder, decoders, limits=limits)
    try:
        yield batcher
    finally:
        encoder.gate.set()
        await batcher.close()
        decoders.close()


async def until(condition) -> None:
    """Wait for what must come to be; fail when it does not."""
    async with asyncio.timeout(120):
        while not condition():
            await asyncio.sleep(0.005)


def test_each_photo_gets_its_own_embedding_whatever_the_batch():
    async def scenario():
        encoder = MeanEncoder()
        encoder.gate.clear()
        async with running(encoder, size=8) as batcher:
            calls = [asyncio.ensure_future(batcher.embed(gray(level))) for level in range(10, 40)]
            await until(lambda: sum(encoder.batches) + len(batcher._ready) == 30)
            encoder.gate.set()
            vectors = await asyncio.gather(*calls)
        assert [round(float(v[0])) for v in vectors] == list(range(10, 40))
        assert encoder.batches[0] < 8  # the first did not wait for company
        assert max(encoder.batches) == 8  # those that came meanwhile went together
        assert sum(encoder.batches) == 30

    asyncio.run(scenario())


def test_an_idle_batcher_does_not_wait_for_company():
    async def scenario():
        encoder = MeanEncoder()
        async with running(encoder) as batcher:
            for level in (10, 20, 30):
                assert float((await batcher.embed(gray(level)))[0]) == level
        assert encoder.batches == [1, 1, 1]

    asyncio.run(scenario())


def test_a_batch_may_be_told_to_wait_for_company(monkeypatch):
    async def scenario():
        encoder = MeanEncoder()
        async with running(encoder, wait_s=1) as batcher:
            waits: list[float] = []

            def wait(seconds: float) -> None:
                waits.append(seconds)
                while len(batcher._ready) < 5:
                    time.sleep(0.005)

            clock = SimpleNamespace(sleep=wait, monotonic=time.monotonic)
            monkeypatch.setattr("service.runtime.batching.time", clock)
            await asyncio.gather(*(batcher.embed(gray(level)) for level in range(10, 15)))
        assert waits == [1]
        assert encoder.batches == [5]

    asyncio.run(scenario())


def test_one_bad_photo_in_a_batch_harms_nobody():
    async def scenario():
        encoder = MeanEncoder()
        encoder.gate.clear()
        async with running(encoder) as batcher:
            first = asyncio.ensure_future(batcher.embed(gray(99)))
            await until(lambda: encoder.batches == [1])  # it is busy; the next are one batch
            photos = [gray(10), b"not an image", gray(20), gray(0), gray(30)]
            calls = [asyncio.ensure_future(batcher.embed(photo)) for photo in photos]
            await until(lambda: len(batcher._ready) == 4)
            encoder.gate.set()
            results = await asyncio.gather(*calls, return_exceptions=True)
            await first
        assert [float(results[at][0]) for at in (0, 2, 4)] == [10, 20, 30]
        assert isinstance(results[1], BadImage)
        assert isinstance(results[3], RuntimeError)  # the encoder's, for the black one alone

    asyncio.run(scenario())


def test_a_full_queue_refuses_at_once():
    async def scenario():
        encoder = MeanEncoder()
        encoder.gate.clear()
        async with running(encoder, queue=4) as batcher:
            calls = [asyncio.ensure_future(batcher.embed(gray(50))) for _ in range(4)]
            await until(lambda: batcher._inside == 4)
            with pytest.raises(Overloaded, match="4 photos wait already"):  # not "waited more than"
                await batcher.embed(gray(50))
            encoder.gate.set()
            await asyncio.gather(*calls)
            await batcher.embed(gray(50))  # and takes more when there is room again

    asyncio.run(scenario())


@pytest.mark.slow
def test_who_waits_past_the_deadline_is_refused_and_who_is_being_encoded_is_not():
    async def scenario():
        encoder = MeanEncoder()
        encoder.gate.clear()
        async with running(encoder, size=1, deadline_s=120) as batcher:
            first = asyncio.ensure_future(batcher.embed(gray(10)))
            await until(lambda: encoder.batches == [1])  # however slow the machine is
            batcher._limits = batcher._limits._replace(deadline_s=0.2)
            with pytest.raises(Overloaded, match=r"more than 0\.2 s"):
                await batcher.embed(gray(20))
            encoder.gate.set()
            assert float((await first)[0]) == 10
        assert encoder.batches == [1]  # the late one was dropped, not encoded for nobody

    asyncio.run(scenario())


def test_a_wait_that_would_pass_the_deadline_is_refused_before_it_begins():
    async def scenario():
        encoder = MeanEncoder()
        encoder.seconds = 0.05
        async with running(encoder, size=1, deadline_s=60) as batcher:
            await asyncio.gather(*(batcher.embed(gray(50)) for _ in range(4)))
            await until(lambda: not batcher._scheduled)  # the pace is noted after the answers
            assert batcher._pace_s >= 0.05  # it has learned how fast the encoder is
            batcher._pace_s = 10  # as a slow encoder teaches it: five photos take 50 s
            encoder.gate.clear()
            calls = [asyncio.ensure_future(batcher.embed(gray(50))) for _ in range(30)]
            await until(lambda: sum(call.done() for call in calls) == 25)
            for call in calls[5:]:  # refused while the encoder has not ended a single photo
                with pytest.raises(Overloaded, match=r"5 photos wait, which takes about 50\.0 s"):
                    await call
            encoder.gate.set()
            vectors = await asyncio.gather(*calls[:5])
        assert [float(vector[0]) for vector in vectors] == [50] * 5

    asyncio.run(scenario())


def test_a_cancelled_caller_is_dropped_from_the_queue():
    async def scenario():
        encoder = MeanEncoder()
        encoder.gate.clear()
        async with running(encoder, size=1) as batcher:
            first = asyncio.ensure_future(batcher.embed(gray(10)))
            await until(lambda: encoder.batches == [1])
            gone = [asyncio.ensure_future(batcher.embed(gray(20))) for _ in range(3)]
            stays = asyncio.ensure_future(batcher.embed(gray(30)))
            await until(lambda: len(batcher._ready) == 4)
            for call in gone:
                call.cancel()
            await asyncio.wait(gone)
            encoder.gate.set()
            assert [float((await call)[0]) for call in (first, stays)] == [10, 30]
            assert all(call.cancelled() for call in gone)
        assert encoder.batches == [1, 1]

    asyncio.run(scenario())


def test_closing_tells_those_who_still_wait():
    async def scenario():
        encoder = MeanEncoder()
        encoder.gate.clear()
        async with running(encoder, size=1) as batcher:
            calls = [asyncio.ensure_future(batcher.embed(gray(10)))]
            await until(lambda: encoder.batches == [1])
            calls += [asyncio.ensure_future(batcher.embed(gray(10))) for _ in range(2)]
            await until(lambda: len(batcher._ready) == 2)
            closing = asyncio.ensure_future(batcher.close())
            await until(lambda: batcher._closing)
            encoder.gate.set()
            await closing
            results = await asyncio.gather(*calls, return_exceptions=True)
        assert float(results[0][0]) == 10  # it was being encoded already
        assert all(isinstance(r, Overloaded) for r in results[1:])

    asyncio.run(scenario())


def test_workers_run_no_more_at_once_than_they_have_threads():
    async def scenario():
        workers = Workers(2, queue=50, deadline_s=120, name="test")
        lock = threading.Lock()
        now = most = 0

        def work():
            nonlocal now, most
            with lock:
                now += 1
                most = max(most, now)
            time.sleep(0.005)
            with lock:
                now -= 1

        await asyncio.gather(*(workers.run(work) for _ in range(20)))
        workers.close()
        assert most == 2

    asyncio.run(scenario())


def test_a_cancelled_call_ends_only_when_its_thread_has_ended():
    async def scenario():
        workers = Workers(1, queue=5, deadline_s=120, name="test")
        began, ended = threading.Event(), threading.Event()
        work = lambda: (began.set(), time.sleep(0.2), ended.set())  # noqa: E731
        call = asyncio.ensure_future(workers.run(work))
        await until(began.is_set)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert ended.is_set()
        workers.close()

    asyncio.run(scenario())
