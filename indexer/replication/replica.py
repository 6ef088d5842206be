"""A replica: the copy of a shop on another machine, which follows each change of its primary.

The first copy takes all items and what their rows refer to, then the generation that serves. After
that, each step asks for the changes since the last one, in one request if there are none. All of it
is repeatable: a step that was interrupted anywhere is simply taken again, and every transaction
leaves a state that can be served.

The replica has the rows of the primary under their numbers, and its log of changes. So the
generation of the primary, which refers to both, is served as it is.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from indexer.encoders.base import Model
from indexer.errors import Conflict, IndexCorrupt, IndexMismatch, IndexNotFound, StoreBusy
from indexer.layout import EVENTS
from indexer.replication.file_copy import FileCopy
from indexer.replication.item_copy import ItemCopy
from indexer.replication.log_copy import copy_logs
from indexer.replication.position import Position, read_position, write_position
from indexer.shop.garbage import collect_garbage
from indexer.shop.shelf import Shelf
from indexer.store.replay import ReplayWriter

if TYPE_CHECKING:
    from indexer.progress import Progress
    from indexer.replication.messages import Feed
    from indexer.replication.primary import Primary
    from indexer.shop.folder import ShopFolder
    from indexer.store.store import Store


class Step(msgspec.Struct, frozen=True):
    """What one step did: the last change that the replica has, and how many changes are left."""

    sequence: int
    behind: int
    changed: bool


class Replica:
    """Follows a primary. The caller holds the job lock of the shop as long as it does."""

    def __init__(
        self, shop: ShopFolder, store: Store, primary: Primary, *, progress: Progress
    ) -> None:
        """``store`` is that of the shop, opened as one that replicates."""
        self._shop = shop
        self._store = store
        self._primary = primary
        self._progress = progress
        self._items = ItemCopy(store, primary)
        self._files = FileCopy(shop, primary)

    def step(self) -> Step:
        """Ask the primary for what is new, and copy it.

        Raises PrimaryLost if the primary does not answer; BadPrimary if it answers wrongly;
        Conflict if the copy cannot go on because the primary was replaced by another shop, or the
        copy was written to; IndexMismatch if the primary's store has another format; StoreFull.
        """
        position = self._position()
        feed = self._primary.feed(position.since, position.meta_mark)
        if position.lineage and position.lineage != feed.lineage:
            raise self._other_history("the primary was restored, or is another shop")
        self._check_format(feed)
        position = self._copy_beside(feed, position)
        if not position.lineage or feed.changes is None or position.copied is not None:
            return self._copy_items(feed, position)
        return self._follow(feed, position)

    def check(self) -> None:
        """Raise Conflict if the folder holds a shop of its own, or a copy that others wrote to."""
        self._position()

    def start_anew(self) -> None:
        """Forget how far the copy has come, so that it is made anew from any primary.

        What is stored of pictures is kept, and not copied again; events are deleted. Raises
        Conflict if the shop never was a replica, StoreBusy if a process serves it.
        """
        with self._store.read() as reader:
            if not read_position(reader).lineage and reader.count("items"):
                raise Conflict(
                    f"{self._shop.path} is not a replica; copy into another folder, or delete it"
                )
        held = [name for name in self._shop.names() if self._shop.is_held(name)]
        if held:
            raise StoreBusy(
                f"generation {held[0]} of {self._shop.path} is being served; stop the service "
                "before the copy is made anew"
            )
        self._shop.current_file.unlink(missing_ok=True)
        shutil.rmtree(self._shop.generations, ignore_errors=True)
        shutil.rmtree(self._shop.path / EVENTS, ignore_errors=True)
        with self._store.write_as(ReplayWriter) as writer:
            write_position(writer, Position(copied=""))

    def _position(self) -> Position:
        """Return how far the copy has come. Raises Conflict if others have written to it."""
        with self._store.read() as reader:
            position = read_position(reader)
            sequence, items = reader.sequence, reader.count("items")
        if not position.lineage and position.copied is None and items:
            raise self._other_history("it is a shop of its own")
        following = position.lineage and position.copied is None
        if following and sequence != position.since + position.offset:
            raise self._other_history("it was written to")
        return position

    def _copy_items(self, feed: Feed, position: Position) -> Step:
        """Copy all items, or go on with that; the changes since it began follow in later steps."""
        goes_on = position.lineage and position.copied is not None and feed.changes is not None
        if not goes_on:
            position = msgspec.structs.replace(
                position, lineage=feed.lineage, since=feed.base, copied=""
            )
        position = self._items.compare_all(
            feed, position, logged=bool(self._shop.names()), progress=self._progress
        )
        return Step(position.since, max(1, feed.sequence - position.since), changed=True)

    def _follow(self, feed: Feed, position: Position) -> Step:
        """Apply the changes of the feed, and serve the generation that serves the primary."""
        model = Model(feed.encoder, feed.weights)
        serving = self._serving()
        moves = serving is None or serving[1] != feed.seal
        name = ""
        if moves:
            name = self._files.find_generation(feed.seal) or self._files.copy_generation(
                feed, self._progress
            )
            self._items.embed_all(model, self._progress)
        elif not feed.changes and feed.meta is None:
            return Step(position.since, feed.sequence - position.since, changed=False)
        moved = False

        def serve(since: int) -> None:
            """Move CURRENT as soon as the store has all that the generation refers to."""
            nonlocal moved
            if moves and since >= feed.base:
                self._shop.make_current(name)
                moved = True

        also = [] if serving is None or serving[0] == model else [serving[0]]
        position = self._items.apply(feed, position, also, serve)
        if moved:
            collect_garbage(Shelf.read(self._shop), self._store)
        behind = feed.sequence - position.since
        return Step(position.since, max(behind, int(moves and not moved)), changed=True)

    def _serving(self) -> tuple[Model, str] | None:
        """Return the model of the generation that serves here, and its seal."""
        with suppress(IndexNotFound, IndexCorrupt):
            manifest = self._shop.manifest(self._shop.current())
            return manifest.model, manifest.seal
        return None

    def _copy_beside(self, feed: Feed, position: Position) -> Position:
        """Copy what is beside the store, which the changes of items may refer to."""
        marks = {path: state.mark for path, state in feed.files.items()}
        if (marks, feed.logs) == (position.files, position.logs):
            return position
        self._files.copy_files(feed, position.files)
        copy_logs(self._shop.path, self._primary, feed.logs, position.logs)
        position = msgspec.structs.replace(position, files=marks, logs=feed.logs)
        with self._store.write_as(ReplayWriter) as writer:
            write_position(writer, position)
        return position

    def _check_format(self, feed: Feed) -> None:
        if feed.meta is None:
            return
        with self._store.read() as reader:
            ours = reader.format_bytes
        if feed.meta.get("format") != ours:
            raise IndexMismatch(
                "the store of the primary has another format than this version writes; run the "
                "same version of Vitrine on both"
            )

    def _other_history(self, why: str) -> Conflict:
        return Conflict(
            f"{self._shop.path} cannot follow this primary: {why}. To copy the primary anew, stop "
            "the service of this copy and add --anew"
        )
