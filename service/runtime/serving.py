"""The engine that serves, its leases, and the change to a new generation."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from indexer.errors import IndexCorrupt, IndexNotFound, VitrineError
from service.runtime.workers import finish_even_if_cancelled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from indexer.encoders.base import Encoder
    from search.live.shop import Backlog
    from service.runtime.batching import PhotoBatcher
    from service.runtime.engine import Engine

logger = logging.getLogger("vitrine.service")

MAX_PAUSE_S = 60.0
START_S = 5.0


class Served:
    """An open engine and its batcher, with a count of the requests that use them."""

    def __init__(self, engine: Engine, batcher: PhotoBatcher) -> None:
        self.engine = engine
        self.batcher = batcher
        self._leases = 0
        self._unused = asyncio.Event()
        self._unused.set()

    @contextlib.asynccontextmanager
    async def lease(self) -> AsyncIterator[Served]:
        """Keep the engine open within the block, even if another one replaces it."""
        self._leases += 1
        self._unused.clear()
        try:
            yield self
        finally:
            self._leases -= 1
            if not self._leases:
                self._unused.set()

    async def refresh(self) -> None:
        """Read new writes to the shop. Keeps the engine open until then, even if canceled."""
        async with self.lease():
            await finish_even_if_cancelled(asyncio.to_thread(self.engine.refresh))

    async def close_when_unused(self) -> None:
        """Close the engine after its last lease has ended."""
        await self._unused.wait()
        await self.batcher.close()
        await asyncio.to_thread(self.engine.close)


class Serving:
    """Holds the engine that serves, and replaces it when the shop has a new generation.

    It looks for a new generation every ``interval_s``, and for writes every ``refresh_s``.
    ``current`` returns the name of the shop's generation, or raises IndexNotFound if there is none
    yet. ``open_engine`` opens it; it gets the encoder in use, or None. Both run in threads. If a
    generation cannot be opened, the last one continues to serve, and the next try follows after a
    pause, of a minute at most. ``start`` waits for the first try, for ``start_s`` at most.
    """

    def __init__(
        self,
        open_engine: Callable[[Encoder | None], Engine],
        current: Callable[[], str],
        batcher: Callable[[Engine], PhotoBatcher],
        *,
        interval_s: float = 1.0,
        refresh_s: float = 0.25,
        start_s: float | None = START_S,
        opened: Callable[[], None] = lambda: None,
    ) -> None:
        """``opened`` is called each time another engine serves."""
        self._open_engine = open_engine
        self._current = current
        self._batcher = batcher
        self._interval_s = interval_s
        self._refresh_s = refresh_s
        self._start_s = start_s
        self._opened = opened
        self._served: Served | None = None
        self._next: Served | None = None  # open, and about to serve
        self._failure: VitrineError = IndexNotFound("the index is being opened; try again")
        self._logged_failure = ""
        self._name: str | None = None  # what ``current`` returned when an engine was last opened
        self._pause_s = interval_s
        self._watchers: list[asyncio.Task[None]] = []
        self._closing: set[asyncio.Task[None]] = set()

    def lease(self) -> contextlib.AbstractAsyncContextManager[Served]:
        """Return the serving engine, kept open within the block. Raises why there is none."""
        if self._served is None:
            raise self._failure.with_traceback(None)
        return self._served.lease()

    @property
    def generation(self) -> str | None:
        """The name of the generation that serves, or None."""
        return self._served.engine.generation if self._served else None

    @property
    def engine(self) -> Engine | None:
        """The engine that serves, for calls that end before the event loop goes on; or None."""
        return self._served.engine if self._served else None

    def photo_refusal(self, arriving: int) -> str | None:
        """Return why another photo would be refused, or None. ``arriving`` photos come first."""
        return self._served.batcher.refusal(arriving) if self._served else None

    async def start(self) -> None:
        """Open the current generation, and start to look for new ones.

        Returns after the first try, or after a few seconds: while a large index is being opened,
        the service already reports that it is alive and not ready. Without a limit on this time,
        the process accepts no requests until then.
        """
        tried = asyncio.Event()
        self._watchers = [
            asyncio.create_task(self._check_forever(tried)),
            asyncio.create_task(self._refresh_forever()),
        ]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(tried.wait(), self._start_s)

    async def stop(self) -> None:
        """Stop looking for changes, and close the engine after its last request."""
        for watcher in self._watchers:
            watcher.cancel()
        if self._watchers:
            await asyncio.wait(self._watchers)
        self._retire()
        if self._closing:
            await asyncio.wait(self._closing)
        self._failure = IndexNotFound("the service is shutting down")

    async def check(self) -> None:
        """Open the shop's current generation, unless it serves already."""
        name = ""
        try:
            try:
                name = await asyncio.to_thread(self._current)
            except IndexCorrupt:  # CURRENT is damaged; the engine finds a generation without it
                if self._served is not None:
                    raise
            if name == self._name:
                return
            encoder = self._served.engine.encoder if self._served else None
            engine = await asyncio.to_thread(self._open_engine, encoder)
            opened = await self._catch_up(engine)
        except Exception as error:  # noqa: BLE001 - the last generation serves, whatever the error
            self._note_failure(name, error)
            return
        self._pause_s, self._logged_failure, self._name = self._interval_s, "", name
        if engine.generation == self.generation:
            # The new generation is damaged, so the engine has opened the one that serves already.
            await opened.close_when_unused()
            return
        logger.info("generation %s serves, with encoder %s", engine.generation, engine.encoder.id)
        self._retire()
        self._served = opened
        self._opened()

    async def refresh(self) -> None:
        """Read new writes to the shop, so that all later searches of this process see them.

        This includes the engine that is about to serve, because it may answer the next search.
        """
        engines = [served for served in (self._served, self._next) if served is not None]
        await asyncio.gather(*(served.refresh() for served in engines))

    async def backlog(self) -> Backlog | None:
        """Return how much was written since the index was built, or None if no index serves."""
        if self._served is None:
            return None
        async with self._served.lease() as served:
            return await asyncio.to_thread(served.engine.backlog)

    async def _refresh_forever(self) -> None:
        """Read the writes of other processes, until canceled."""
        logged = ""
        while True:
            pause_s = self._refresh_s
            try:
                await self.refresh()
                logged = ""
            except Exception as error:
                pause_s = self._interval_s
                if logged != (logged := f"{type(error).__name__}: {error}"):
                    logger.exception("cannot read new writes to the shop")
            await asyncio.sleep(pause_s)

    async def _check_forever(self, tried: asyncio.Event) -> None:
        while True:
            await self.check()
            tried.set()
            await asyncio.sleep(self._pause_s)

    async def _catch_up(self, engine: Engine) -> Served:
        """Return the engine after it has read what was written while it was being opened.

        ``refresh`` gives it the writes that arrive meanwhile.
        """
        self._next = opened = Served(engine, self._batcher(engine))
        try:
            await opened.refresh()
        except BaseException:
            await opened.close_when_unused()  # the next try opens the whole index again
            raise
        finally:
            self._next = None
        return opened

    def _retire(self) -> None:
        if self._served is None:
            return
        closing = asyncio.create_task(self._served.close_when_unused())
        self._closing.add(closing)
        closing.add_done_callback(self._closed)
        self._served = None

    def _closed(self, task: asyncio.Task[None]) -> None:
        self._closing.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.error("an error occurred while closing a generation", exc_info=error)

    def _note_failure(self, name: str, error: Exception) -> None:
        waiting = isinstance(error, IndexNotFound) and self._served is None
        if isinstance(error, VitrineError):
            self._failure = error
            detail: Exception | None = None
        else:
            self._failure = IndexCorrupt("the index cannot be opened; the log says why")
            detail = error
        failure = f"{name} {type(error).__name__} {error}"
        if failure != self._logged_failure:
            serving = (
                f"generation {self.generation} still serves" if self._served else "nothing serves"
            )
            logger.log(
                logging.INFO if waiting else logging.ERROR,
                "cannot open generation %s; %s: %s", name or "(none)", serving, error,
                exc_info=detail,
            )  # fmt: skip
        # Waiting for a first index costs nothing, but each try to open a broken index does.
        self._pause_s = self._interval_s if waiting else min(2 * self._pause_s, MAX_PAUSE_S)
        self._logged_failure = failure
