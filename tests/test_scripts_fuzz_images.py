"""The fuzzer of pictures in short: every format, built to be dear, stays within its bounds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
DEADLY = """
import os, signal, sys
sys.path.insert(0, "scripts")
import fuzz_images
def tried(name, data, side, cpu_s):
    global number
    number += 1
    if number == 2:
        os.kill(os.getpid(), signal.SIGSEGV)
    return fuzz_images.Trial(name, "read", 0.0, 0.0, [])
number = 0
fuzz_images.tried = tried
options = ["--files", "3", "--seed", "1", "--largest", "64", "--keep"]
sys.argv = ["fuzz_images.py", *options, sys.argv[1]]
sys.exit(fuzz_images.main())
"""


@pytest.mark.slow
def test_hostile_pictures_are_decoded_or_refused_within_bounds():
    # Processor time counts, not the clock; and more of it than alone, where others share the core.
    options = ["--seconds", "4", "--seed", "3", "--largest", "1200", "--cpu-s", "4"]
    report, status = run("scripts/fuzz_images.py", *options)
    assert (report["problems"], status) == ([], 0)
    assert report["read"] > 0
    assert report["refused"] > 0


@pytest.mark.slow
def test_a_file_that_ends_the_process_is_kept_and_the_next_one_is_tried(tmp_path):
    # The second file of each process ends it: the first process tries files 0 and 1, the next 2.
    report, status = run("-c", DEADLY, tmp_path)
    assert (report["files"], report["read"], report["died"], status) == (3, 2, 1, 1)
    assert report["problems"] == ["file 1, jpeg, bent: ends the process by SIGSEGV"]
    assert [path.name for path in tmp_path.iterdir()] == ["0000001"]


def run(*arguments: object) -> tuple[dict[str, Any], int]:
    """Run Python with these arguments; return the JSON it prints, and its exit status."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout), done.returncode
