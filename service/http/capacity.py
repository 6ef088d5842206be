"""How much work of each kind runs at once and how much may wait, from the settings."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from indexer.imaging.images import ImageLimits
from indexer.threads import THREADS
from service.http.gate import Gate, RequestQueue
from service.runtime.batching import BatchLimits, PhotoBatcher
from service.runtime.workers import WorkerPools, Workers

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.runtime.engine import Engine
    from service.runtime.metrics import Metrics
    from service.runtime.serving import Serving
    from service.settings import Settings

_WRITE_WAIT_S = 30.0  # how long a write waits in the queue before the reply is 503
_STYLE_WAIT_S = 20.0
_MOST_STYLED = 32  # pictures that may wait to be styled: a page asks for a grid of them
_WAITING_EACH = 64  # requests of a kind that may wait for each core


def worker_pools(settings: Settings, metrics: Metrics) -> WorkerPools:
    """Return the thread pools: how many calls of each kind run at once, and how many wait.

    The waits of searches are recorded in the metrics.
    """
    threads, queue = THREADS.count, queue_size(settings)
    waited = partial(metrics.stage, "queue")

    def pool(name: str, count: int, room: int, deadline_s: float) -> Workers:
        return Workers(count, queue=room, deadline_s=deadline_s, name=name)

    def search_pool(name: str, count: int, room: int) -> Workers:
        wait_s = settings.queue_deadline_s
        return Workers(count, queue=room, deadline_s=wait_s, name=name, waited=waited)

    wait_s = settings.queue_deadline_s
    return WorkerPools(
        decoding=search_pool("decoding", threads, queue),
        searching=search_pool("searching", threads, queue),
        # At most half of the cores and a short queue, because each of these takes many times as
        # long as another search.
        costly=search_pool("costly searching", max(1, threads // 2), max(1, queue // 8)),
        reading=pool("reading", threads, queue, wait_s),
        # One thread, because the store allows one writer at a time.
        writing=pool("writing", 1, queue, _WRITE_WAIT_S),
        # Events have a store of their own, so they never wait for items to be written.
        events=pool("events", 1, queue, _WRITE_WAIT_S),
        # A quarter of the cores: a picture takes up to a second, and searches must not wait.
        styling=pool("styling", max(1, threads // 4), _MOST_STYLED, _STYLE_WAIT_S),
    )


def queue_size(settings: Settings) -> int:
    """Return how many requests of a kind may wait in this process."""
    return settings.queue_size or _WAITING_EACH * THREADS.count


def waiting_photos(settings: Settings) -> int:
    """Return how many photos may wait in this process.

    They take several times as long as other requests: a deeper queue would answer no more of them,
    and all later.
    """
    return max(1, queue_size(settings) // 2)


def request_gate(settings: Settings, serving: Serving) -> Gate:
    """Return the gate, with room for the requests that the pools run or let wait."""
    queue = queue_size(settings)
    room = THREADS.count + queue
    photos = THREADS.count + waiting_photos(settings)
    return Gate(
        {
            "photos": RequestQueue("photos", photos, serving.photo_refusal),
            "searches": RequestQueue("searches", room),
            "reads": RequestQueue("reads", room),
            "writes": RequestQueue("writes", 1 + queue),
            "events": RequestQueue("events", 1 + queue),
            "styles": RequestQueue("pictures to style", THREADS.count + _MOST_STYLED),
        }
    )


def batcher_factory(
    settings: Settings, pools: WorkerPools, metrics: Metrics
) -> Callable[[Engine], PhotoBatcher]:
    """Return a function that creates the photo batcher of an engine."""
    images = ImageLimits(settings.max_megapixels, settings.max_upload_mb)
    limits = BatchLimits(
        settings.batch_size,
        settings.batch_wait_ms / 1e3,
        waiting_photos(settings),
        settings.queue_deadline_s,
    )

    def batcher(engine: Engine) -> PhotoBatcher:
        return PhotoBatcher(
            engine.encoder, pools.decoding, limits=limits, images=images, observer=metrics
        )

    return batcher
