"""Describe the machine and the versions, for the output of benchmarks."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine(*packages: str) -> dict[str, Any]:
    """Return the processor, its cores and load, and the versions of Python and of packages."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor() or platform.machine(),
        "cores": CORES,
        "load": [round(load, 1) for load in os.getloadavg()],
        "python": platform.python_version(),
        "versions": {package: _version(package) for package in packages},
    }


def as_line(facts: dict[str, Any]) -> str:
    """Format the result of ``machine`` as one line."""
    load = " ".join(map(str, facts["load"]))
    line = f"{facts['cpu']}, {facts['cores']} cores, load {load}, Python {facts['python']}"
    return line + "".join(f", {name} {number}" for name, number in facts["versions"].items())


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"
