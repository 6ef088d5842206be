"""The end of the process: when its grace is over, whatever still runs."""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import multiprocessing
import os
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("vitrine.service")

_MARGIN_S = 0.5  # after the grace, for what ends just then to end well
_STUCK_S = 2.0  # and after that: some code keeps even this thread from running


class Ending:
    """Ends the process once its grace is over.

    Threads cannot be stopped, and Python waits for them at exit: a picture that takes minutes to
    decode would keep the process alive for as long. Nothing is lost by ending it: what was
    acknowledged is on disk, and the shop's files may be left at any moment.
    """

    def __init__(self, grace_s: float, last: Callable[[], None]) -> None:
        """``last`` is called right before the process ends; it flushes the log."""
        self._grace_s = grace_s
        self._last = last
        self._over = threading.Event()
        self._begun = False

    def begin(self) -> None:
        """Start the clock; the first call counts. Safe in a signal handler."""
        if self._begun:
            return
        self._begun = True
        # A thread of C ends the process where no thread of Python gets a turn any more.
        with contextlib.suppress(OSError, ValueError):
            faulthandler.dump_traceback_later(
                self._grace_s + _MARGIN_S + _STUCK_S, exit=True, file=2
            )
        threading.Thread(target=self._watch, name="vitrine-ending", daemon=True).start()

    def cancel(self) -> None:
        """Stop the clock: everything has ended by itself."""
        self._over.set()
        faulthandler.cancel_dump_traceback_later()

    def _watch(self) -> None:
        if self._over.wait(self._grace_s + _MARGIN_S):
            return
        logger.error("some work did not end within the grace of %g s; it is cut", self._grace_s)
        for child in multiprocessing.active_children():
            child.kill()
        self._last()
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(0)
