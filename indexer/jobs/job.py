"""The frame of every long job on a shop: lock, shelf, store and garbage collection."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from indexer.errors import CannotWrite
from indexer.shop import encoderfiles, garbage
from indexer.shop.joblock import job_lock
from indexer.shop.shelf import Generation, Shelf
from indexer.store.replica import refuse_replica
from indexer.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from indexer.encoders.base import Encoder
    from indexer.shop.folder import ShopFolder
    from indexer.shop.garbage import Garbage
    from indexer.shop.manifest import Manifest


class Job:
    """A long job that holds the lock of a shop; see ``open_job``.

    ``shelf`` holds the generations at the beginning of the job, updated with what the job adds and
    deletes. ``started_with`` is the name in CURRENT at the beginning, None without one.
    """

    def __init__(self, folder: ShopFolder, stack: ExitStack, *, create: bool) -> None:
        self.folder = folder
        self.shelf = Shelf.read(folder)
        self.started_with = self.shelf.current
        self._stack = stack
        self._create = create

    @cached_property
    def store(self) -> Store:
        """The shop's store; opened on first use, so that a job that fails early makes no store."""
        return self._stack.enter_context(Store(self.folder.store, create=self._create))

    def keep_encoder(self, encoder: Encoder) -> None:
        """Copy the files of an encoder into the shop. Raises EncoderNotFound, StoreFull."""
        encoderfiles.copy_encoder_files(self.folder, encoder)

    def add_generation(self, manifest: Manifest, write: Callable[[Path], None]) -> Generation:
        """Write a generation without moving CURRENT. Raise as ``ShopFolder.add`` does."""
        generation = Generation(self.folder.add(manifest, write), manifest)
        self.shelf = self.shelf.with_added(generation)
        return generation

    def delete_old_generations(self) -> None:
        """Make room before the work begins: delete drafts and old generations."""
        with self.store.read() as reader:
            keep = garbage.generations_kept(reader)
        self.shelf = self.shelf.without(garbage.delete_old_generations(self.shelf, keep))

    def collect_garbage(self, *, keep: int | None = None) -> Garbage:
        """Delete what no kept generation needs; see ``indexer.shop.garbage.collect_garbage``."""
        done = garbage.collect_garbage(self.shelf, self.store, keep=keep)
        self.shelf = self.shelf.without(done.generations)
        return done


@contextmanager
def open_job(folder: ShopFolder, title: str, *, create: bool = False) -> Iterator[Job]:
    """Lock a shop for a long job with this title, such as ``vitrine rebuild``.

    With ``create``, make the folder and store if they are missing. Raises StoreBusy if another job
    holds the lock, Conflict if the shop is a replica, CannotWrite if the folder cannot be made.
    """
    if create:
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotWrite(f"cannot make {folder.path}: {error.strerror or error}") from error
    refuse_replica(folder.path)
    with job_lock(folder.path, title), ExitStack() as stack:
        yield Job(folder, stack, create=create)
