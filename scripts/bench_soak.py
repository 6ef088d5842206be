"""Watch the memory and the open files of processes while they are under load."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from bench_clients import OpenLoop

_PAGE = os.sysconf("SC_PAGE_SIZE")


class Sample(NamedTuple):
    """Resident bytes and open files of some processes together, at a time in seconds."""

    at: float
    rss: int
    files: int


def soak(loop: OpenLoop, parent: int, rate: float, minutes: float) -> dict[str, Any]:
    """Send requests at this rate, and watch a process with all its children.

    Returns the slope of the resident memory after the first quarter of the time, as percent of
    itself an hour, and by how many the open files grew.
    """
    samples: list[Sample] = []
    family = family_of(parent)
    loop.run_at(rate, 60 * minutes, watch=lambda: samples.append(sample_of(family)))
    late = samples[len(samples) // 4 :]
    slope = slope_of(late)
    return {
        "minutes": minutes,
        "rate_per_s": round(rate, 1),
        "answered": len(loop.took.get(200, [])),
        "rss_mb": [round(late[0].rss / 1e6, 1), round(late[-1].rss / 1e6, 1)],
        "rss_slope_percent_an_hour": round(
            100 * 3600 * slope / float(np.mean([one.rss for one in late])), 2
        ),
        "files": [late[0].files, late[-1].files],
    }


def slope_of(samples: list[Sample]) -> float:
    """Return the slope of the resident bytes, in bytes a second; 0 for a single sample."""
    if len(samples) < 2:
        return 0.0
    return float(np.polyfit([s.at for s in samples], [s.rss for s in samples], 1)[0])


def family_of(parent: int) -> list[int]:
    """Return a process and all that descend from it."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text()
        except OSError:  # it ended meanwhile
            continue
        parents[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])
    found = [parent]
    for process in found:
        found += [child for child, of in parents.items() if of == process]
    return found


def sample_of(processes: list[int]) -> Sample:
    """Return what these processes hold now."""
    rss = files = 0
    for process in processes:
        try:
            rss += int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE
            files += len(list(Path(f"/proc/{process}/fd").iterdir()))
        except OSError:  # it ended meanwhile
            continue
    return Sample(time.perf_counter(), rss, files)
