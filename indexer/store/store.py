"""The truth of a shop: one LMDB environment with its items, images and embeddings.

Named databases, and what a key of each leads to::

    meta        name                                   -> a number or text (msgpack)
    items       item_id                                -> ItemRecord (msgpack)
    rows        row, 8 bytes big-endian                -> Row (msgpack)
    images      content hash (, rendition)             -> JPEG copy of the picture, for display
    originals   content hash (, rendition)             -> the picture as it came, where kept
    embeddings  encoder key, content hash, rendition   -> dim x fp16
    renditions  content hash, rendition                -> RenditionRecord (msgpack)
    changes     sequence, 8 bytes big-endian           -> what changed (1 byte), item_id

Embeddings and pictures are keyed by what the image contains, so the same bytes are encoded once,
however often they occur, and a build that was interrupted finds its work again. A picture in
another rendition than the original adds the name of that rendition to the content hash. Rows are
keyed by number and belong to one image of one item: they never shift, and two items with the
same photo have a row each.

``renditions`` notes how each image was rendered in a style of the shop, see
``indexer.writing.renditions``. Stores of earlier versions lack it; earlier versions ignore it.

``changes`` is the log of what was written: a process that has seen everything up to one number
reads on from there, and knows the shop again.

``meta`` notes the format of all this, see ``indexer.store.upgrades``.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from indexer.errors import IndexNotFound
from indexer.store.environment import Environment, exists
from indexer.store.records import PictureKey, Row
from indexer.store.transactions import Reader, Writer
from indexer.store.upgrades import check_format, is_new, upgrade

DATABASES = (
    "meta", "items", "rows", "images", "originals", "embeddings", "renditions", "changes",
)  # fmt: skip
_ADVICE = "restore it, or move it away and index again"
_DELETED_AT_ONCE = 2000  # keys in one transaction: writers wait no longer than that


class Store:
    """The store of a shop; close it, or use it in a ``with`` block.

    Thread-safe; never carry it across a fork.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Open the store in ``path``; with ``create``, make an empty one if it is missing.

        IndexNotFound when there is none; IndexMismatch when it is of a format that this version
        does not know; IndexCorrupt when it cannot be read as LMDB.
        """
        if not create and not exists(path):
            raise IndexNotFound(
                f"no catalog in {path.parent}; build one with 'vitrine index CATALOG --shop "
                f"{path.parent}'"
            )
        self.shop = path.parent  # before links are followed: the store may lie elsewhere
        self._environment = Environment(path, DATABASES, create=create, advice=_ADVICE)
        self.path = self._environment.path
        self._checked_format: bytes | None = b""  # none so far
        try:
            self._prepare(create)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the environment; a second call does nothing."""
        self._environment.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @contextmanager
    def read(self) -> Iterator[Reader]:
        """A consistent view. Keep it short: pages it can see cannot be reused meanwhile.

        IndexMismatch when a later version has upgraded the store since it was opened.
        """
        with self._environment.read() as txn:
            reader = Reader(txn)
            self._check_format(reader)
            yield reader

    @contextmanager
    def write(self) -> Iterator[Writer]:
        """A transaction that is on disk when the block ends, and undone if it raises.

        The first one upgrades a store of an earlier format. StoreFull when the map or the disk is
        full, or the folder is read-only; IndexMismatch as for ``read``.
        """
        with self._environment.write() as txn:
            writer = Writer(txn)
            self._check_format(writer)
            upgrade(writer)
            yield writer

    def delete_unused(self, kept: Collection[bytes] = frozenset()) -> int:
        """Delete embeddings and pictures that no row needs; returns how many.

        Contents in ``kept`` stay, in every rendition: a generation that one may go back to has
        them. Writes may go on: each of its short transactions looks at the rows that were added
        since. Call it with the shop's job lock held, for a build stores embeddings before the rows
        that need them.
        """
        with self.read() as reader:
            needed = _needed_by(row for _, row in reader.rows())
            seen = reader.meta("next_row", 0)
            unused = [
                (database, key, picture)
                for database, key, picture in reader.picture_keys()
                if picture not in needed[database] and picture.content not in kept
            ]
        deleted = 0
        for start in range(0, len(unused), _DELETED_AT_ONCE):
            with self.write() as writer:
                since = _needed_by(row for _, row in writer.rows(seen))
                part = unused[start : start + _DELETED_AT_ONCE]
                keys = [
                    (database, key)
                    for database, key, picture in part
                    if picture not in since[database]
                ]
                writer.delete_keys(keys)
            deleted += len(keys)
        return deleted

    def delete_changes(self, before: int) -> None:
        """Delete the log of changes up to this number, which nobody reads on from any more."""
        done = False
        while not done:
            with self.write() as writer:
                done = writer.delete_changes(before, _DELETED_AT_ONCE)

    def copy(self, descriptor: int) -> None:
        """Write the data file as it is now into an open file or pipe: see ``Environment.copy``."""
        self._environment.copy(descriptor)

    def bytes_used(self) -> int:
        """Bytes of disk that the data file takes."""
        return self._environment.bytes_used()

    def spare_bytes(self) -> int:
        """Bytes of the data file that nothing uses: what is stored next goes there first."""
        return self._environment.spare_bytes()

    def _prepare(self, create: bool) -> None:
        """Check the format; with ``create``, note it in a new store."""
        with self._environment.read() as txn:
            reader = Reader(txn)
            if not (create and is_new(reader)):
                self._check_format(reader)
                return
        with self._environment.write() as new:
            upgrade(Writer(new))

    def _check_format(self, reader: Reader) -> None:
        """IndexMismatch unless this version reads the store; quick where it was checked before."""
        found = reader.format_bytes
        if found != self._checked_format:
            check_format(reader, self.path)
            self._checked_format = found


class _Images(Container[object]):
    """The pictures of some images, in whatever rendition."""

    def __init__(self, pictures: Collection[PictureKey]) -> None:
        self._contents = {picture.content for picture in pictures}

    def __contains__(self, picture: object) -> bool:
        return isinstance(picture, PictureKey) and picture.content in self._contents


def _needed_by(rows: Iterable[Row]) -> dict[str, Container[object]]:
    """What rows need of each database of pictures.

    The record of a rendition stays with its image: one that was left out has no row.
    """
    pictures = {row.picture for row in rows}
    exact = dict.fromkeys(("images", "originals", "embeddings"), pictures)
    return {**exact, "renditions": _Images(pictures)}
