"""Read a table in a process of limited memory.

Libraries lay hostile tables out in memory: a single cell in the last row and column of an otherwise
empty sheet takes 500 GB, and a Parquet file of 60 kB repeats texts to 7 GB. An allocation that
fails ends that process alone.
"""

from __future__ import annotations

import contextlib
import importlib
import subprocess
import sys
from typing import IO, TYPE_CHECKING

import msgspec

from indexer.errors import BadCatalog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MOST_MEMORY = 4_000_000_000
"""Bytes; a full sheet of a million rows and 40 columns takes half."""

_CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from indexer.catalog.limitedprocess import write; write(*sys.argv[2:], sys.stdout.buffer)"
)


@contextlib.contextmanager
def written_by(
    function: Callable[[str, IO[bytes]], None], path: Path, memory: int = MOST_MEMORY
) -> Iterator[IO[bytes]]:
    """Run ``function(path, out)`` in a process of its own; give what it writes to ``out``.

    ``function`` is one of a module. The process ends with the context. Raises BadCatalog at the end
    of the output if the function failed, or took more than ``memory`` bytes.
    """
    search_path = msgspec.json.encode(sys.path).decode()
    command = [sys.executable, "-P", "-c", _CODE, search_path]
    arguments = [function.__module__, function.__name__, str(path), str(memory)]
    with subprocess.Popen(  # noqa: S603 - the command is ours
        [*command, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout
            process.stdout.close()
            if process.wait() != 0:
                raise BadCatalog(
                    f"cannot read {path}: its reader failed, or needs more than "
                    f"{memory / 1e9:g} GB of memory; save it as CSV"
                )
        finally:
            process.kill()


def write(module: str, name: str, path: str, memory: str, out: IO[bytes]) -> None:
    """Call a function within a limit on the memory of this process."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # not everywhere
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    with contextlib.suppress(BrokenPipeError):  # enough was read
        getattr(importlib.import_module(module), name)(path, out)
