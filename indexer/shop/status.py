"""The status of a shop folder, from its manifest and its store, without opening its index."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from indexer.shop.encoder_upgrade import encoder_upgrade
from indexer.shop.folder import ShopFolder
from indexer.shop.manifest import Manifest, StyleCount
from indexer.shop.shelf import Shelf
from indexer.shop.styles import count_styles
from indexer.store.replica import ReplicaNote, read_note
from indexer.store.store import Store


class RecallStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Recall@10 compared with exact search: promised, measured at the build, and of real queries.

    ``live`` is the recall of the last 100 (at most) of the ``samples`` queries that were repeated
    exactly. The last four fields are known only while an engine is open.
    """

    promised: float
    measured: Annotated[float, Meta(description="At the build, with held-out queries.")]
    live: Annotated[
        float | None,
        Meta(description="Of recent real queries; null before any was checked."),
    ] = None
    samples: Annotated[int, Meta(description="Real queries that were repeated exactly.")] = 0
    raised: Annotated[
        int, Meta(description="Levels of effort above what the build found necessary.")
    ] = 0
    kept: Annotated[
        bool, Meta(description="False if the recall of real queries is surely below the promise.")
    ] = True


class ShopStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The contents of a shop folder; ``vitrine status --json`` has the same names.

    ``bytes`` is the disk space of the whole folder. ``promise`` is what was measured when the
    ``recipe`` of the index was chosen. ``encoder_upgrade`` names newer weights of the encoder and
    the command to migrate to them, if there are any. ``search.status.EngineStatus`` has what only
    an open engine knows. ``styles`` counts the renditions in each style of the shop, at the build.
    ``replica`` is the state of a copy of another shop; None for other shops.
    """

    generation: str
    encoder: str
    dim: int
    items: int
    products: int
    rows: int
    skipped: int
    bytes: int
    created: str
    catalog: str
    recipe: str
    promise: str
    recall: RecallStatus
    encoder_upgrade: str | None = None
    styles: list[StyleCount] = []
    replica: ReplicaNote | None = None


def shop_status(shop: ShopFolder) -> ShopStatus:
    """Return the status of the generation that serves, with later writes counted.

    Raises IndexNotFound, IndexCorrupt or IndexMismatch.
    """
    shelf = Shelf.read(shop)
    name = shelf.serving_order()[0]
    manifest = shelf.manifest(name)
    status = msgspec.structs.replace(
        _status_at_build(shop, name, manifest),
        encoder_upgrade=encoder_upgrade(shop, manifest.model),
        replica=read_note(shop.path),
    )
    with Store(shop.store) as store, store.read() as reader:
        if reader.changes_since(manifest.changes) == {}:
            return status
        products = {record.item.product_id for record in reader.items()}
        items, rows = reader.count("items"), reader.count("rows")
        styles = count_styles(reader, {row.picture for _, row in reader.rows()})
    return msgspec.structs.replace(
        status, items=items, products=len(products), rows=rows, styles=styles
    )


def _status_at_build(shop: ShopFolder, name: str, manifest: Manifest) -> ShopStatus:
    """Return the status as of the build of this generation."""
    return ShopStatus(
        generation=name,
        encoder=manifest.encoder,
        dim=manifest.dim,
        items=manifest.items,
        products=manifest.products,
        rows=manifest.rows,
        skipped=manifest.skipped,
        bytes=disk_bytes(shop.path),
        created=manifest.created,
        catalog=manifest.catalog,
        recipe=manifest.recipe,
        promise=manifest.contract.note,
        recall=RecallStatus(
            promised=1.0 if manifest.contract.exact else manifest.contract.targets.recall,
            measured=manifest.contract.recall,
        ),
        styles=manifest.styles,
    )


def disk_bytes(folder: Path) -> int:
    """Return the disk space of all files in a folder, without the holes of sparse files.

    Files that are deleted meanwhile, as by a build, do not count.
    """
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += Path(parent, name).stat().st_blocks * 512
    return total
