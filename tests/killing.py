"""Work that is killed at each of its steps in turn; a test then looks at what is left.

The children are forked, so the parent must be a process that never opened LMDB or FAISS: a test
hands a script to ``run_kills``, and the script calls ``kill_at_each_step``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

Ready = TypeVar("Ready")


def run_kills(script: str, *given: object) -> int:
    """Run a script that prints how often it killed, with these arguments; that number."""
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, given)],
        cwd=Path(__file__).parent.parent,
        check=True,
        capture_output=True,
        text=True,
    )
    return int(done.stdout)


def kill_at_each_step(
    steps: list[tuple[Any, str]], prepare: Callable[[int], Ready], work: Callable[[Ready], object]
) -> int:
    """Kill ``work`` at its first step, then a new one at its second, until one reaches its end.

    A step is a call of one of these functions, each named by what holds it: ``(os, "fsync")``.
    ``prepare`` makes what the work of each number is handed. Returns how many were killed.
    """
    killed = number = 0
    while killed == number:
        number += 1
        ready = prepare(number)
        pid = os.fork()
        if not pid:
            _die_at(number, steps)
            work(ready)
            os._exit(0)
        killed += os.waitpid(pid, 0)[1] == signal.SIGKILL
    return killed


def _die_at(number: int, steps: list[tuple[Any, str]]) -> None:
    calls = 0

    def deadly(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*args, **options)

        return call

    for owner, name in steps:
        setattr(owner, name, deadly(getattr(owner, name)))
