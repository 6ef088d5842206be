"""The crash test in short (run the script for long): jobs killed at random moments lose nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_kills_at_random_moments_lose_nothing_and_leave_nothing_torn(tmp_path):
    done = subprocess.run(
        [sys.executable, "scripts/crash_test.py", "--kills", "5", "--seed", "3"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    assert (report["problems"], done.returncode) == ([], 0)
    assert report["kills"] >= 5
