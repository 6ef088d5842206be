"""One long job at a time on a shop."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading

import pytest

from indexer.errors import CannotWrite, StoreBusy
from indexer.shop.joblock import job_lock

HOLD = """
import sys
from pathlib import Path
from indexer.shop.joblock import job_lock
with job_lock(Path(sys.argv[1]), "vitrine index"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_job_is_told_who_holds_the_shop(tmp_path):
    with job_lock(tmp_path, "vitrine index"):
        holder = rf"held by vitrine index \(process {os.getpid()}\); wait for it or stop it"
        with pytest.raises(StoreBusy, match=holder), job_lock(tmp_path, "vitrine migrate"):
            pass


def test_the_lock_is_free_after_the_job_and_after_its_failure(tmp_path):
    with job_lock(tmp_path, "one"):
        pass
    with pytest.raises(ZeroDivisionError), job_lock(tmp_path, "two"):
        raise ZeroDivisionError
    with job_lock(tmp_path, "three"):
        assert (tmp_path / "job.lock").read_text() == f"three (process {os.getpid()})"
    assert (tmp_path / "job.lock").read_text() == ""


def test_two_shops_do_not_hold_each_other_up(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    with job_lock(tmp_path / "a", "one"), job_lock(tmp_path / "b", "two"):
        assert "two" in (tmp_path / "b" / "job.lock").read_text()


def test_two_threads_of_one_process_hold_each_other_up_too(tmp_path):
    refused = []

    def other() -> None:
        try:
            with job_lock(tmp_path, "two"):
                pass
        except StoreBusy:
            refused.append(True)

    with job_lock(tmp_path, "one"):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert refused == [True]


@pytest.mark.slow
def test_the_lock_of_a_killed_process_is_free_again(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(StoreBusy, match=str(process.pid)), job_lock(tmp_path, "two"):
            pass
        process.kill()
        process.wait()
        with job_lock(tmp_path, "two"):
            pass


def test_on_a_full_disk_a_job_may_run_and_holds_others_up(tmp_path):
    """Collecting garbage is a job, and the way to make room."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))  # no byte more fits into any file
    try:
        with (
            job_lock(tmp_path, "vitrine gc"),
            pytest.raises(StoreBusy, match="held by another job"),
            job_lock(tmp_path, "vitrine index"),
        ):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(CannotWrite, match=r"cannot write in .*file: Not a directory"),
        job_lock(tmp_path / "file", "one"),
    ):
        pass
