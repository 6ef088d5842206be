"""The state of one app, and the routes that work with it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Concatenate, NamedTuple, ParamSpec

from fastapi import Response

from service.runtime.answer_cache import AnswerCache

if TYPE_CHECKING:
    from indexer.fetching.fetcher import Fetcher
    from service.http.fetching import QueryPhotos
    from service.http.job_events import JobEvents
    from service.http.rates import RateLimits
    from service.runtime.metrics import Metrics
    from service.runtime.recognition import SharedRecognizer
    from service.runtime.resized import ResizedImages
    from service.runtime.serving import Serving
    from service.runtime.workers import WorkerPools
    from service.settings import Settings

P = ParamSpec("P")


class AppState(NamedTuple):
    """What every route works with; ``create_app`` makes one for each app."""

    settings: Settings
    serving: Serving
    pools: WorkerPools
    metrics: Metrics
    rates: RateLimits
    recognizer: SharedRecognizer
    job_events: JobEvents
    resized: ResizedImages
    fetcher: Fetcher | None = None
    query_photos: QueryPhotos | None = None
    answers: AnswerCache = AnswerCache(0)


Handler = Callable[Concatenate[AppState, P], Awaitable[Response]]


def bind(handler: Handler[P], state: AppState) -> Callable[P, Awaitable[Response]]:
    """Return the handler without its first argument, which is always ``state``.

    So a route is a plain function that a test can call with a state of its own. FastAPI reads the
    names and types of the other arguments from the signature. A dependency of FastAPI would do the
    same, but FastAPI would resolve it again for every request.
    """

    @functools.wraps(handler)
    async def endpoint(*args: Any, **kwargs: Any) -> Response:
        return await handler(state, *args, **kwargs)

    signature = inspect.signature(handler, eval_str=True)
    parameters = list(signature.parameters.values())[1:]
    endpoint.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return endpoint
