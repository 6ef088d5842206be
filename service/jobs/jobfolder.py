"""The jobs of a shop on disk: ``SHOP/jobs/ID/``, and the lock of the one that runs.

    jobs/lock                    locked by the process of the running job; names it and its process
    jobs/ID/request.json         what was requested (``JobRequest``)
    jobs/ID/progress.json        how far it is (``JobProgress``), replaced a few times a second
    jobs/ID/report.json          what the command printed: its report
    jobs/ID/log.txt              what the command printed to stderr
    jobs/ID/cancel               exists if the job was canceled
    jobs/ID/end.json             how it ended (``JobEnd``)
    jobs/ID/upload/              the catalog that came with the request, until the job ends

Every process of the service reads the same files, so any worker can list, watch and cancel a job,
also after a restart. The lock belongs to the open file that the job inherited, so it ends with the
job, however that ends.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from indexer.errors import CannotWrite, StoreBusy
from indexer.jsonbytes import decode_json, decode_json_as
from indexer.layout import JOB_LOCK, JOBS
from indexer.regularfile import open_regular, read_regular
from service.jobs.record import Job, JobEnd, JobProgress, JobRequest, JobState
from service.timestamp import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

KEPT = 100  # jobs that are kept; older ones are deleted when another starts
_ID = re.compile(r"\d{8}t\d{6}-\d{6}")
# Tries to get the lock: a job that has just ended, or a reader that checks for a running job, holds
# it for an instant.
_TRIES = 50
_PAUSE_S = 0.01
_SUMMARY = (str, int, float, bool)
_MOST_BYTES = 64 << 20  # of a file of a job
_LONGEST = 500  # characters of a text in a summary


class Holder(NamedTuple):
    """The running job, and its process, or 0 if that is not known yet."""

    job_id: str
    process: int


class JobFolder:
    """Lists, finds, adds and cancels the jobs of a shop. Every method reads the disk again."""

    def __init__(self, shop: Path) -> None:
        self._shop = shop
        self.path = shop.resolve() / JOBS

    def jobs(self) -> list[Job]:
        """Return all jobs that are kept, newest first."""
        holder = self.holder()
        found = [self._job(job_id, holder) for job_id in reversed(self._ids())]
        return [job for job in found if job is not None]

    def find(self, job_id: str) -> Job | None:
        """Return a job, or None if there is none with this id."""
        return self._job(job_id, self.holder()) if _ID.fullmatch(job_id) else None

    def report(self, job_id: str) -> bytes | None:
        """Return the report of a job as JSON, or None if it has none."""
        if not _ID.fullmatch(job_id):
            return None
        with suppress(OSError):
            return read_regular(self.path / job_id / "report.json", _MOST_BYTES) or None
        return None

    def cancel(self, job_id: str) -> bool:
        """Ask the process of a job to stop; return False if the job does not run.

        A second call kills the process. Nothing is lost: every job may be killed at any time.
        """
        holder = self.holder()
        if holder is None or holder.job_id != job_id or not holder.process:
            return False
        mark = self.path / job_id / "cancel"
        number = signal.SIGKILL if mark.exists() else signal.SIGINT
        with suppress(OSError):
            mark.touch()
        with suppress(ProcessLookupError):
            os.kill(holder.process, number)
        return True

    def holder(self) -> Holder | None:
        """Return the running job, or None."""
        try:
            with open_regular(self.path / "lock") as file:
                if _lock(file, fcntl.LOCK_SH):
                    return None
                name, _, process = file.read(100).decode(errors="replace").partition(" ")
        except OSError:
            return None
        return Holder(name, int(process) if process.isdigit() else 0)

    def add(
        self,
        request: JobRequest,
        start: Callable[[Path, int], int],
        prepare: Callable[[Path], object] = lambda _: None,
    ) -> str:
        """Store a request, and start its process; return the id of the job.

        ``start`` gets the folder of the job and the lock's file descriptor, which the process must
        inherit; it returns the process id. ``prepare`` may add files to the folder before. Raises
        StoreBusy if a job of the service, or a command, holds the shop; and CannotWrite.
        """
        try:
            self.path.mkdir(mode=0o700, exist_ok=True)
            lock = (self.path / "lock").open("ab+", buffering=0)
        except OSError as error:
            raise self._cannot_write(error) from error
        with lock:
            self._take(lock)
            job_id = _new_id()
            folder = self.path / job_id
            try:
                _write(lock, job_id)
                self._prune()
                folder.mkdir(mode=0o700)
                prepare(folder)
                (folder / "request.json").write_bytes(msgspec.json.encode(request))
                process = start(folder, lock.fileno())
            except OSError as error:
                shutil.rmtree(folder, ignore_errors=True)
                raise self._cannot_write(error) from error
            with suppress(OSError):  # the job runs, and can be listed without it
                _write(lock, f"{job_id} {process}")
        return job_id

    def _take(self, lock: IO[bytes]) -> None:
        for _ in range(_TRIES):
            if _lock(lock, fcntl.LOCK_EX):
                break
            holder = self.holder()
            if holder is not None and not (self.path / holder.job_id / "end.json").exists():
                raise self._busy(holder)
            time.sleep(_PAUSE_S)
        else:
            raise self._busy(self.holder())
        self._check_commands()

    def _check_commands(self) -> None:
        """Raise StoreBusy if a command, such as ``vitrine index``, holds the shop."""
        with suppress(OSError), open_regular(self._shop / JOB_LOCK) as file:
            name = file.read(200).decode(errors="replace").strip()
            # The lock is only tried if a job left its name, since that may get in the way of one.
            if name and not _lock(file, fcntl.LOCK_SH):
                raise StoreBusy(f"the shop is held by {name}; wait for it or stop it")

    def _job(self, job_id: str, holder: Holder | None) -> Job | None:
        folder = self.path / job_id
        request = _read(folder / "request.json", JobRequest)
        if request is None:
            return None
        end = _read(folder / "end.json", JobEnd)
        state, ended_at = self._state(folder, holder, end)
        return Job(
            id=job_id,
            kind=request.kind,
            state=state,
            subject=request.subject,
            options=request.options,
            started_by=request.started_by,
            request_id=request.request_id,
            created_at=request.created_at,
            ended_at=ended_at,
            progress=_read(folder / "progress.json", JobProgress),
            summary=summary_of(self.report(job_id)) if state == "succeeded" else None,
            problem=end.problem if end else None,
        )

    def _state(
        self, folder: Path, holder: Holder | None, end: JobEnd | None
    ) -> tuple[JobState, str | None]:
        """Return the state of a job, and when it ended."""
        canceled = (folder / "cancel").exists()
        if end is not None:
            return end.state, end.ended_at
        # If a job seems to be gone, it may have started or ended since the lock was looked at.
        for seen in (holder, self.holder()):
            if seen is not None and seen.job_id == folder.name:
                return ("canceling" if canceled else "running"), None
        if (end := _read(folder / "end.json", JobEnd)) is not None:
            return end.state, end.ended_at
        # The process is gone. Its last progress is the best guess of when it ended.
        at = max((path.stat().st_mtime for path in folder.glob("*.json")), default=0.0)
        return ("canceled" if canceled else "interrupted"), rfc3339(at)

    def _ids(self) -> list[str]:
        """Return the ids of all jobs, oldest first."""
        with suppress(OSError):
            return sorted(path.name for path in self.path.iterdir() if _ID.fullmatch(path.name))
        return []

    def _prune(self) -> None:
        for job_id in self._ids()[: -KEPT + 1]:
            shutil.rmtree(self.path / job_id, ignore_errors=True)

    def _busy(self, holder: Holder | None) -> StoreBusy:
        named = f"the job {holder.job_id}" if holder else "a job"
        return StoreBusy(f"{named} runs; wait for it or cancel it")

    def _cannot_write(self, error: OSError) -> CannotWrite:
        return CannotWrite(f"cannot write in {self.path}: {error.strerror or error}")


def summary_of(report: bytes | None) -> dict[str, object] | None:
    """Return the numbers and short texts of a report, without its lists; None without a report."""
    if not report:
        return None
    try:
        fields = decode_json(report)
    except msgspec.DecodeError:
        return None
    if not isinstance(fields, dict):
        return None
    return {name: value for name, value in fields.items() if _is_short(value)}


def _is_short(value: object) -> bool:
    return isinstance(value, _SUMMARY) and len(str(value)) <= _LONGEST


def timestamp() -> str:
    """Return the present time, as RFC 3339 in UTC."""
    return rfc3339(time.time())


def _new_id() -> str:
    return datetime.now(UTC).strftime("%Y%m%dt%H%M%S-%f")


def _lock(file: IO[bytes], how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _write(lock: IO[bytes], text: str) -> None:
    lock.truncate(0)
    lock.write(text.encode())


def _read(path: Path, kind: type[T]) -> T | None:
    """Return the content of a file, or None if it is missing or incomplete."""
    try:
        return decode_json_as(read_regular(path, _MOST_BYTES), kind)
    except (OSError, msgspec.DecodeError):
        return None
