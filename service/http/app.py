"""The application: what is handed in, put together."""

from __future__ import annotations

import contextlib
import logging
import os
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.middleware import Middleware

from indexer.errors import IndexMismatch
from indexer.imaging.decodebudget import BUDGET
from indexer.imaging.images import ImageLimits
from indexer.shop.folder import ShopFolder
from service.http.answering import Desk
from service.http.connections import connections_for
from service.http.edge import Edge, RequestIds
from service.http.gate import Admission, Gate, Line
from service.http.problems import install
from service.http.protocol import Front
from service.http.rates import Rates
from service.http.routes.items import item_routes
from service.http.routes.pages import add_pages
from service.http.routes.search import search_routes
from service.http.routes.state import state_routes
from service.http.routes.writes import write_routes
from service.http.security import BodyLimit, HostCheck, SecurityHeaders
from service.runtime.batching import BatchLimits, PhotoBatcher
from service.runtime.compaction import Compaction
from service.runtime.metrics import Metrics
from service.runtime.seldom import Seldom
from service.runtime.serving import Engine, Serving
from service.runtime.workers import Workers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from indexer.encoders.base import Encoder
    from service.settings import Settings

logger = logging.getLogger("vitrine.service")

KEEP_ALIVE_S = 30  # of a connection without a request
_WRITE_WAIT_S = 30.0  # in the queue, before the reply is 503
_ABOUT = """Photo search for a shop, on the shop's own machine.

Every error is `application/problem+json` with a `code`. Every reply carries `X-Request-ID`;
send one to find your request in the log. Ids go into paths percent-encoded.
"""


def create_app(
    settings: Settings,
    *,
    open_engine: Callable[[Encoder | None], Engine] | None = None,
    current: Callable[[], str] | None = None,
) -> FastAPI:
    """The service as an ASGI application; nothing is opened before its lifespan begins.

    By default it serves ``settings.shop`` and follows its generations. A test hands in
    ``open_engine`` (given the encoder in use, if any) and ``current``, the name of the generation
    to serve.
    """
    threads = settings.threads or _cores()
    queue, deadline_s = settings.queue_size, settings.queue_deadline_s

    def workers(name: str, count: int = threads) -> Workers:
        return Workers(count, queue=queue, deadline_s=deadline_s, name=name)

    decoders, searchers, readers = workers("decoding"), workers("searching"), workers("reading")
    # Half of the cores at most, and few waiting: these take many times as long as the others.
    dear = Workers(
        max(1, threads // 2), queue=max(1, queue // 8), deadline_s=deadline_s, name="dear searching"
    )
    # One writer at a time: more would only wait for each other in the store.
    writers = Workers(1, queue=queue, deadline_s=_WRITE_WAIT_S, name="writing")
    images = ImageLimits(settings.max_megapixels, settings.max_upload_mb)
    BUDGET.megabytes = settings.max_decode_mb
    limits = BatchLimits(settings.batch_size, settings.batch_wait_ms / 1e3, queue, deadline_s)

    metrics = Metrics()
    ids = RequestIds()

    def batcher(engine: Engine) -> PhotoBatcher:
        return PhotoBatcher(
            engine.encoder, decoders, limits=limits, images=images, observe=metrics.batch
        )

    serving = Serving(
        open_engine or (lambda encoder: _open_shop(settings, encoder)),
        current or ShopFolder(settings.shop).current,
        batcher,
        interval_s=settings.reload_interval_s,
        refresh_s=settings.refresh_interval_s,
    )

    compaction = Compaction(settings.shop, serving, settings)
    gate = Gate(
        {
            "photos": Line("photos", threads + queue, serving.photo_refusal),
            "searches": Line("searches", threads + queue),
            "reads": Line("reads", threads + queue),
            "writes": Line("writes", 1 + queue),
        }
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await serving.start()
        if open_engine is None:
            compaction.start()
        yield
        await compaction.stop()
        await serving.stop()
        for each in (decoders, searchers, dear, readers, writers):
            each.close()

    app = FastAPI(
        title="Vitrine",
        summary="Photo search for a shop.",
        description=_ABOUT,
        version=_version(),
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(Edge, log=settings.request_log, metrics=metrics, ids=ids),
            Middleware(HostCheck, allowed=settings.allowed_hosts.split(",")),
            Middleware(Admission, gate=gate),
            Middleware(
                BodyLimit,
                max_bytes=int(settings.max_upload_mb * 1e6),
                max_held_bytes=int(settings.max_held_mb * 1e6),
                timeout_s=settings.body_timeout_s,
                min_bytes_s=settings.min_upload_kb_s * 1e3,
            ),
        ],
    )
    install(app)
    desk = Desk(
        settings,
        serving,
        decoders,
        searchers,
        dear,
        readers,
        writers,
        metrics,
        Rates(settings),
    )
    for router in (search_routes(desk), write_routes(desk), item_routes(desk), state_routes(desk)):
        app.include_router(router)
    add_pages(app)
    private = [path for path in (settings.shop, settings.image_root) if path is not None]
    named = [str(one) for path in private for one in (path.resolve(), path)]
    app.state.private_paths = [name for name in named if "/" in name]
    app.state.cut = compaction.kill
    app.state.front = Front(
        gate,
        ids,
        metrics,
        connections_for(settings, KEEP_ALIVE_S),
        Seldom(logger, logging.WARNING),
        settings.request_log,
    )
    return app


def _open_shop(settings: Settings, encoder: Encoder | None) -> Engine:
    from indexer.encoders.views import split_views
    from search.engine import SearchEngine

    def opened(encoder: Encoder | None) -> Engine:
        engine = SearchEngine.open(
            settings.shop,
            encoder=encoder,
            threads=settings.threads,
            no_match_below=settings.no_match_below,
            recall_sample=settings.recall_sample,
            query_views=split_views(f"query+{settings.query_views}")[1],
        )
        if engine.encoder_upgrade:
            logger.info("generation %s: %s", engine.generation, engine.encoder_upgrade)
        return engine

    if encoder is not None:
        with contextlib.suppress(IndexMismatch):  # the shop has moved to another encoder
            return opened(encoder)
    return opened(None)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _version() -> str:
    try:
        return version("vitrine")
    except PackageNotFoundError:
        return "0"
