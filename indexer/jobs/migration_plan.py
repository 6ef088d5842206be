"""Predict the time and disk space of a migration, and where its pictures will be read."""

from __future__ import annotations

import shutil
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from indexer.encoders.base import Model
from indexer.errors import IndexCorrupt, StoreFull
from indexer.items import ORIGINAL
from indexer.jobs.migrate import check_target
from indexer.shop import write_encoders
from indexer.shop.manifest import WORDS
from indexer.shop.shelf import Shelf
from indexer.store.pictures import PictureOrigin, image_folder
from indexer.store.store import Store
from indexer.store.transactions import Reader
from indexer.vectors.faiss_backend import ROWS
from indexer.writing.reembed import MissingPicture, Reembedding

if TYPE_CHECKING:
    from indexer.encoders.base import Encoder
    from indexer.imaging.imagefolder import ImageFolder
    from indexer.shop.folder import ShopFolder
    from indexer.shop.manifest import Manifest
    from indexer.store.records import Row

_SAMPLE_SECONDS = 1.0  # of embedding some of the shop's pictures
_SAMPLE = 512  # pictures to embed at most
_NAMED = 5  # lost pictures that are listed by name
# LMDB stores a key of 32 bytes and a node header beside each value. Pages are two thirds full on
# average. A value larger than half a page gets pages of its own.
_PAGE, _HALF_PAGE, _KEY, _FILL = 4096, 2000, 48, 1.5


class MigrationPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A prediction from the store's rows and from one second of embedding a sample of its pictures.

    ``images`` counts the shop's distinct pictures, ``known`` those that are embedded already.
    ``sources`` counts the others by where they will be read, as in ``MigrationReport``; a file
    counts if it exists, even if it has changed since it was indexed. ``embedding_only`` counts
    images that never had a picture, ``lost`` those whose picture is gone; the candidate contains
    neither. ``seconds`` covers embedding, but not building the index. ``disk_bytes`` is the growth
    of the store plus the new index.
    """

    encoder: str
    dim: int
    images: int
    known: int
    sources: dict[str, int]
    embedding_only: int
    lost: int
    lost_names: list[str]
    images_per_second: float
    seconds: float
    disk_bytes: int
    free_bytes: int
    fits: bool

    def check_room(self, shop: ShopFolder) -> None:
        """Raise StoreFull if the disk has no room for the migration."""
        if not self.fits:
            raise StoreFull(
                f"migrating {shop.path} to {self.encoder} takes about "
                f"{self.disk_bytes / 1e6:.1f} MB of disk, and {self.free_bytes / 1e6:.1f} MB are "
                f"free; make room there "
                f"('vitrine gc --keep 1 --shop {shop.path}' removes old generations)"
            )


def plan_migration(shop: ShopFolder, encoder: Encoder, *, share: float = 1.0) -> MigrationPlan:
    """Predict the cost of ``migrate`` to this encoder on this machine; write nothing.

    ``share`` is the fraction of the time that it will work. Raises Conflict (the shop serves this
    encoder already), IndexCorrupt, BadEncoder.
    """
    serving = check_target(Shelf.read(shop), encoder).manifest
    with Store(shop.store) as store:
        with store.read() as reader:
            counted = _count_pictures(reader, encoder)
            folder = image_folder(reader)
        sources, usable, lost = _by_origin(counted.missing, folder)
        order = np.random.default_rng(0).permutation(len(usable))[:_SAMPLE]
        sample = (usable[at] for at in order)
        work = Reembedding(store, encoder)
        rate = work.images_per_second(sample, _SAMPLE_SECONDS) if usable else 0.0
        growth = max(0, _embedding_bytes(encoder.dim) * len(counted.missing) - store.spare_bytes())
        free = min(shutil.disk_usage(path).free for path in (shop.path, store.path))
    needed = growth + _generation_bytes(serving, counted.rows, encoder.dim)
    return MigrationPlan(
        encoder=encoder.id,
        dim=encoder.dim,
        images=counted.images,
        known=counted.images - len(counted.missing),
        sources={str(source): count for source, count in sources.items()},
        embedding_only=sum(picture.embedding_only for picture in counted.missing),
        lost=len(lost),
        lost_names=lost[:_NAMED],
        images_per_second=round(rate, 1),
        seconds=round(len(usable) / rate / share, 1) if rate else 0.0,
        disk_bytes=needed,
        free_bytes=free,
        fits=needed <= free,
    )


class _Picture(NamedTuple):
    """A picture to embed, and where the store has it.

    ``stored`` is its best stored copy, None without one. ``embedding_only``: it never had a
    picture.
    """

    item_id: str
    missing: MissingPicture
    stored: PictureOrigin | None
    embedding_only: bool


class _PictureCount(NamedTuple):
    """The number of rows and of distinct pictures, and the pictures that are not embedded."""

    rows: int
    images: int
    missing: list[_Picture]


def _count_pictures(reader: Reader, encoder: Encoder) -> _PictureCount:
    rows, seen = 0, set()
    for _, row in reader.rows():
        rows += 1
        seen.add(row.picture)
    missing = write_encoders.unembedded(reader, Model.of(encoder), lost=True)
    return _PictureCount(rows, len(seen), [_picture(reader, row) for row in missing])


def _picture(reader: Reader, row: Row) -> _Picture:
    record = reader.item(row.item_id)
    if record is None or row.image_index >= len(record.images):
        raise IndexCorrupt(f"the store has a row of item {row.item_id!r}, but no such image")
    image = record.images[row.image_index]
    stored: PictureOrigin | None = None
    if reader.holds("originals", row.picture):
        stored = "original"
    elif reader.holds("images", row.picture):
        stored = "display"
    missing = MissingPicture(row.picture, image.path)
    return _Picture(row.item_id, missing, stored, embedding_only=not image.width)


def _by_origin(
    pictures: list[_Picture], folder: ImageFolder | None
) -> tuple[Counter[PictureOrigin], list[MissingPicture], list[str]]:
    """Return the counts by origin, the readable pictures, and the names of the lost ones."""
    sources: Counter[PictureOrigin] = Counter()
    usable: list[MissingPicture] = []
    lost: list[str] = []
    for picture in pictures:
        source, missing = picture.stored, picture.missing
        may_have_file = missing.picture.rendition == ORIGINAL and not picture.embedding_only
        if source != "original" and may_have_file and _has_file(folder, missing.path):
            source = "file"
        if source is not None:
            sources[source] += 1
            usable.append(missing)
        elif not picture.embedding_only:
            lost.append(f"{picture.item_id} {missing.path}")
    return sources, usable, lost


def _has_file(folder: ImageFolder | None, path: str) -> bool:
    return folder is not None and bool(path) and folder.may_have(path)


def _embedding_bytes(dim: int) -> int:
    """Return the bytes that one embedding of ``dim`` fp16 numbers takes in the store."""
    size = 2 * dim
    if size + _KEY > _HALF_PAGE:
        return -(-(size + 16) // _PAGE) * _PAGE + round(_KEY * _FILL)
    return round((size + _KEY) * _FILL)


def _generation_bytes(serving: Manifest, rows: int, dim: int) -> int:
    """Return the size of the new index: its word index as now, its vectors at least flat."""
    sizes = {name: record.bytes for name, record in serving.files.items()}
    vectors = sum(size for name, size in sizes.items() if name not in (WORDS, ROWS))
    per_row = vectors / max(1, serving.rows) * dim / serving.dim
    return round(rows * (max(4 * dim, per_row) + 8)) + sizes.get(WORDS, 0)
