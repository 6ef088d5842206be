"""What the routes work with."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from service.http.rates import Rates
    from service.runtime.metrics import Metrics
    from service.runtime.serving import Serving
    from service.runtime.workers import WorkerPools
    from service.settings import Settings


class AppState(NamedTuple):
    """The state of one app, handed to every route by ``create_app``."""

    settings: Settings
    serving: Serving
    pools: WorkerPools
    metrics: Metrics
    rates: Rates
