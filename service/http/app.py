"""The application: creates its parts and connects them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from indexer.errors import IndexMismatch
from indexer.imaging.decodebudget import BUDGET
from indexer.layout import REPLICA
from indexer.shop.folder import ShopFolder
from indexer.vectors.remote.access import ACCESS
from service.budgets import limit_threads
from service.extras import check_extras
from service.http.appstate import AppState
from service.http.assistants import MCP_PATH, AssistantsEndpoint
from service.http.capacity import batcher_factory, request_gate, worker_pools
from service.http.compression import Compression
from service.http.connections import connections_for
from service.http.fetching import QueryPhotos, fetcher_of
from service.http.gate import Admission
from service.http.job_events import JobEvents
from service.http.middleware import RequestIds, RequestMiddleware
from service.http.problems import add_error_handlers
from service.http.protocol import ProtocolContext
from service.http.rates import RateLimits, ReadCheck
from service.http.routes.admin import admin_routes
from service.http.routes.asking import ask_routes
from service.http.routes.campaign import campaign_routes
from service.http.routes.classify import classify_routes
from service.http.routes.embed import add_embed
from service.http.routes.enriching import enrich_routes
from service.http.routes.items import item_routes
from service.http.routes.job_starts import job_start_routes
from service.http.routes.jobs import job_routes
from service.http.routes.keys import key_routes
from service.http.routes.knn import knn_routes
from service.http.routes.operator import add_operator_page, operator_routes
from service.http.routes.own_styles import own_style_routes
from service.http.routes.pages import add_pages
from service.http.routes.personal import personal_routes
from service.http.routes.recognition import recognition_routes
from service.http.routes.replica import replica_routes
from service.http.routes.reviews import review_routes
from service.http.routes.search import search_routes
from service.http.routes.state import observe_gauges_forever, state_routes
from service.http.routes.styles import style_routes
from service.http.routes.suggestions import suggestion_routes
from service.http.routes.writes import write_routes
from service.http.security import BodyLimit, HostCheck, SecurityHeaders
from service.http.similar_shortcut import SimilarShortcut
from service.processsettings import server_access
from service.runtime.answer_cache import AnswerCache
from service.runtime.compaction import Compaction
from service.runtime.engine import Engine
from service.runtime.garbage import spare_what_lasts
from service.runtime.metrics import Metrics
from service.runtime.recognition import SharedRecognizer
from service.runtime.resized import ResizedImages
from service.runtime.serving import START_S, Serving
from service.runtime.throttled_log import ThrottledLog
from service.runtime.tracing import Tracing
from service.runtime.worker_process import SharedEffort, WorkerProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from indexer.encoders.base import Encoder
    from indexer.vectors.remote.access import ServerAccess
    from search.live.sharing import Sharing
    from service.http.gate import Gate
    from service.settings import Settings

    OpenEngine = Callable[[Encoder | None], Engine]

logger = logging.getLogger("vitrine.service")

KEEP_ALIVE_S = 30  # how long a connection stays open between two requests
_ABOUT = """Every error is `application/problem+json` with a `code`. Every reply carries
`X-Request-ID`; send one to find your request in the log. Ids go into paths percent-encoded.
"""


def create_app(
    settings: Settings,
    *,
    open_engine: OpenEngine | None = None,
    current: Callable[[], str] | None = None,
    worker: WorkerProcess | None = None,
    tracing: Tracing | None = None,
    own_process: bool = False,
) -> FastAPI:
    """Return the service as an ASGI application. Its lifespan opens the shop.

    It serves ``settings.shop``, and changes to each new generation. If several processes serve the
    shop, ``worker`` says which of them this is, and ``settings`` are its own share of the limits
    (``WorkerProcess.share_of``). ``tracing`` replaces the traces of ``settings.traces``. With
    ``own_process`` nothing else runs in this process, so its garbage collector serves the app.

    Tests pass ``open_engine``, which gets the encoder in use or None, and ``current``, which
    returns the name of the generation to serve. Such an app never rebuilds the index and keeps no
    answers. Raises BadSetting if a setting needs an extra that is not installed.
    """
    check_extras(settings)
    BUDGET.megabytes = settings.max_decode_mb
    BUDGET.max_wait_s = settings.queue_deadline_s
    limit_threads(settings.threads)
    ACCESS.use(lambda: _server_access(settings))
    worker = worker or WorkerProcess()
    sharing = None if worker.folder is None else SharedEffort(worker.folder)
    metrics = Metrics(worker.metrics)
    pools = worker_pools(settings, metrics)
    serving = Serving(
        open_engine or (lambda encoder: _open_shop(settings, encoder, sharing)),
        current or ShopFolder(settings.shop).current,
        batcher_factory(settings, pools, metrics),
        interval_s=settings.reload_interval_s,
        refresh_s=settings.refresh_interval_s,
        start_s=START_S if worker.answers_early else None,
        opened=spare_what_lasts if own_process else lambda: None,
    )
    compaction = Compaction(settings.shop, serving, settings)
    gate = request_gate(settings, serving)
    ids = RequestIds()
    if tracing is None and settings.traces:
        tracing = Tracing(settings.traces, _version())
    rates = RateLimits(settings, worker.buckets)
    answers = AnswerCache(int(settings.answer_cache_mb * 1e6) if open_engine is None else 0)
    fetcher = fetcher_of(settings)
    state = AppState(
        settings=settings,
        serving=serving,
        pools=pools,
        metrics=metrics,
        rates=rates,
        recognizer=SharedRecognizer(settings.recognizer),
        job_events=JobEvents(),
        resized=ResizedImages(settings.image_cache_mb),
        fetcher=fetcher,
        query_photos=QueryPhotos(fetcher) if fetcher and settings.fetch_queries else None,
        answers=answers,
    )
    rebuilds = open_engine is None and worker.is_first
    assistants = AssistantsEndpoint(state, _version()) if settings.mcp else None
    app = _bare_app(
        _lifespan(
            state,
            compaction if rebuilds else None,
            assistants,
            tracing,
            shares_metrics=worker.count > 1,
        ),
        _middleware(state, gate, ids, tracing),
    )
    add_routes(app, state)
    if assistants is not None:
        app.add_route(MCP_PATH, assistants, methods=["POST"], include_in_schema=False)  # type: ignore[arg-type]  # starlette takes applications too
    app.state.private_paths = _private_paths(settings)
    app.state.kill_rebuild = compaction.kill
    app.state.stop_events = state.job_events.stop
    app.state.protocol_context = ProtocolContext(
        gate=gate,
        ids=ids,
        metrics=metrics,
        connections=connections_for(settings, KEEP_ALIVE_S, worker.connections()),
        refusals=ThrottledLog(logger, logging.WARNING),
        log=settings.request_log,
    )
    return app


def add_routes(app: FastAPI, state: AppState) -> None:
    """Add all routes, and the handlers of errors."""
    add_error_handlers(app)
    searching = (search_routes, knn_routes, ask_routes, recognition_routes, classify_routes)
    items = (
        write_routes, review_routes, enrich_routes, suggestion_routes, item_routes, personal_routes,
    )  # fmt: skip
    pictures = (style_routes, own_style_routes, campaign_routes)
    operators = (
        admin_routes, job_routes, job_start_routes, key_routes, operator_routes, replica_routes,
        state_routes,
    )  # fmt: skip
    for routes in (*searching, *items, *pictures, *operators):
        # One list: FastAPI takes twice the time to find a route in routers that it includes.
        app.router.routes.extend(routes(state).routes)
    add_pages(app, state.settings)
    add_embed(app)
    add_operator_page(app)


def _bare_app(
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]], middleware: list[Middleware]
) -> FastAPI:
    """Return an application without routes, and without FastAPI's own documentation pages."""
    return FastAPI(
        title="Vitrine",
        summary="Photo search for a shop, on the shop's own machine.",
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


def _lifespan(
    state: AppState,
    compaction: Compaction | None,
    assistants: AssistantsEndpoint | None,
    tracing: Tracing | None,
    *,
    shares_metrics: bool,
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await state.serving.start()
        if compaction is not None:
            compaction.start()
        if assistants is not None:
            await assistants.start()
        gauges = asyncio.create_task(observe_gauges_forever(state)) if shares_metrics else None
        yield
        if gauges is not None:
            gauges.cancel()
        if assistants is not None:
            await assistants.stop()
        if state.fetcher is not None:
            await asyncio.to_thread(state.fetcher.close)
        if compaction is not None:
            await compaction.stop()
        await state.serving.stop()
        state.pools.close()
        if tracing is not None:
            await asyncio.to_thread(tracing.close)

    return lifespan


def _middleware(
    state: AppState, gate: Gate, ids: RequestIds, tracing: Tracing | None
) -> list[Middleware]:
    """Return the middleware around every request, outermost first."""
    settings = state.settings
    origins = [origin.strip() for origin in settings.cors_origins.split(",") if origin.strip()]
    return [
        Middleware(SecurityHeaders, cross_origin=bool(origins)),
        *([_cors(origins)] if origins else []),
        Middleware(
            RequestMiddleware,
            log=settings.request_log,
            metrics=state.metrics,
            ids=ids,
            tracing=tracing,
        ),
        Middleware(Compression),
        Middleware(HostCheck, allowed=settings.allowed_hosts.split(",")),
        Middleware(Admission, gate=gate),
        Middleware(
            BodyLimit,
            max_bytes=int(settings.max_upload_mb * 1e6),
            max_held_bytes=int(settings.max_held_mb * 1e6),
            timeout_s=settings.body_timeout_s,
            min_bytes_s=settings.min_upload_kb_s * 1e3,
        ),
        *([Middleware(ReadCheck, rates=state.rates)] if settings.require_key else []),
        Middleware(SimilarShortcut, state=state),
    ]


def _cors(origins: list[str]) -> Middleware:
    """Return the middleware that lets pages of these origins call the API."""
    return Middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=[
            "Authorization",
            "api-key",
            "Content-Type",
            "X-Request-ID",
            "If-Match",
            "If-None-Match",
        ],
        expose_headers=[
            *("X-Request-ID", "Retry-After", "ETag", "Location"),
            *("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"),
        ],
        max_age=600,
    )


def _private_paths(settings: Settings) -> list[str]:
    """Return the paths that no reply may contain: the shop's folder, and those of the settings."""
    given = (settings.shop, settings.image_root, settings.catalogs, settings.snapshots)
    folders = [folder for folder in given if folder is not None]
    paths = [str(path) for folder in folders for path in (folder.resolve(), folder)]
    return [path for path in paths if "/" in path]


def _open_shop(
    settings: Settings, encoder: Encoder | None, sharing: Sharing | None = None
) -> Engine:
    from indexer.encoders.views import split_views
    from search.engine import SearchEngine

    def open_with(encoder: Encoder | None) -> Engine:
        engine = SearchEngine.open(
            settings.shop,
            encoder=encoder,
            threads=settings.threads,
            no_match_below=settings.no_match_below,
            recall_sample=settings.recall_sample,
            query_views=split_views(f"query+{settings.query_views}")[1],
            sharing=sharing,
        )
        if engine.encoder_upgrade:
            logger.info("generation %s: %s", engine.generation, engine.encoder_upgrade)
        return engine

    if encoder is not None:
        with contextlib.suppress(IndexMismatch):  # the new generation has another encoder
            return open_with(encoder)
    return open_with(None)


def _server_access(settings: Settings) -> ServerAccess:
    """Return how to reach servers of vectors; the collections of a replica are its primary's."""
    access = server_access(settings)
    is_replica = (settings.shop / REPLICA).exists()
    return access._replace(read_only=True) if is_replica else access


def _version() -> str:
    try:
        return version("vitrine")
    except PackageNotFoundError:
        return "0"
