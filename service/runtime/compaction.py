"""Compaction: once much was written beside the index, a process of its own builds a new one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, NamedTuple

from service.exitcodes import BUSY

if TYPE_CHECKING:
    from pathlib import Path

    from search.live.shop import Backlog
    from service.runtime.serving import Serving
    from service.settings import Settings

logger = logging.getLogger("vitrine.service")

CHECK_S = 5.0
_PAUSE_S = 60.0  # after a rebuild that failed, or that another process is doing
_MOST_CHANGES = 10_000  # however few rows: the log of changes and the layers grow with each
_STOP_S = 10.0
_NICER = 10  # by how much a rebuild's priority is lower: the cores are for the searches


class Compaction:
    """Checks every few seconds whether the index should be rebuilt, and starts the rebuild.

    Searches and writes go on meanwhile; ``Serving`` picks the new generation up by itself.
    """

    def __init__(self, shop: Path, serving: Serving, settings: Settings) -> None:
        """``settings`` give the rows beside the index from which a rebuild is due; see ``due``."""
        self._shop = shop
        self._serving = serving
        self._rows = settings.rebuild_rows
        self._share = settings.rebuild_share
        self._options = ["--threads", str(settings.threads)] if settings.threads else []
        self._task: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None

    def start(self) -> None:
        """Start checking, unless the settings say never."""
        if self._rows:
            self._task = asyncio.create_task(self._look())

    async def stop(self) -> None:
        """Stop checking, and end a rebuild that runs, which is safe at any moment."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def kill(self) -> None:
        """End a rebuild that runs, at once and from any thread: this process ends too."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGTERM)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(CHECK_S)
            try:
                await self._look_once()
            except Exception:  # no process to be had, say: the next look may find one
                logger.exception("the check whether the index should be rebuilt failed")
                await asyncio.sleep(_PAUSE_S)

    async def _look_once(self) -> None:
        backlog = await self._serving.backlog()
        if backlog is None or not due(backlog, self._rows, self._share):
            return
        before = self._serving.generation
        logger.info(
            "a rebuild starts: %d images were written beside the %d of the index",
            backlog.rows,
            backlog.indexed,
        )
        ended = await self._rebuild()
        if ended.code != 0:
            logger.log(
                logging.INFO if ended.code == BUSY else logging.ERROR,
                "the rebuild was not done: %s (exit status %d)", ended.message, ended.code,
            )  # fmt: skip
            await asyncio.sleep(_PAUSE_S)
            return
        waited = 0.0  # for the new generation to be opened, which takes a while
        while self._serving.generation == before and waited < _PAUSE_S:
            await asyncio.sleep(CHECK_S)
            waited += CHECK_S

    async def _rebuild(self) -> _Ended:
        """Run ``vitrine rebuild`` in a process of its own; return how it ended.

        It is started anew, never forked: FAISS, LMDB and threads do not survive a fork.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "service.cli.main",  # -P: not from the current folder
            "rebuild", "--shop", str(self._shop), "--json", *self._options,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},  # the code of this one
        )  # fmt: skip
        self._process = process
        with contextlib.suppress(OSError):  # it may have ended already
            priority = os.getpriority(os.PRIO_PROCESS, 0) + _NICER
            os.setpriority(os.PRIO_PROCESS, process.pid, priority)
        try:
            _, errors = await process.communicate()
        except asyncio.CancelledError:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _STOP_S)
            raise
        lines = errors.decode(errors="replace").strip().splitlines() or ["it printed nothing"]
        assert process.returncode is not None  # communicate() has waited for the end
        return _Ended(process.returncode, lines[-1])


class _Ended(NamedTuple):
    """How a rebuild ended: its exit status, and the last line that it wrote to stderr."""

    code: int
    message: str


def due(backlog: Backlog, rows: int, share: float) -> bool:
    """Return whether enough was written that a rebuild pays.

    That is more than ``rows`` rows beside the index or dead in it, and more than ``share`` of
    the index; or changes without number, of whatever kind.
    """
    if backlog.rows > max(rows, share * backlog.indexed):
        return True
    return backlog.changes > max(_MOST_CHANGES, 2 * backlog.indexed)
