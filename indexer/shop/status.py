"""What a shop folder holds, by its manifest and its store, without opening its index."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from indexer.shop.folder import ShopFolder
from indexer.shop.manifest import Manifest, StyleCount
from indexer.shop.shelf import Shelf
from indexer.shop.upgrade import encoder_upgrade
from indexer.store.store import Store


class RecallStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Recall@10 against exact search: promised, measured at the build, and of real queries.

    ``live`` is of the last 100 (at most) of the ``samples`` queries that were searched again.
    The last four are known only while an engine is open.
    """

    promised: float
    measured: Annotated[float, Meta(description="At the build, with held-out queries.")]
    live: Annotated[
        float | None,
        Meta(description="Of recent real queries; null before any was looked at."),
    ] = None
    samples: Annotated[int, Meta(description="Real queries that were searched again exactly.")] = 0
    raised: Annotated[
        int, Meta(description="Levels of effort above what the build found necessary.")
    ] = 0
    kept: Annotated[
        bool, Meta(description="False when real queries are surely answered worse.")
    ] = True


class ShopStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What a shop folder holds; the names are those of ``vitrine status --json``.

    ``bytes`` is what the whole folder takes on disk. ``recipe`` is how the index is laid out,
    ``promise`` what was measured before it was chosen. ``encoder_upgrade`` says that there are
    newer weights of the encoder, and the command that brings them. ``styles`` counts the renditions
    in each style of the shop, at the build. What only an open engine
    knows is ``search.status.EngineStatus``.
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


def shop_status(shop: ShopFolder) -> ShopStatus:
    """The status of the current generation, or of what serves where CURRENT cannot tell.

    What was written since it was built is counted. IndexNotFound, IndexCorrupt or IndexMismatch.
    """
    shelf = Shelf.read(shop)
    name = shelf.serving_order()[0]
    manifest = shelf.manifest(name)
    status = msgspec.structs.replace(
        _built(shop, name, manifest),
        encoder_upgrade=encoder_upgrade(shop, manifest.model),
    )
    with Store(shop.store) as store, store.read() as reader:
        if reader.changes_since(manifest.changes) == {}:
            return status
        products = {record.item.product_id for record in reader.items()}
        items, rows = reader.count("items"), reader.count("rows")
    return msgspec.structs.replace(status, items=items, products=len(products), rows=rows)


def _built(shop: ShopFolder, name: str, manifest: Manifest) -> ShopStatus:
    """Return the status as it was when this generation was built."""
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
    """Bytes of disk that the files below a folder take; holes in sparse files do not count.

    What goes while it is being counted (a build removes old generations) does not count either.
    """
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += Path(parent, name).stat().st_blocks * 512
    return total
