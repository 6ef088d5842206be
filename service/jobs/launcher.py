"""Starts the process of a job."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger("vitrine.service")

_MODULE = "service.cli.job_process"


def launch(folder: Path, lock: int) -> int:
    """Start the process of the job in ``folder``; return its process id.

    The process is not forked from this one, because FAISS, LMDB and threads do not survive it. It
    has a session of its own, so that it survives the service and its terminal. It inherits the
    file descriptor ``lock``. Its working directory is ``folder``. Raises OSError.
    """
    paths = map(os.path.abspath, sys.path)  # the same code as here
    with (folder / "report.json").open("wb") as report, (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - the command is ours
            # -P: import nothing from the current folder.
            [sys.executable, "-P", "-m", _MODULE, ".", str(lock)],
            stdin=subprocess.DEVNULL,
            stdout=report,
            stderr=log,
            pass_fds=[lock],
            cwd=folder,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
    # Without a thread that waits for it, an ended process would stay in the process table.
    name = f"job {folder.name}"
    threading.Thread(target=_wait, args=(process, name), name=name, daemon=True).start()
    return process.pid


def _wait(process: subprocess.Popen[bytes], name: str) -> None:
    status = process.wait()
    logger.log(logging.WARNING if status else logging.INFO, "%s ended with status %d", name, status)
