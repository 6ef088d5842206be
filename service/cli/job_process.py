"""The process of a job: runs a command of ``vitrine``, and notes its progress and its end.

Started by ``service.jobs.launcher`` with two arguments: the folder of the job, and the file
descriptor of the lock.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path

import click
import msgspec

from indexer.errors import VitrineError
from indexer.jsonbytes import decode_json_as
from service.cli.main import vitrine
from service.http.problems import code_of
from service.jobs.jobfolder import timestamp
from service.jobs.record import JobEnd, JobProblem, JobProgress, JobRequest
from style.errors import StyleError

_NICENESS = 10  # out of 19, so that searches get the cores first
_INTERVAL_S = 0.25


class ProgressFile:
    """Writes the progress of a job to a file, a few times a second; see ``Progress``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stage = ""
        self._at = 0.0

    def __call__(self, stage: str, done: int, total: int, skipped: int = 0, /) -> None:
        """Write the progress, unless it was written a moment ago."""
        now = time.monotonic()
        if stage == self._stage and done < total and now - self._at < _INTERVAL_S:
            return
        self._stage, self._at = stage, now
        with suppress(OSError):  # progress is not worth a failure
            replace(self._path, msgspec.json.encode(JobProgress(stage, done, total, skipped)))


def main(folder: Path) -> int:
    """Run the job in ``folder``; return the exit status."""
    # A service that a script started in the background ignores SIGINT, and its children would too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with suppress(OSError, AttributeError):  # not every system has os.nice
        os.nice(_NICENESS)
    request = decode_json_as((folder / "request.json").read_bytes(), JobRequest)
    problem = run(request.arguments, ProgressFile(folder / "progress.json"))
    sys.stdout.flush()  # the report is complete before its job has ended
    canceled = problem is not None and (folder / "cancel").exists()
    state = "succeeded" if problem is None else "canceled" if canceled else "failed"
    end = JobEnd(
        state=state,  # type: ignore[arg-type]  # one of its literals
        ended_at=timestamp(),
        problem=None if canceled else problem,
    )
    shutil.rmtree(folder / "upload", ignore_errors=True)
    replace(folder / "end.json", msgspec.json.encode(end))
    return 0 if problem is None else 1


def run(arguments: list[str], progress: ProgressFile) -> JobProblem | None:
    """Run a command of ``vitrine``; return why it failed, or None."""
    try:
        vitrine.main(arguments, prog_name="vitrine", standalone_mode=False, obj=progress)
    except click.ClickException as error:
        return JobProblem("invalid_request", error.format_message())
    except (KeyboardInterrupt, click.Abort):
        return JobProblem("interrupted", "the job was interrupted")
    except (VitrineError, StyleError) as error:
        print(f"vitrine: {error}", file=sys.stderr)
        return JobProblem(code_of(error), str(error))
    except Exception:  # noqa: BLE001 - the log of the job has the traceback
        traceback.print_exc()
        return JobProblem("internal_error", "unexpected error; the log of the job has the details")
    return None


def replace(path: Path, content: bytes) -> None:
    """Replace a file at once, so that no reader sees half of it."""
    draft = path.with_name(f".{path.name}")
    draft.write_bytes(content)
    draft.replace(path)


if __name__ == "__main__":
    status = main(Path(sys.argv[1]))
    os.close(int(sys.argv[2]))  # the next job need not wait until this process is gone
    sys.exit(status)
