"""A new generation from the store alone: by hand, or because much was written."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from indexer.errors import IndexMismatch
from indexer.jobs.publishing import publish
from indexer.shop.encoderfiles import keep_encoder
from indexer.shop.garbage import collect_garbage
from indexer.shop.joblock import job_lock
from indexer.shop.serving import legible_manifest, serving_name, serving_order
from indexer.store.store import Store
from indexer.writing.embed_catalog import Progress, no_progress

if TYPE_CHECKING:
    from indexer.encoders.base import Encoder
    from indexer.shop.generation import ShopFolder
    from indexer.vectors.contract import BuildTargets


class RebuildReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a rebuild did. ``published`` is False when the index was up to date already."""

    generation: str
    published: bool
    encoder: str
    items: int
    products: int
    rows: int
    seconds: float


def rebuild_index(
    shop: ShopFolder,
    encoder: Encoder,
    *,
    terms: BuildTargets | None = None,
    progress: Progress = no_progress,
) -> RebuildReport:
    """Bring everything that the store holds into a new generation; no images are needed.

    Writes may go on: what is written after the rebuild began is searched beside the new
    generation, as it was beside the old one. ``terms`` are those of the last build unless given.
    Raises CannotPromise, IndexNotFound, IndexMismatch (the shop was built with another encoder),
    IndexCorrupt (the canary found fault), StoreBusy (another job works, or an operator moved
    CURRENT meanwhile), StoreFull.
    """
    start = time.perf_counter()
    serving_order(shop)  # IndexNotFound before a lock is made where there is no shop
    with job_lock(shop.path, "vitrine rebuild"):
        since = serving_name(shop)  # before the check: who promotes another model later is noticed
        before = legible_manifest(shop, serving_order(shop))
        if (before.encoder, before.weights_hash) != (encoder.id, encoder.weights_hash):
            raise IndexMismatch(
                f"{shop.path} was built with encoder {before.encoder!r} of other weights or name "
                f"than {encoder.id!r}; run 'vitrine migrate --encoder {encoder.id}' to change it",
                param="encoder",
            )
        store = Store(shop.store)
        try:
            progress("publish", 0, 1, 0)
            keep_encoder(shop, encoder)
            name, manifest, published = publish(
                shop,
                store,
                encoder,
                catalog=Path(before.catalog),
                skipped=before.skipped,
                since=since,
                terms=terms,
                progress=progress,
            )
            collect_garbage(shop, store)
            progress("publish", 1, 1, 0)
        finally:
            store.close()
    return RebuildReport(
        generation=name,
        published=published,
        encoder=encoder.id,
        items=manifest.items,
        products=manifest.products,
        rows=manifest.rows,
        seconds=time.perf_counter() - start,
    )
