"""The application: what is handed in, put together."""

from __future__ import annotations

import contextlib
import logging
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.middleware import Middleware

from indexer.errors import IndexMismatch
from indexer.imaging.decodebudget import BUDGET
from indexer.imaging.images import ImageLimits
from indexer.shop.folder import ShopFolder
from indexer.threads import THREADS
from service.http.appstate import AppState
from service.http.connections import connections_for
from service.http.gate import Admission, Gate, Line
from service.http.middleware import RequestIds, RequestMiddleware
from service.http.problems import install
from service.http.protocol import Front
from service.http.rates import Rates
from service.http.routes.items import item_routes
from service.http.routes.pages import add_pages
from service.http.routes.search import search_routes
from service.http.routes.state import state_routes
from service.http.routes.styles import style_routes
from service.http.routes.writes import write_routes
from service.http.security import BodyLimit, HostCheck, SecurityHeaders
from service.runtime.batching import BatchLimits, PhotoBatcher
from service.runtime.compaction import Compaction
from service.runtime.metrics import Metrics
from service.runtime.seldom import Seldom
from service.runtime.serving import Engine, Serving
from service.runtime.workers import WorkerPools, Workers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from indexer.encoders.base import Encoder
    from service.settings import Settings

    OpenEngine = Callable[[Encoder | None], Engine]

logger = logging.getLogger("vitrine.service")

KEEP_ALIVE_S = 30  # of a connection without a request
_WRITE_WAIT_S = 30.0  # in the queue, before the reply is 503
_STYLE_WAIT_S = 20.0
_MOST_STYLED = 32  # pictures that may wait to be styled: a page asks for a grid of them
_ABOUT = """Photo search for a shop, on the shop's own machine.

Every error is `application/problem+json` with a `code`. Every reply carries `X-Request-ID`;
send one to find your request in the log. Ids go into paths percent-encoded.
"""


def create_app(
    settings: Settings,
    *,
    open_engine: OpenEngine | None = None,
    current: Callable[[], str] | None = None,
) -> FastAPI:
    """Return the service as an ASGI application; nothing is opened before its lifespan begins.

    By default it serves ``settings.shop`` and follows its generations. A test hands in
    ``open_engine`` (given the encoder in use, if any) and ``current``, the name of the generation
    to serve; then nothing is rebuilt.
    """
    BUDGET.megabytes, THREADS.limit = settings.max_decode_mb, settings.threads
    metrics = Metrics()
    pools = _pools(settings)
    serving = Serving(
        open_engine or (lambda encoder: _open_shop(settings, encoder)),
        current or ShopFolder(settings.shop).current,
        _batchers(settings, pools, metrics),
        interval_s=settings.reload_interval_s,
        refresh_s=settings.refresh_interval_s,
    )
    compaction = Compaction(settings.shop, serving, settings)
    gate = _gate(settings, serving)
    ids = RequestIds()
    app = _bare_app(
        _lifespan(serving, pools, compaction, rebuilds=open_engine is None),
        _middleware(settings, gate, metrics, ids),
    )
    add_routes(app, AppState(settings, serving, pools, metrics, Rates(settings)))
    app.state.private_paths = _private_paths(settings)
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


def add_routes(app: FastAPI, state: AppState) -> None:
    """Add every route of the service, and the reply to every error."""
    install(app)
    for routes in (search_routes, write_routes, item_routes, style_routes, state_routes):
        app.include_router(routes(state))
    add_pages(app)


def _bare_app(
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]], middleware: list[Middleware]
) -> FastAPI:
    """Return the application without routes. It serves its own pages of documentation."""
    return FastAPI(
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
        middleware=middleware,
    )


def _pools(settings: Settings) -> WorkerPools:
    threads, queue = THREADS.count, settings.queue_size

    def pool(name: str, count: int, room: int, deadline_s: float) -> Workers:
        return Workers(count, queue=room, deadline_s=deadline_s, name=name)

    wait_s = settings.queue_deadline_s
    return WorkerPools(
        decoding=pool("decoding", threads, queue, wait_s),
        searching=pool("searching", threads, queue, wait_s),
        # Half of the cores at most, and few waiting: these take many times as long as the others.
        dear=pool("dear searching", max(1, threads // 2), max(1, queue // 8), wait_s),
        reading=pool("reading", threads, queue, wait_s),
        # One writer at a time: more would only wait for each other in the store.
        writing=pool("writing", 1, queue, _WRITE_WAIT_S),
        # A quarter of the cores: a picture takes up to a second, and searches must not wait.
        styling=pool("styling", max(1, threads // 4), _MOST_STYLED, _STYLE_WAIT_S),
    )


def _batchers(
    settings: Settings, pools: WorkerPools, metrics: Metrics
) -> Callable[[Engine], PhotoBatcher]:
    """Return what makes the batcher of photos of an engine."""
    images = ImageLimits(settings.max_megapixels, settings.max_upload_mb)
    limits = BatchLimits(
        settings.batch_size,
        settings.batch_wait_ms / 1e3,
        settings.queue_size,
        settings.queue_deadline_s,
    )

    def batcher(engine: Engine) -> PhotoBatcher:
        return PhotoBatcher(
            engine.encoder, pools.decoding, limits=limits, images=images, observe=metrics.batch
        )

    return batcher


def _gate(settings: Settings, serving: Serving) -> Gate:
    room = THREADS.count + settings.queue_size
    return Gate(
        {
            "photos": Line("photos", room, serving.photo_refusal),
            "searches": Line("searches", room),
            "reads": Line("reads", room),
            "writes": Line("writes", 1 + settings.queue_size),
            "styles": Line("pictures to style", THREADS.count + _MOST_STYLED),
        }
    )


def _lifespan(
    serving: Serving, pools: WorkerPools, compaction: Compaction, *, rebuilds: bool
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await serving.start()
        if rebuilds:
            compaction.start()
        yield
        await compaction.stop()
        await serving.stop()
        pools.close()

    return lifespan


def _middleware(
    settings: Settings, gate: Gate, metrics: Metrics, ids: RequestIds
) -> list[Middleware]:
    """Return what wraps every request, the outermost first."""
    return [
        Middleware(SecurityHeaders),
        Middleware(RequestMiddleware, log=settings.request_log, metrics=metrics, ids=ids),
        Middleware(HostCheck, allowed=settings.allowed_hosts.split(",")),
        Middleware(Admission, gate=gate),
        Middleware(
            BodyLimit,
            max_bytes=int(settings.max_upload_mb * 1e6),
            max_held_bytes=int(settings.max_held_mb * 1e6),
            timeout_s=settings.body_timeout_s,
            min_bytes_s=settings.min_upload_kb_s * 1e3,
        ),
    ]


def _private_paths(settings: Settings) -> list[str]:
    """Return the names of the shop's places, which no reply shows."""
    places = [place for place in (settings.shop, settings.image_root) if place is not None]
    names = [str(path) for place in places for path in (place.resolve(), place)]
    return [name for name in names if "/" in name]


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


def _version() -> str:
    try:
        return version("vitrine")
    except PackageNotFoundError:
        return "0"
