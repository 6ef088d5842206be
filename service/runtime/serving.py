"""The serving generation: which engine answers, its leases, and the swap to the next one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Protocol

from indexer.errors import IndexCorrupt, IndexNotFound, VitrineError
from indexer.items import ORIGINAL
from service.runtime.workers import finish_even_if_cancelled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from indexer.encoders.base import Encoder
    from indexer.imaging.images import ImageLimits
    from indexer.items import Item
    from indexer.writing.image_pipeline import Encode
    from indexer.writing.writes import Draft, Outcome
    from search.engine import Vitals
    from search.hits import Reply
    from search.live.shop import Backlog
    from search.query import Query
    from search.status import EngineStatus
    from service.runtime.batching import PhotoBatcher
    from style.registry import StyleRegistry

logger = logging.getLogger("vitrine.service")

MAX_PAUSE_S = 60.0
START_S = 5.0


class Engine(Protocol):
    """The part of ``search.engine.SearchEngine`` that the service uses; a test may hand in less."""

    @property
    def encoder(self) -> Encoder:
        """The encoder of the photos of queries."""
        ...

    @property
    def generation(self) -> str:
        """The name of the index that is open, such as ``000007``."""
        ...

    def search(self, query: Query) -> Reply:
        """Answer a question; called from several threads at once."""
        ...

    def item(self, item_id: str) -> Item:
        """Return an item of the shop. Raises UnknownItem."""
        ...

    def items(self, limit: int = 10) -> list[Item]:
        """Return a few items to start from."""
        ...

    @property
    def style_registry(self) -> StyleRegistry:
        """The styles that pictures can be rendered in."""
        ...

    def styles(self) -> list[str]:
        """Return the names of the styles that the images of the shop are indexed in."""
        ...

    def thumbnail(self, item_id: str, index: int = 0, rendition: str = ORIGINAL) -> bytes:
        """Return a stored image of an item, in this rendition, as JPEG. Raises UnknownItem."""
        ...

    def put(self, drafts: Sequence[Draft], *, limits: ImageLimits, encode: Encode) -> list[Outcome]:
        """Store items: on disk when it returns, found by searches after ``refresh``."""
        ...

    def delete(self, item_ids: Sequence[str]) -> list[Outcome]:
        """Delete items: on disk when it returns, missed by searches after ``refresh``."""
        ...

    def refresh(self) -> bool:
        """Read what this and other processes wrote; return True if there was anything."""
        ...

    def vitals(self) -> Vitals:
        """Return the numbers that cost nothing to read."""
        ...

    def backlog(self) -> Backlog:
        """Return how much was written since the index was built."""
        ...

    def status(self) -> EngineStatus:
        """Return what the engine serves."""
        ...

    def close(self) -> None:
        """Release files and memory."""
        ...


class Served:
    """One open engine with its batcher, and the count of requests that use them."""

    def __init__(self, engine: Engine, batcher: PhotoBatcher) -> None:
        self.engine = engine
        self.batcher = batcher
        self._leases = 0
        self._unused = asyncio.Event()
        self._unused.set()

    @contextlib.asynccontextmanager
    async def lease(self) -> AsyncIterator[Served]:
        """Keep the engine open for the block, even if it is replaced meanwhile."""
        self._leases += 1
        self._unused.clear()
        try:
            yield self
        finally:
            self._leases -= 1
            if not self._leases:
                self._unused.set()

    async def refresh(self) -> None:
        """Read what was written to the shop. The engine stays open until that is done."""
        async with self.lease():
            await finish_even_if_cancelled(asyncio.to_thread(self.engine.refresh))

    async def close_when_unused(self) -> None:
        """Wait for the last lease to end, then close."""
        await self._unused.wait()
        await self.batcher.close()
        await asyncio.to_thread(self.engine.close)


class Serving:
    """Holds the engine that answers, and follows the shop from generation to generation.

    It takes in writes to the shop every ``refresh_s``, and at once when ``refresh`` is called.
    ``current`` names the shop's current generation (IndexNotFound when nothing is built yet) and
    ``open_engine`` opens it, given the encoder in use so that it may be shared. Both run in
    threads. A generation that cannot be opened leaves the last one serving, and is tried again
    after pauses that grow to a minute.
    """

    def __init__(
        self,
        open_engine: Callable[[Encoder | None], Engine],
        current: Callable[[], str],
        batcher: Callable[[Engine], PhotoBatcher],
        *,
        interval_s: float = 1.0,
        refresh_s: float = 0.25,
    ) -> None:
        self._open_engine = open_engine
        self._current = current
        self._batcher = batcher
        self._interval_s = interval_s
        self._refresh_s = refresh_s
        self._served: Served | None = None
        self._coming: Served | None = None  # open already, and about to serve
        self._failure: VitrineError = IndexNotFound("the index is being opened; try again")
        self._failed_at = ""
        self._name: str | None = None  # what CURRENT said when an engine was last opened
        self._pause_s = interval_s
        self._watchers: list[asyncio.Task[None]] = []
        self._closing: set[asyncio.Task[None]] = set()

    def lease(self) -> contextlib.AbstractAsyncContextManager[Served]:
        """Return the serving engine, kept open for the block. Raises why there is none."""
        if self._served is None:
            raise self._failure.with_traceback(None)
        return self._served.lease()

    @property
    def generation(self) -> str | None:
        """The name of the generation that answers now."""
        return self._served.engine.generation if self._served else None

    def photo_refusal(self, arriving: int) -> str | None:
        """Return why another photo would be refused now, or None; ``arriving`` are on their way."""
        return self._served.batcher.refusal(arriving) if self._served else None

    async def start(self) -> None:
        """Open the current generation, and start to watch for new ones.

        Returns once that has been tried, or after a few seconds: a large index goes on opening
        while the service already says that it is alive, and not ready.
        """
        tried = asyncio.Event()
        self._watchers = [
            asyncio.create_task(self._watch(tried)),
            asyncio.create_task(self._follow()),
        ]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(tried.wait(), START_S)

    async def stop(self) -> None:
        """Stop watching, and close once the last request has ended."""
        for watcher in self._watchers:
            watcher.cancel()
        if self._watchers:
            await asyncio.wait(self._watchers)
        self._retire()
        if self._closing:
            await asyncio.wait(self._closing)
        self._failure = IndexNotFound("the service is closing")

    async def check(self) -> None:
        """Open the shop's current generation, unless it serves already."""
        name = ""
        try:
            try:
                name = await asyncio.to_thread(self._current)
            except IndexCorrupt:  # CURRENT itself: the engine looks for a generation by itself
                if self._served is not None:
                    raise
            if name == self._name:
                return
            encoder = self._served.engine.encoder if self._served else None
            engine = await asyncio.to_thread(self._open_engine, encoder)
            coming = await self._in_step(engine)
        except Exception as error:  # noqa: BLE001 - whatever it is, the last generation serves on
            self._note_failure(name, error)
            return
        self._pause_s, self._failed_at, self._name = self._interval_s, "", name
        if engine.generation == self.generation:
            # The new one is damaged, and the engine fell back to what is already open.
            await coming.close_when_unused()
            return
        logger.info("generation %s serves, with encoder %s", engine.generation, engine.encoder.id)
        self._retire()
        self._served = coming

    async def refresh(self) -> None:
        """Read what was written to the shop; afterwards searches of this process see it.

        Also those of the engine that is about to serve: the next search may be its first.
        """
        behind = [served for served in (self._served, self._coming) if served is not None]
        await asyncio.gather(*(served.refresh() for served in behind))

    async def backlog(self) -> Backlog | None:
        """Return how much was written since the serving index was built, or None if none serves."""
        if self._served is None:
            return None
        async with self._served.lease() as served:
            return await asyncio.to_thread(served.engine.backlog)

    async def _follow(self) -> None:
        """Read the writes of other processes, again and again."""
        said = ""
        while True:
            pause_s = self._refresh_s
            try:
                await self.refresh()
                said = ""
            except Exception as error:
                pause_s = self._interval_s
                if said != (said := f"{type(error).__name__}: {error}"):
                    logger.exception("writes to the shop cannot be followed")
            await asyncio.sleep(pause_s)

    async def _watch(self, tried: asyncio.Event) -> None:
        while True:
            await self.check()
            tried.set()
            await asyncio.sleep(self._pause_s)

    async def _in_step(self, engine: Engine) -> Served:
        """Return the engine once it has read what was written while it was opened.

        Writes that arrive meanwhile are picked up by ``refresh``.
        """
        self._coming = coming = Served(engine, self._batcher(engine))
        try:
            await coming.refresh()
        except BaseException:
            await coming.close_when_unused()  # each further try holds a whole index
            raise
        finally:
            self._coming = None
        return coming

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
            logger.error("a generation did not close cleanly", exc_info=error)

    def _note_failure(self, name: str, error: Exception) -> None:
        waiting = isinstance(error, IndexNotFound) and self._served is None
        if isinstance(error, VitrineError):
            self._failure = error
            detail: Exception | None = None
        else:
            self._failure = IndexCorrupt("the index cannot be opened; the log says why")
            detail = error
        said = f"{name} {type(error).__name__} {error}"
        if said != self._failed_at:
            serving = (
                f"generation {self.generation} serves on" if self._served else "nothing serves"
            )
            logger.log(
                logging.INFO if waiting else logging.ERROR,
                "generation %s not opened, %s: %s", name or "(none)", serving, error,
                exc_info=detail,
            )  # fmt: skip
        # Waiting for a first index costs nothing; opening a broken one again and again does.
        self._pause_s = self._interval_s if waiting else min(2 * self._pause_s, MAX_PAUSE_S)
        self._failed_at = said
