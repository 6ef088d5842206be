"""The store of a shop: one LMDB environment with its items, images and embeddings.

The named databases, with their keys and values::

    meta        name                                   -> a number or text (msgpack)
    items       item_id                                -> ItemRecord (msgpack)
    rows        row, 8 bytes big-endian                -> Row (msgpack)
    images      content hash (, rendition)             -> JPEG copy of the picture, for display
    originals   content hash (, rendition)             -> the original bytes, if they are stored
    embeddings  encoder key, content hash, rendition   -> dim x fp16
    renditions  content hash, rendition                -> RenditionRecord (msgpack)
    changes     sequence, 8 bytes big-endian           -> what changed (1 byte), item_id

Embeddings and pictures are keyed by content, so the same bytes are encoded only once, and an
interrupted build finds its earlier work. The key of a picture is the content hash alone for an
original; for another rendition its name is appended. A row belongs to one image of one item: two
items with the same photo have a row each. Row numbers never change.

``renditions`` notes how each image was rendered in a style of the shop, see
``indexer.writing.renditions``. Stores of earlier versions lack it; earlier versions ignore it.

``changes`` is the log of all writes. A process that has read it up to one number can read on from
there to update its view of the shop.

``meta`` holds the number of this format, see ``indexer.store.upgrades``.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from indexer.errors import IndexNotFound
from indexer.items import ORIGINAL
from indexer.store.environment import Environment, exists
from indexer.store.records import PictureKey, Row
from indexer.store.replica import refuse_replica
from indexer.store.transactions import Reader, Writer
from indexer.store.upgrades import check_format, is_new, upgrade

DATABASES = (
    "meta", "items", "rows", "images", "originals", "embeddings", "renditions", "changes",
)  # fmt: skip
R = TypeVar("R", bound=Reader)
W = TypeVar("W", bound=Writer)

_ADVICE = "restore it, or move it away and index again"
_DELETED_AT_ONCE = 2000  # keys per transaction, so that writers do not wait long


class Store:
    """The store of a shop. Close it, or use it in a ``with`` block.

    Thread-safe. Do not use it after a fork.
    """

    def __init__(self, path: Path, *, create: bool = False, replicates: bool = False) -> None:
        """Open the store in ``path``; ``create`` makes an empty one if it is missing.

        Only a store that ``replicates`` may write to a replica. Raises IndexNotFound if there is
        none, IndexMismatch if this version does not support its format, and IndexCorrupt if it is
        not valid LMDB.
        """
        if not create and not exists(path):
            raise IndexNotFound(
                f"no catalog in {path.parent}; build one with 'vitrine index CATALOG --shop "
                f"{path.parent}'"
            )
        self.shop = path.parent  # before links are resolved: ``path`` may be a link
        self._replicates = replicates
        self._environment = Environment(path, DATABASES, create=create, advice=_ADVICE)
        self.path = self._environment.path
        self._checked_format: bytes | None = b""  # nothing checked yet
        try:
            self._prepare(create)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the store; a second call does nothing."""
        self._environment.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def last_transaction(self) -> int:
        """The number of the last write transaction of any process; takes a microsecond to read."""
        return self._environment.last_transaction

    @contextmanager
    def read(self) -> Iterator[Reader]:
        """Open a consistent view. Keep it short, because LMDB cannot reuse the pages it sees.

        Raises IndexMismatch if a later version has upgraded the store since it was opened.
        """
        with self.read_as(Reader) as reader:
            yield reader

    @contextmanager
    def read_as(self, kind: type[R]) -> Iterator[R]:
        """Open a view like ``read``, with another kind of reader."""
        with self._environment.read() as txn:
            reader = kind(txn)
            self._check_format(reader)
            yield reader

    @contextmanager
    def write(self) -> Iterator[Writer]:
        """Open a transaction that is on disk when the block ends; an exception undoes it.

        The first write upgrades a store of an earlier format. Raises StoreFull if the map or the
        disk is full, or the folder is read-only; Conflict if the shop is a replica; IndexMismatch
        as ``read`` does.
        """
        with self.write_as(Writer) as writer:
            yield writer

    @contextmanager
    def write_as(self, kind: type[W]) -> Iterator[W]:
        """Open a transaction like ``write``, with another kind of writer."""
        if not self._replicates:
            refuse_replica(self.shop)
        with self._environment.write() as txn:
            writer = kind(txn)
            self._check_format(writer)
            upgrade(writer)
            yield writer

    def delete_unused(
        self, kept: Collection[bytes] = frozenset(), styles: Collection[str] | None = None
    ) -> int:
        """Delete embeddings and pictures that no row needs; return how many were deleted.

        The originals of contents in ``kept``, and their renditions in ``styles`` (None: in any
        style), are not deleted, because earlier generations need them for a rollback. Others may
        write meanwhile: each of the short transactions checks the rows that were added. The caller
        must hold the shop's job lock, because a build stores embeddings before their rows.
        """

        def is_kept(picture: PictureKey) -> bool:
            return picture.content in kept and (
                styles is None or picture.rendition == ORIGINAL or picture.rendition in styles
            )

        with self.read() as reader:
            needed = _needed_by(row for _, row in reader.rows())
            seen = reader.meta("next_row", 0)
            unused = [
                (database, key, picture)
                for database, key, picture in reader.picture_keys()
                if picture not in needed[database] and not is_kept(picture)
            ]
        deleted = 0
        for start in range(0, len(unused), _DELETED_AT_ONCE):
            with self.write() as writer:
                since = _needed_by(row for _, row in writer.rows(seen))
                batch = unused[start : start + _DELETED_AT_ONCE]
                keys = [
                    (database, key)
                    for database, key, picture in batch
                    if picture not in since[database]
                ]
                writer.delete_keys(keys)
            deleted += len(keys)
        return deleted

    def delete_changes(self, before: int) -> None:
        """Delete the log up to and including change ``before``, once no generation needs it."""
        done = False
        while not done:
            with self.write() as writer:
                done = writer.delete_changes(before, _DELETED_AT_ONCE)

    def copy(self, descriptor: int) -> None:
        """Copy the data file to an open file or pipe, see ``Environment.copy``."""
        self._environment.copy(descriptor)

    def bytes_used(self) -> int:
        """Return the disk space of the data file in bytes."""
        return self._environment.bytes_used()

    def spare_bytes(self) -> int:
        """Return the unused bytes of the data file; the next writes use them first."""
        return self._environment.spare_bytes()

    def _prepare(self, create: bool) -> None:
        """Check the format; with ``create``, write it to a new store."""
        with self._environment.read() as txn:
            reader = Reader(txn)
            if not (create and is_new(reader)):
                self._check_format(reader)
                return
        with self._environment.write() as new:
            upgrade(Writer(new))

    def _check_format(self, reader: Reader) -> None:
        """Raise IndexMismatch if this version cannot read the store; fast if checked before."""
        found = reader.format_bytes
        if found != self._checked_format:
            check_format(reader, self.path)
            self._checked_format = found


class _Images(Container[object]):
    """The pictures of some images, in all renditions."""

    def __init__(self, pictures: Collection[PictureKey]) -> None:
        self._contents = {picture.content for picture in pictures}

    def __contains__(self, picture: object) -> bool:
        return isinstance(picture, PictureKey) and picture.content in self._contents


def _needed_by(rows: Iterable[Row]) -> dict[str, Container[object]]:
    """Return the pictures that rows need, for each database of pictures.

    The records of renditions are needed as long as their image, because a rendition that was left
    out has no row.
    """
    pictures = {row.picture for row in rows}
    exact = dict.fromkeys(("images", "originals", "embeddings"), pictures)
    return {**exact, "renditions": _Images(pictures)}
