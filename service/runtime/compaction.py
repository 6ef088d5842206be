"""Compaction: rebuilds the index in another process when many writes are outside of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, NamedTuple

from indexer.layout import REPLICA
from service.exitcodes import BUSY

if TYPE_CHECKING:
    from pathlib import Path

    from search.live.shop import Backlog
    from service.runtime.serving import Serving
    from service.settings import Settings

logger = logging.getLogger("vitrine.service")

CHECK_S = 5.0
_PAUSE_S = 60.0  # after a rebuild failed, or found that another one runs
_MAX_CHANGES = 10_000  # each change makes the log and the layers longer, even without new rows
_STOP_S = 10.0
_NICENESS = 10  # added for the rebuild, so that searches get the cores first


class Compaction:
    """Checks every few seconds whether the index needs a rebuild, and runs it.

    Searches and writes continue meanwhile. ``Serving`` finds the new generation by itself.
    """

    def __init__(self, shop: Path, serving: Serving, settings: Settings) -> None:
        """``settings`` has the thresholds for a rebuild; see ``rebuild_is_due``."""
        self._shop = shop
        self._serving = serving
        self._rows = settings.rebuild_rows
        self._share = settings.rebuild_share
        self._options = ["--threads", str(settings.threads)] if settings.threads else []
        self._task: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None

    def start(self) -> None:
        """Start checking, unless the settings turn rebuilds off."""
        if self._rows:
            self._task = asyncio.create_task(self._check_forever())

    async def stop(self) -> None:
        """Stop checking, and end a running rebuild, which is safe at any time."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def kill(self) -> None:
        """End a running rebuild immediately. Called from any thread, before this process ends."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGTERM)

    async def _check_forever(self) -> None:
        while True:
            await asyncio.sleep(CHECK_S)
            try:
                await self._rebuild_if_due()
            except Exception:  # for example, no process can be started now
                logger.exception(
                    "cannot check whether the index needs a rebuild, or cannot start it"
                )
                await asyncio.sleep(_PAUSE_S)

    async def _rebuild_if_due(self) -> None:
        if (self._shop / REPLICA).exists():
            return  # it gets the index of its primary
        backlog = await self._serving.backlog()
        if backlog is None or not rebuild_is_due(backlog, self._rows, self._share):
            return
        before = self._serving.generation
        logger.info(
            "rebuilding the index of %d images, because %d images are outside of it or deleted",
            backlog.indexed,
            backlog.rows,
        )
        result = await self._rebuild()
        if result.code != 0:
            logger.log(
                logging.INFO if result.code == BUSY else logging.ERROR,
                "the rebuild failed: %s (exit status %d)", result.message, result.code,
            )  # fmt: skip
            await asyncio.sleep(_PAUSE_S)
            return
        waited = 0.0  # the service needs some time to open the new generation
        while self._serving.generation == before and waited < _PAUSE_S:
            await asyncio.sleep(CHECK_S)
            waited += CHECK_S

    async def _rebuild(self) -> _RebuildResult:
        """Run ``vitrine rebuild`` in another process, and return how it ended.

        The process is not forked from this one, because FAISS, LMDB and threads do not survive it.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "service.cli.main",  # -P: not from the current folder
            "rebuild", "--shop", str(self._shop), "--json", *self._options,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},  # the same code as here
        )  # fmt: skip
        self._process = process
        with contextlib.suppress(OSError):  # the process may have ended already
            priority = os.getpriority(os.PRIO_PROCESS, 0) + _NICENESS
            os.setpriority(os.PRIO_PROCESS, process.pid, priority)
        try:
            _, errors = await process.communicate()
        except asyncio.CancelledError:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _STOP_S)
            raise
        lines = errors.decode(errors="replace").strip().splitlines() or ["no error message"]
        assert process.returncode is not None  # communicate() has waited for the end
        return _RebuildResult(process.returncode, lines[-1])


class _RebuildResult(NamedTuple):
    """The exit status of a rebuild, and the last line that it wrote to stderr."""

    code: int
    message: str


def rebuild_is_due(backlog: Backlog, rows: int, share: float) -> bool:
    """Return whether enough was written to justify a rebuild.

    It is due if the rows outside the index and the deleted rows in it are more than ``rows`` and
    more than this share of the index, or if there were very many changes of any kind.
    """
    if backlog.rows > max(rows, share * backlog.indexed):
        return True
    return backlog.changes > max(_MAX_CHANGES, 2 * backlog.indexed)
