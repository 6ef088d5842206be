"""Report what a build would do without doing it: the work behind ``vitrine index --dry-run``."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from indexer.imaging.imagefolder import ImageFolder
from indexer.imaging.images import LIMITS, ImageLimits
from indexer.items import Skipped
from indexer.jobs.build_checks import check_encoder, check_not_empty
from indexer.jobs.changed_values import ChangedValue, changed_values
from indexer.progress import Progress, no_progress
from indexer.shop.shelf import Shelf
from indexer.store.store import Store
from indexer.writing.absence import absence, are_too_many, check_end
from indexer.writing.changes import ItemChange, changes_of
from indexer.writing.embed_catalog import embed_catalog
from indexer.writing.suspects import find_suspects, leave_out

if TYPE_CHECKING:
    from indexer.catalog.sources import Catalog
    from indexer.encoders.base import Encoder
    from indexer.fetching.fetcher import Fetcher
    from indexer.shop.folder import ShopFolder


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """The changes that a build would make: the ids of items, and the fields that change.

    ``values`` has the values of the fields that change, of the first items. ``items`` is the number
    of items in the shop now, ``to_encode`` the number of images that would be encoded. ``stops`` is
    True if the build would stop because it removes too many items.
    """

    items: int
    added: list[str]
    changed: list[ItemChange]
    values: list[ChangedValue]
    unchanged: int
    removed: list[str]
    kept: list[str]
    skipped: list[Skipped]
    to_encode: int
    stops: bool


def preview_index(
    catalog: Catalog,
    shop: ShopFolder,
    encoder: Encoder,
    *,
    accept: bool = False,
    limits: ImageLimits = LIMITS,
    fetcher: Fetcher | None = None,
    leave_out_suspects: bool = False,
    progress: Progress = no_progress,
) -> Preview:
    """Read a catalog and its images as a build does, and compare them with the shop.

    Images that the shop does not have are decoded but not encoded. With ``fetcher``, those behind
    URLs are fetched. With ``leave_out_suspects``, pictures that show no product are left
    out, as far as the store has them. Nothing is written, and the job lock is not taken.

    Raises BadCatalog and IndexMismatch as ``build_index`` does.
    """
    progress("scan", 0, 1, 0)
    ImageFolder(catalog.root).check()
    scan = catalog.scan()
    progress("scan", 1, 1, len(scan.skipped))
    check_encoder(Shelf.read(shop), encoder)
    with _store_of(shop) as store:
        with store.read() as reader:
            if not accept:
                check_end(reader, catalog.name, scan.ends_line)
            items = reader.count("items")
            absent = absence(reader.item_ids(), scan.ids, scan.skipped)
        done = embed_catalog(
            catalog,
            store,
            encoder,
            total=scan.images,
            skipped=absent.skipped,
            limits=limits,
            progress=progress,
            write=False,
            fetcher=fetcher,
        )
        with store.read() as reader:
            if leave_out_suspects:
                emptied = leave_out(done, find_suspects(done.read, reader))
                absent.gone.extend(name for name in emptied if reader.item(name) is not None)
            changes = changes_of(reader, done, absent, None if accept else scan.given)
            drafts = {draft.item.item_id: draft for draft in changes.drafts}
            values = changed_values(reader, changes.changed, drafts)
    check_not_empty(catalog, scan, changes)
    return Preview(
        items=items,
        added=changes.added,
        changed=changes.changed,
        values=values,
        unchanged=changes.unchanged,
        removed=changes.removed,
        kept=changes.kept,
        skipped=changes.skipped,
        to_encode=done.encoded,
        stops=not accept and are_too_many(len(absent.gone), items),
    )


@contextmanager
def _store_of(shop: ShopFolder) -> Iterator[Store]:
    """Open the store of a shop; if it has none, an empty store in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="vitrine-") as temporary:
        exists = (shop.store / "data.mdb").is_file()
        path = shop.store if exists else Path(temporary) / "store"
        with Store(path, create=not exists) as store:
            yield store
