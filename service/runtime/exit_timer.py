"""A timer that ends the process if a shutdown takes too long."""

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

_MARGIN_S = 0.5  # added to the grace period, so that work which ends just in time is not cut
_STUCK_S = 2.0  # added to both for the second timer, which runs if Python threads are blocked


class ExitTimer:
    """Ends the process when its grace period is over, even if threads still run.

    Python cannot stop a thread, and waits for all threads at exit: a picture that takes minutes
    to decode would keep the process alive as long. Ending the process loses nothing: acknowledged
    writes are on disk, and a shop's files may be abandoned at any moment.
    """

    def __init__(self, grace_s: float, before_exit: Callable[[], None]) -> None:
        """``before_exit`` is called right before the process ends, to flush the log."""
        self._grace_s = grace_s
        self._before_exit = before_exit
        self._canceled = threading.Event()
        self._started = False

    def start(self) -> None:
        """Start the timer, unless it runs already. Safe in a signal handler."""
        if self._started:
            return
        self._started = True
        # This timer is a C thread: it also works if a C extension holds the GIL.
        with contextlib.suppress(OSError, ValueError):
            faulthandler.dump_traceback_later(
                self._grace_s + _MARGIN_S + _STUCK_S, exit=True, file=2
            )
        threading.Thread(target=self._watch, name="vitrine-exit", daemon=True).start()

    def cancel(self) -> None:
        """Stop the timer: everything has ended in time."""
        self._canceled.set()
        faulthandler.cancel_dump_traceback_later()

    def _watch(self) -> None:
        if self._canceled.wait(self._grace_s + _MARGIN_S):
            return
        logger.error("some work did not end within %g s; it is cut off", self._grace_s)
        for child in multiprocessing.active_children():
            child.kill()
        self._before_exit()
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(0)
