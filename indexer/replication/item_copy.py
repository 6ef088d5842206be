"""Copy the items of a primary to the store of its replica, with all that their rows refer to."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

import msgspec

from indexer.encoders.base import Model
from indexer.errors import BadPrimary
from indexer.replication.position import OWN_META, Position, write_position
from indexer.shop import write_encoders
from indexer.store.keys import item_key
from indexer.store.replay import (
    ExportReader,
    LoggedChange,
    ReplayWriter,
    ValueKey,
    values_of,
    values_of_picture,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from indexer.progress import Progress
    from indexer.replication.messages import Feed
    from indexer.replication.primary import Primary
    from indexer.store.records import ItemRecord
    from indexer.store.store import Store

_KEYS_AT_ONCE = 2000  # values that are asked for in one request
_WRITTEN_AT_ONCE = 32 << 20  # bytes in one transaction


class ItemCopy:
    """Brings the store of a replica to the state of its primary.

    Values are copied before the items that need them, each in short transactions, so that whatever
    was copied stays after a crash. They are keyed by content, so none is copied twice.
    """

    def __init__(self, store: Store, primary: Primary) -> None:
        """``store`` must have been opened as one that replicates."""
        self._store = store
        self._primary = primary

    def compare_all(
        self, feed: Feed, position: Position, *, logged: bool, progress: Progress
    ) -> Position:
        """Compare all items with the primary's, and copy what differs; return the new position.

        ``position.copied`` is where an interrupted copy goes on. With ``logged``, an open engine
        follows each change; the first copy needs no log, because nothing can serve yet.
        """
        model = _model_of(feed)
        after, last = position.copied or "", False
        total, done = max(feed.sequence, 1), 0
        while not last:
            page = self._primary.items(after)
            last = page.last
            self._copy_values(_keys(page.records, [model.key]))
            end = None if last else page.records[-1].item.item_id
            if end is not None and item_key(end) <= item_key(after):
                raise BadPrimary(f"the primary sends items out of order, after {after[:80]!r}")
            with self._store.write_as(ReplayWriter) as writer:
                gone = _between(writer, after, end) - {
                    record.item.item_id for record in page.records
                }
                changed = dict.fromkeys(sorted(gone)) | {
                    record.item.item_id: record for record in page.records
                }
                for item_id, record in changed.items():
                    change = writer.replay_item(item_id, record)
                    if change and logged:
                        writer.log_change(LoggedChange(writer.sequence + 1, item_id, int(change)))
                position = msgspec.structs.replace(position, copied=end)
                if last:
                    position = _at_base(writer, position, feed, logged=logged)
                write_position(writer, position)
            after = end or ""
            done += len(page.records)
            progress("items", done, max(total, done))
        return position

    def apply(
        self,
        feed: Feed,
        position: Position,
        also: Iterable[Model],
        finish: Callable[[int], None],
    ) -> Position:
        """Apply the changes of a feed in one transaction; return the new position.

        ``also`` are further models whose embeddings are needed. ``finish`` is called at the end of
        the transaction, with the number of the last change that it has applied.
        """
        entries, records = feed.changes or [], feed.records or {}
        models = [_model_of(feed).key, *(model.key for model in also)]
        self._copy_values(_keys([record for record in records.values() if record], models))
        since = entries[-1].number if entries else position.since
        meta = feed.meta
        with self._store.write_as(ReplayWriter) as writer:
            for item_id, record in records.items():
                writer.replay_item(item_id, record)
            for entry in entries:
                number = entry.number + position.offset
                writer.log_change(LoggedChange(number, entry.item_id, entry.change))
            if meta is not None and since == feed.sequence:
                writer.replace_meta(meta, OWN_META)
                position = msgspec.structs.replace(position, meta_mark=feed.meta_mark)
            position = msgspec.structs.replace(position, since=since)
            write_position(writer, position)
            finish(since)
        return position

    def embed_all(self, model: Model, progress: Progress) -> None:
        """Copy the embeddings by a model of all rows that lack one."""
        with self._store.read() as reader:
            missing = [row.picture for row in write_encoders.unembedded(reader, model)]
        keys = [next(values_of_picture(picture, model.key)) for picture in missing]
        self._copy_values(keys, lambda done: progress("embeddings", done, len(keys)))

    def _copy_values(
        self, keys: Iterable[ValueKey], watch: Callable[[int], None] = lambda _done: None
    ) -> None:
        """Copy the values that this store lacks. Values that the primary lacks are left out."""
        with self._store.read_as(ExportReader) as reader:
            missing = [key for key in dict.fromkeys(keys) if not reader.has_value(key)]
        start = 0
        waiting: dict[ValueKey, bytes] = {}
        size = 0
        while start < len(missing):
            asked = missing[start : start + _KEYS_AT_ONCE]
            found = self._primary.values(asked)
            for key, value in zip(asked, found, strict=False):
                if value is not None:
                    waiting[key] = value
                    size += len(value)
            start += len(found)
            if size >= _WRITTEN_AT_ONCE or start >= len(missing):
                with self._store.write_as(ReplayWriter) as writer:
                    writer.put_values(waiting)
                waiting, size = {}, 0
            watch(start)


def _keys(records: Sequence[ItemRecord], encoders: Sequence[bytes]) -> Iterator[ValueKey]:
    for record in records:
        for encoder in encoders:
            yield from values_of(record, encoder)


def _between(writer: ReplayWriter, after: str, end: str | None) -> set[str]:
    """Return the ids of the items that follow ``after``, up to and including ``end``."""
    ids = (record.item.item_id for record in writer.items(after))
    if end is None:
        return set(ids)
    limit = item_key(end)
    return set(takewhile(lambda item_id: item_key(item_id) <= limit, ids))


def _at_base(writer: ReplayWriter, position: Position, feed: Feed, *, logged: bool) -> Position:
    """Return the position after all items were copied: the changes since the base follow."""
    base = position.since
    if logged:
        # Numbers never decrease, because an open engine would not notice.
        local = max(writer.sequence, base)
        writer.put_meta("changes", local)
    else:
        writer.delete_changes(writer.sequence, writer.count("changes"))
        local = base
        writer.put_meta("changes", local)
    return msgspec.structs.replace(position, copied=None, lineage=feed.lineage, offset=local - base)


def _model_of(feed: Feed) -> Model:
    return Model(feed.encoder, feed.weights)
