"""Compaction: a new index, built in a process of its own, once much was written beside the old."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING

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
# A process that is started anew, never forked: FAISS, LMDB and threads do not survive a fork. It
# looks for its code where this one found it, and leaves the cores to the searches.
_CODE = (
    "import os, sys; os.nice(10); sys.path[:] = {path!r}; from service.cli.main import main; main()"
)


class Compaction:
    """Looks every few seconds whether the index should be built anew, and has it done.

    Searches and writes go on meanwhile; ``Serving`` picks the new generation up by itself.
    """

    def __init__(self, shop: Path, serving: Serving, settings: Settings) -> None:
        """``settings`` say from how many rows beside the index on; see ``due``."""
        self._shop = shop
        self._serving = serving
        self._rows = settings.rebuild_rows
        self._share = settings.rebuild_share
        self._task: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None

    def start(self) -> None:
        """Begin to look, unless the settings say never."""
        if self._rows:
            self._task = asyncio.create_task(self._look())

    async def stop(self) -> None:
        """Look no more. A rebuild that runs is ended: it can be at any moment."""
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
                logger.exception("it cannot be told whether the index should be built anew")
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
        done = await self._rebuild()
        if done is not None:
            logger.log(
                logging.INFO if "is held by" in done else logging.ERROR,
                "the rebuild was not done: %s", done,
            )  # fmt: skip
            await asyncio.sleep(_PAUSE_S)
        waited = 0.0  # for the new generation to be opened, which takes a while
        while done is None and self._serving.generation == before and waited < _PAUSE_S:
            await asyncio.sleep(CHECK_S)
            waited += CHECK_S

    async def _rebuild(self) -> str | None:
        """Run ``vitrine rebuild``; None when it was done, else its last word."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _CODE.format(path=sys.path),
            "rebuild", "--shop", str(self._shop), "--json",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        self._process = process
        try:
            _, said = await process.communicate()
        except asyncio.CancelledError:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _STOP_S)
            raise
        if process.returncode == 0:
            return None
        lines = said.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        return f"{lines[-1]} (exit status {process.returncode})"


def due(backlog: Backlog, rows: int, share: float) -> bool:
    """Whether so much was written that a rebuild pays.

    That is more than ``rows`` rows beside the index or dead in it, and more than ``share`` of
    the index; or changes without number, of whatever kind.
    """
    if backlog.rows > max(rows, share * backlog.indexed):
        return True
    return backlog.changes > max(_MOST_CHANGES, 2 * backlog.indexed)
