"""The place of a worker process in its service: its number, and the folder that all share."""

from __future__ import annotations

import contextlib
import mmap
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from service.runtime.buckets import create_file
from service.runtime.shared_connections import SharedConnections, create_counts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.settings import Settings

_EFFORT_BYTES = 8


@dataclass(frozen=True)
class WorkerProcess:
    """One of ``count`` processes that serve a shop at one address, numbered from 0.

    ``folder`` is the folder that they share; None if there is only one. The first one also does
    what must be done once: rebuilding the index, and watching its recall.
    """

    number: int = 0
    count: int = 1
    folder: Path | None = None
    is_replacement: bool = False  # of a process that died; the others serve meanwhile

    @property
    def is_first(self) -> bool:
        """Whether this process does what must be done once."""
        return self.number == 0

    @property
    def answers_early(self) -> bool:
        """Whether it answers before its index is open, at first to report that it is not ready."""
        return self.is_first and not self.is_replacement

    @property
    def metrics(self) -> Path | None:
        """The folder of the metrics of all workers."""
        return None if self.folder is None else self.folder / "metrics"

    @property
    def buckets(self) -> Path | None:
        """The file of the rate limits of all workers."""
        return None if self.folder is None else self.folder / "buckets"

    def connections(self) -> SharedConnections | None:
        """Return the counts of connections of all workers; None if there is only one."""
        if self.folder is None:
            return None
        return SharedConnections(self.folder / "connections", self.number, self.count)

    def share_of(self, settings: Settings) -> Settings:
        """Return the settings of this process: limits of the service are divided among workers."""
        if self.count == 1:
            return settings
        queue, connections = settings.queue_size, settings.max_connections
        # The first worker checks the queries of all, of which it gets its share only.
        share = min(1.0, settings.recall_sample * self.count)
        return settings.model_copy(
            update={
                "max_decode_mb": settings.max_decode_mb / self.count,
                "max_held_mb": settings.max_held_mb / self.count,
                "max_connections": max(8, -(-connections // self.count)),
                "queue_size": None if queue is None else max(1, -(-queue // self.count)),
                "threads": threads_of_each(settings.threads, self.count),
                "recall_sample": share if self.is_first else 0.0,
            }
        )


def threads_of_each(threads: int | None, count: int) -> int:
    """Return the threads of each worker, at least one. ``threads`` of None are all cores."""
    from indexer.threads import ThreadBudget

    return max(1, ThreadBudget(threads).count // count)


class SharedEffort:
    """The effort of searches, in the file that all workers map; implements ``Sharing``.

    One worker sets it for the generation that it serves. It is 0 for the others until they serve
    that generation too.
    """

    def __init__(self, folder: Path) -> None:
        """Map the file of ``shared_folder``."""
        with (folder / "effort").open("r+b") as file:
            self._numbers = memoryview(mmap.mmap(file.fileno(), _EFFORT_BYTES)).cast("Q")

    def effort(self, generation: str) -> GenerationEffort:
        """See ``search.live.sharing.Sharing``."""
        return GenerationEffort(self._numbers, int(generation))


class GenerationEffort:
    """The effort of searches in one generation; implements ``EffortLevel``."""

    def __init__(self, numbers: memoryview, generation: int) -> None:
        self._numbers = numbers
        self._generation = generation

    @property
    def extra(self) -> int:
        """See ``EffortLevel``."""
        packed = int(self._numbers[0])  # both in one number, because it is read without a lock
        return packed & 0xFF if packed >> 8 == self._generation else 0

    @extra.setter
    def extra(self, levels: int) -> None:
        """Set the number for all workers."""
        self._numbers[0] = self._generation << 8 | levels


@contextlib.contextmanager
def shared_folder() -> Iterator[Path]:
    """Create the folder that the workers of a service share, and delete it at the end."""
    folder = Path(tempfile.mkdtemp(prefix="vitrine-"))
    try:
        (folder / "metrics").mkdir()
        (folder / "effort").write_bytes(bytes(_EFFORT_BYTES))
        create_file(folder / "buckets")
        create_counts(folder / "connections")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
