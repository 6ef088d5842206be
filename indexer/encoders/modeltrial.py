"""Try ONNX files that a user names in a process of its own, before this process loads them.

A graph is a program: it may loop without end, unfold to millions of nodes, or fill the memory, and
ONNX Runtime cannot be interrupted. So the first load and run have limits, which grow with the size
of the files. This finds files that never work. It does not make a file harmless: a graph can behave
differently with other pictures.
"""

from __future__ import annotations

import contextlib
import importlib
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple, TextIO

import msgspec

from indexer.errors import VitrineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

_CPU_S = 10.0  # and for each 10 MB of weights one more: large models run long on one core
_WEIGHTS_A_S = 10_000_000  # bytes
_MEMORY = 8_000_000_000  # bytes, and four times the weights: large photos have large activations
_CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from indexer.encoders.modeltrial import run_trial; run_trial(*sys.argv[2:], out=sys.stdout)"
)


def fault_in_trial(
    load: Callable[[str], object],
    argument: str,
    files: Iterable[Path],
    *,
    cpu_s: float = _CPU_S,
    memory: int = _MEMORY,
) -> str:
    """Call ``load(argument)`` in a process of its own; return why that failed, or "".

    The reason names the file, or the argument.
    ``load`` is a function of a module, which loads ``files`` and runs them once. ``cpu_s`` and
    ``memory`` (bytes) are the limits without any weights. A failure is remembered until one of the
    files, or the JSON file beside it, changes: a service would try it again with each request.
    """
    trial = load.__module__, load.__name__, argument, cpu_s, memory
    files = list(files)
    version = [_version(path) for file in files for path in (file, file.with_suffix(".json"))]
    failed = _failures.get(trial)
    if failed is None or failed.version != version:
        failed = _Failure(_fault(load, argument, files, cpu_s, memory), version)
    if failed.fault:
        _failures[trial] = failed
    return failed.fault


class _Failure(NamedTuple):
    fault: str
    version: list[tuple[int, int, int] | None]  # of the files that failed


_failures: dict[tuple[object, ...], _Failure] = {}


def _version(file: Path) -> tuple[int, int, int] | None:
    """Return what changes when a file does; None if it is not there."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _fault(
    load: Callable[[str], object], argument: str, files: list[Path], cpu_s: float, memory: int
) -> str:
    weights = sum(file.stat().st_size for file in files if file.is_file())
    cpu_s += weights / _WEIGHTS_A_S
    memory += 4 * weights
    command = [sys.executable, "-P", "-c", _CODE, msgspec.json.encode(sys.path).decode()]
    arguments = [load.__module__, load.__name__, argument, str(round(cpu_s)), str(memory)]
    done = subprocess.run(  # noqa: S603 - the command is ours
        [*command, *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):  # soft and hard limit are the same
        return f"{argument}: it took more than {cpu_s:.0f} s of CPU time to load and run once"
    if done.returncode:
        needs = f"needs over {memory / 1e9:.0f} GB of memory"
        return f"{argument}: it {needs}, or ends the process that loads it"
    return done.stdout.decode("utf-8", "replace")


def run_trial(
    module: str, name: str, argument: str, cpu_s: str, memory: str, *, out: TextIO
) -> None:
    """Call a function within limits on this process. If it raises, the reason goes to ``out``."""
    with contextlib.suppress(ImportError):  # not everywhere
        import resource

        for limit, value in ((resource.RLIMIT_CPU, cpu_s), (resource.RLIMIT_AS, memory)):
            with contextlib.suppress(ValueError, OSError):  # the process has a lower one
                resource.setrlimit(limit, (int(value), int(value)))
    try:
        getattr(importlib.import_module(module), name)(argument)
    except VitrineError as error:
        out.write(str(error))
