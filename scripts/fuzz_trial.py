"""Decode one hostile picture, and check the time, the memory and the errors of the decoder."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from indexer.errors import BadImage
from indexer.imaging.decodebudget import BUDGET
from indexer.imaging.images import decode, inspect

_SLACK_MB = 64  # memory beyond the budget, for the interpreter and the measurement
_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


class Trial(NamedTuple):
    """What came of a file: ``read``, ``refused``, ``failed`` or ``died``; the rules it broke."""

    name: str
    outcome: str
    cpu_s: float
    peak_mb: float
    broken: list[str]


def tried(name: str, data: bytes, side: int | None, cpu_s: float) -> Trial:
    """Decode a file at least as large as ``side``, or whole; it may take ``cpu_s`` of CPU time."""
    broken: list[str] = []
    outcome = "read"
    before = _restarted_peak()
    start = time.process_time()
    try:
        inspect(data)
        pixels = decode(data, side=side)
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
            broken.append(f"gives {pixels.dtype} {pixels.shape}")
    except BadImage as error:
        outcome = "refused"
        if "\n" in str(error):
            broken.append(f"an error of several lines: {error}")
    except Exception as error:  # noqa: BLE001 - this is what the trial looks for
        outcome = "failed"
        broken.append(f"{type(error).__name__}: {error}")
    seconds = time.process_time() - start
    peak = max(0.0, _peak() - before)
    if seconds > cpu_s:
        broken.append(f"takes {seconds:.2f} s")
    if peak > BUDGET.megabytes + _SLACK_MB:
        broken.append(f"takes {peak:.0f} MB")
    return Trial(name, outcome, seconds, peak, broken)


def _restarted_peak() -> float:
    """Reset the peak of memory; return the MB in use, or 0 if the system does not report it."""
    try:
        _CLEAR.write_text("5", encoding="ascii")
    except OSError:
        return 0.0
    return _peak()


def _peak() -> float:
    if not _CLEAR.exists():
        return 0.0
    (line,) = [x for x in _STATUS.read_text("ascii").splitlines() if x.startswith("VmHWM")]
    return int(line.split()[1]) / 1024
