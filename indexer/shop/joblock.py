"""The lock that allows one long job at a time on a shop: index, rebuild, migrate, restore."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from indexer.errors import CannotWrite, StoreBusy
from indexer.layout import JOB_LOCK


@contextmanager
def job_lock(shop: Path, job: str) -> Iterator[None]:
    """Lock the shop for a long job. Raises StoreBusy, naming the job and process that holds it.

    The lock belongs to the open file, so it also ends when the process is killed. If the disk is
    full, the shop is locked without a name, so that collecting garbage is still possible.
    """
    path = shop / JOB_LOCK
    try:
        file = path.open("ab+", buffering=0)
    except OSError as error:
        raise CannotWrite(f"cannot write in {shop}: {error.strerror or error}") from error
    with file:
        if not path.is_file():
            raise CannotWrite(f"{path} is a pipe or a device, expected a file; delete it")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            holder = file.read().decode(errors="replace").strip() or "another job"
            raise StoreBusy(f"{shop} is held by {holder}; wait for it or stop it") from None
        file.truncate(0)
        with suppress(OSError):
            file.write(f"{job} (process {os.getpid()})".encode())
        try:
            yield
        finally:
            file.truncate(0)
