"""Ends a long job soon after Ctrl+C, even while a library is busy."""

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

GRACE_S = 1.2  # for the job to commit embeddings and close files
END_S = 1.7  # from the signal to the end of the process, with the threads that Python waits for
_SHOW_CURSOR = "\x1b[?25h"  # a progress bar hides the cursor


@contextmanager
def exit_on_interrupt(message: str) -> Iterator[None]:
    """End the process about a second after Ctrl+C, whatever the block is doing.

    Python raises KeyboardInterrupt only between two of its instructions, and a call to an encoder
    or FAISS may take minutes. So a thread receives the signal too. If the block has not ended
    after ``GRACE_S``, the thread prints ``message`` and ends the process with status 1. If the
    block has ended but the process waits for another thread, it ends ``END_S`` after the signal.
    Use it only for jobs that may be killed at any time. Outside the main thread it does nothing.
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
        if not interrupted:  # otherwise the watcher must end the process
            os.close(wake)  # ends the watcher
            watcher.join()
            os.close(woken)


def _watch(woken: int, done: threading.Event, message: str) -> None:
    while signals := _read(woken):
        if signal.SIGINT not in signals:
            continue
        end = time.monotonic() + END_S
        if not done.wait(GRACE_S):
            _end(message)
        time.sleep(max(0.0, end - time.monotonic()))
        os._exit(FAILED)


def _read(woken: int) -> bytes:
    """Return the numbers of received signals, or b"" when the block has ended."""
    select.select([woken], [], [])
    return os.read(woken, 64)


def _end(message: str) -> None:
    cursor = _SHOW_CURSOR if sys.stderr.isatty() else ""
    os.write(2, f"{cursor}\n{message}\nvitrine: interrupted\n".encode())
    os._exit(FAILED)
