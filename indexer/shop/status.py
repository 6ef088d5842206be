"""What a shop folder holds, told from its manifest and its store, without opening its index."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Literal

import msgspec

from indexer.shop.folder import ShopFolder
from indexer.shop.manifest import Manifest
from indexer.shop.shelf import Shelf
from indexer.shop.upgrade import encoder_upgrade
from indexer.store.store import Store


class RecallStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Recall@10 against exact search: promised, measured at the build, and of real queries.

    ``live`` is of the last 100 (at most) of the ``samples`` queries that were searched again, None
    where none were; ``kept`` is False when it is surely below the promise. ``raised`` is by how
    many levels searches try harder than the build found necessary.
    """

    promised: float
    measured: float
    live: float | None = None
    samples: int = 0
    raised: int = 0
    kept: bool = True


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a shop; the names are those of ``status --json`` and ``GET /v1/status``.

    ``bytes`` is what the whole folder takes on disk. ``text`` says how words are answered:
    ``lexical`` (words only) or ``fused`` (words and the encoder's text tower).
    ``facets`` are the fields worth offering as filters. These two, and the live part of ``recall``,
    are known only once an engine is open. ``recipe`` is how the index is laid out, ``promise``
    what was measured before it was chosen, ``device`` where it is searched. ``encoder_upgrade``
    says that there are newer weights of the encoder, and the command that brings them.
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
    text: Literal["", "lexical", "fused"] = ""
    facets: list[str] = []
    device: str = "cpu"
    encoder_upgrade: str | None = None


def shop_status(shop: ShopFolder) -> Status:
    """The status of the current generation, or of what serves where CURRENT cannot tell.

    What was written since it was built is counted. IndexNotFound, IndexCorrupt or IndexMismatch.
    """
    shelf = Shelf.read(shop)
    name = shelf.serving_order()[0]
    manifest = shelf.manifest(name)
    status = msgspec.structs.replace(
        status_of(shop, name, manifest),
        encoder_upgrade=encoder_upgrade(shop, manifest.model),
    )
    store = Store(shop.store)
    try:
        with store.read() as reader:
            if reader.changes_since(manifest.changes) == {}:
                return status
            products = {record.item.product_id for record in reader.items()}
            items, rows = reader.count("items"), reader.count("rows")
    finally:
        store.close()
    return msgspec.structs.replace(status, items=items, products=len(products), rows=rows)


def status_of(shop: ShopFolder, name: str, manifest: Manifest) -> Status:
    """The status of a generation whose manifest has been read."""
    return Status(
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
            promised=1.0 if manifest.contract.exact else manifest.contract.wishes.recall,
            measured=manifest.contract.recall,
        ),
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
