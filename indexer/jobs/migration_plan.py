"""What a migration will take, before it begins: from what, how long, how much disk."""

from __future__ import annotations

import shutil
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from indexer.encoders.base import Model
from indexer.errors import BadImage, IndexCorrupt, StoreFull
from indexer.imaging.imagepath import image_path
from indexer.items import ORIGINAL
from indexer.jobs.migrate import check_target
from indexer.shop import write_encoders
from indexer.shop.manifest import WORDS
from indexer.shop.shelf import Shelf
from indexer.store.pictures import PictureOrigin, images_root
from indexer.store.store import Store
from indexer.store.transactions import Reader
from indexer.vectors.faiss_backend import ROWS
from indexer.writing.reembed import Missing, Reembedding

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.encoders.base import Encoder
    from indexer.shop.folder import ShopFolder
    from indexer.shop.manifest import Manifest
    from indexer.store.records import Row

_TRIED_S = 1.0  # how long the encoder is tried on the shop's pictures
_TRIED = 512  # and on how many at most
_NAMED = 5  # lost pictures that are told by name
# LMDB: a key of 32 bytes and a node's head beside the numbers, in pages that are two thirds full;
# a value of more than half a page gets pages of its own.
_PAGE, _HALF_PAGE, _KEY, _FILL = 4096, 2000, 48, 1.5


class MigrationPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A prediction from the store's rows, and from a second of embedding some of its pictures.

    ``images`` are the shop's different pictures, ``known`` those that the encoder has embedded
    already. ``sources`` counts the others by what they will be embedded from, as ``Migrated`` does;
    a file counts while it is there, and only the migration looks whether it is what was indexed.
    ``embedding_only`` never had a picture, ``lost`` have none any more: the candidate leaves both
    out. ``seconds`` is for embedding; building the index comes after that. ``disk_bytes`` is what
    the store grows by, and the new index.
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
        """StoreFull unless the disk has room for what is planned."""
        if not self.fits:
            raise StoreFull(
                f"embedding {shop.path} by {self.encoder} takes about {self.disk_bytes / 1e6:.1f} "
                f"MB of disk, and {self.free_bytes / 1e6:.1f} MB are free; make room there "
                f"('vitrine gc --keep 1 --shop {shop.path}' removes old generations)"
            )


def plan_migration(shop: ShopFolder, encoder: Encoder, *, share: float = 1.0) -> MigrationPlan:
    """Predict what ``migrate`` to this encoder takes on this machine; writes nothing.

    ``share`` is how much of the time it will work. Conflict when the shop serves this encoder
    already; IndexCorrupt, also when the encoder gives what none should.
    """
    serving = check_target(Shelf.read(shop), encoder).manifest
    with Store(shop.store) as store:
        with store.read() as reader:
            found = _look(reader, encoder)
            root = images_root(reader)
        sources, usable, lost = _sort(found.missing, root)
        order = np.random.default_rng(0).permutation(len(usable))[:_TRIED]
        work = Reembedding(store, encoder)
        rate = work.images_per_second((usable[at] for at in order), _TRIED_S) if usable else 0.0
        growth = max(0, _embedding_bytes(encoder.dim) * len(found.missing) - store.spare_bytes())
        free = min(shutil.disk_usage(path).free for path in (shop.path, store.path))
    needed = growth + _generation_bytes(serving, found.rows, encoder.dim)
    return MigrationPlan(
        encoder=encoder.id,
        dim=encoder.dim,
        images=found.images,
        known=found.images - len(found.missing),
        sources={str(source): count for source, count in sources.items()},
        embedding_only=sum(picture.bare for picture in found.missing),
        lost=len(lost),
        lost_names=lost[:_NAMED],
        images_per_second=round(rate, 1),
        seconds=round(len(usable) / rate / share, 1) if rate else 0.0,
        disk_bytes=needed,
        free_bytes=free,
        fits=needed <= free,
    )


class _Picture(NamedTuple):
    """What the store says of a picture that is to be embedded."""

    item_id: str
    missing: Missing
    stored: PictureOrigin | None  # the original, else the copy
    bare: bool  # it came with an embedding only


class _Found(NamedTuple):
    rows: int
    images: int
    missing: list[_Picture]


def _look(reader: Reader, encoder: Encoder) -> _Found:
    rows, seen = 0, set()
    for _, row in reader.rows():
        rows += 1
        seen.add(row.picture)
    missing = write_encoders.unembedded(reader, Model.of(encoder), lost=True)
    return _Found(rows, len(seen), [_picture(reader, row) for row in missing])


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
    missing = Missing(row.picture, image.path)
    return _Picture(row.item_id, missing, stored, bare=not image.width)


def _sort(
    pictures: list[_Picture], root: Path | None
) -> tuple[Counter[PictureOrigin], list[Missing], list[str]]:
    """Counts by source, the pictures that there are, and the names of those that are lost."""
    sources: Counter[PictureOrigin] = Counter()
    usable: list[Missing] = []
    lost: list[str] = []
    for picture in pictures:
        source, missing = picture.stored, picture.missing
        if source != "original" and missing.picture.rendition == ORIGINAL and not picture.bare:
            source = "file" if _is_there(root, missing.path) else source
        if source is not None:
            sources[source] += 1
            usable.append(missing)
        elif not picture.bare:
            lost.append(f"{picture.item_id} {missing.path}")
    return sources, usable, lost


def _is_there(root: Path | None, path: str) -> bool:
    if root is None or not path:
        return False
    try:
        return image_path(root, path).is_file()
    except (BadImage, OSError):
        return False


def _embedding_bytes(dim: int) -> int:
    """What one embedding of so many fp16 numbers takes in the store."""
    size = 2 * dim
    if size + _KEY > _HALF_PAGE:
        return -(-(size + 16) // _PAGE) * _PAGE + round(_KEY * _FILL)
    return round((size + _KEY) * _FILL)


def _generation_bytes(serving: Manifest, rows: int, dim: int) -> int:
    """The new index: its words are those of the serving one, its vectors at least flat."""
    sizes = {name: record.bytes for name, record in serving.files.items()}
    vectors = sum(size for name, size in sizes.items() if name not in (WORDS, ROWS))
    per_row = vectors / max(1, serving.rows) * dim / serving.dim
    return round(rows * (max(4 * dim, per_row) + 8)) + sizes.get(WORDS, 0)
