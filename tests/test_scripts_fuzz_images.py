"""The fuzzer of pictures in short: every format, built to be dear, stays within its bounds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_hostile_pictures_are_decoded_or_refused_within_bounds():
    # Processor time counts, not the clock; and more of it than alone, where others share the core.
    options = ["--seconds", "4", "--seed", "3", "--largest", "1200", "--cpu-s", "4"]
    done = subprocess.run(
        [sys.executable, "scripts/fuzz_images.py", *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    assert (report["problems"], done.returncode) == ([], 0)
    assert report["read"] > 0
    assert report["refused"] > 0
