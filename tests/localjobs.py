"""Jobs that run in the process of the tests."""

from __future__ import annotations

import contextlib
import os

import pytest

from service.cli import job_process
from service.http.routes import job_starts


def run_jobs_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the service run jobs in this process, to their end, before the reply."""

    def launch(folder, lock):
        with (
            (folder / "report.json").open("w") as report,
            contextlib.redirect_stdout(report),
            contextlib.chdir(folder),
        ):
            job_process.main(folder)
        return os.getpid()

    monkeypatch.setattr(job_starts, "launch", launch)
    monkeypatch.setattr("signal.signal", lambda *_: None)
