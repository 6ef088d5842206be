"""Ctrl+C ends a long job at once, also where it is deep within a library."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from service.exitcodes import FAILED

GRACE_S = 1.2  # for the ordinary way: what was encoded is committed, threads end, files are closed
_SHOW_CURSOR = "\x1b[?25h"  # which a progress bar hides


@contextmanager
def exit_on_interrupt(message: str) -> Iterator[None]:
    """Within this block Ctrl+C ends the process after a moment, whatever it is doing.

    Python raises KeyboardInterrupt only between two of its own steps, and an encoder or FAISS may
    work for minutes within one. So a thread is told of the signal, too: if the block has not
    ended by itself after a moment, it prints ``message`` and ends the process with status 1. If
    the block has ended and the process has not, because it waits for a thread that is stuck, the
    process ends after one more moment. A job within must be one that may be killed at any time.
    Does nothing outside the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    done = threading.Event()
    before = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    watcher = threading.Thread(
        target=_watch, args=(woken, done, message), name="interrupt", daemon=True
    )
    watcher.start()
    interrupted = False
    try:
        yield
    except KeyboardInterrupt:
        interrupted = True
        raise
    finally:
        done.set()
        signal.set_wakeup_fd(before)
        if not interrupted:  # else it goes on, and sees the process to its end
            os.close(wake)  # which ends the watcher
            watcher.join()
            os.close(woken)


def _watch(woken: int, done: threading.Event, message: str) -> None:
    while signals := _read(woken):
        if signal.SIGINT not in signals:
            continue
        if not done.wait(GRACE_S):
            _end(message)
        time.sleep(GRACE_S)
        os._exit(FAILED)


def _read(woken: int) -> bytes:
    """Return the numbers of the signals that came; b"" when the block has ended."""
    select.select([woken], [], [])
    return os.read(woken, 64)


def _end(message: str) -> None:
    cursor = _SHOW_CURSOR if sys.stderr.isatty() else ""
    os.write(2, f"{cursor}\n{message}\nvitrine: interrupted\n".encode())
    os._exit(FAILED)
