"""From a catalog to a serving generation: the work behind ``vitrine index``.

1. scan      read the catalog, refuse duplicates
2. encode    embed what the store does not know yet (resumable)
3. merge     bring the store's items in line with the catalog, in one transaction
4. publish   write a generation from the store, check it, make it current
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from indexer.companions import Companions
from indexer.encoderfiles import keep_encoder
from indexer.encoders.bundled import is_builtin
from indexer.errors import BadCatalog, IndexMismatch, StoreFull
from indexer.garbage import collect_garbage, kept
from indexer.images import LIMITS, ImageLimits
from indexer.ingest import Ingested, Progress, ingest, no_progress
from indexer.items import Skipped
from indexer.joblock import job_lock
from indexer.merge import Merge, merge_catalog
from indexer.pictures import Keep, set_images
from indexer.publishing import publish
from indexer.standing import serving_name, standing_generation
from indexer.store import Store
from indexer.succession import announce

if TYPE_CHECKING:
    from indexer.contract import Terms
    from indexer.encoders.base import Encoder
    from indexer.generation import ShopFolder
    from indexer.sources import Catalog, Scan


class BuildReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a build did. ``seconds`` by stage; ``decode`` adds up all decoding threads.

    ``published`` is False when nothing had changed and the old generation stayed. ``promise``
    says how the index was chosen, and what it was measured to keep.
    """

    generation: str
    published: bool
    encoder: str
    items: int
    products: int
    rows: int
    encoded: int
    reused: int
    removed: int
    skipped: list[Skipped]
    seconds: dict[str, float]
    recipe: str
    promise: str


def build_index(
    catalog: Catalog,
    shop: ShopFolder,
    encoder: Encoder,
    *,
    keep_images: Keep | None = None,
    terms: Terms | None = None,
    limits: ImageLimits = LIMITS,
    progress: Progress = no_progress,
) -> BuildReport:
    """Index ``catalog`` into ``shop``; afterwards the shop holds exactly this catalog.

    What others put or delete while it runs is later news, and stays as they left it: of the
    items that were there at the start, those that the catalog lacks are removed.

    ``keep_images`` says what stays of each new image, from now on; None is as before.

    Safe to interrupt at any time and to run again. Raises BadCatalog (duplicates, nothing to
    index), CannotPromise (see ``Terms``), IndexMismatch (the shop was built with another encoder,
    or other weights of ``builtin``, which only ``migrate`` changes), StoreBusy (another job works,
    or an operator moved CURRENT meanwhile), StoreFull.
    """
    clock = _Clock()
    progress("scan", 0, 1, 0)
    scan = catalog.scan()
    progress("scan", 1, 1, len(scan.skipped))
    clock.lap("scan")
    try:
        shop.path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreFull(f"cannot make {shop.path}: {error.strerror or error}") from error
    with job_lock(shop.path, "vitrine index"):
        since = serving_name(shop)  # before the check: who promotes another model later is noticed
        _check_encoder(shop, encoder)
        store = Store(shop.store, create=True)
        try:
            with store.read() as reader:
                keep = kept(reader)
            shop.tidy(keep)
            keep_encoder(shop, encoder)
            began = _begin(shop, store, catalog, encoder, keep_images)
            done = ingest(
                catalog, store, encoder, total=scan.images, limits=limits, progress=progress
            )
            _check_found(catalog, scan, done)
            companions = Companions(store, encoder, limits=limits)
            companions.embed(image for one in done.found for image in one.images)
            clock.lap("ingest")
            merge = _merged(store, done, began, companions)
            clock.lap("merge")
            progress("publish", 0, 1, len(done.skipped))
            name, manifest, published = publish(
                shop,
                store,
                encoder,
                catalog=catalog.path,
                skipped=len(done.skipped),
                since=since,
                terms=terms,
                progress=progress,
            )
            collect_garbage(shop, store)
            progress("publish", 1, 1, len(done.skipped))
            clock.lap("publish")
        finally:
            store.close()
    return BuildReport(
        generation=name,
        published=published,
        encoder=encoder.id,
        items=manifest.items,
        products=manifest.products,
        rows=manifest.rows,
        encoded=done.encoded,
        reused=done.reused,
        removed=merge.removed,
        skipped=done.skipped,
        seconds={**clock.laps, **done.seconds},
        recipe=manifest.recipe,
        promise=manifest.contract.note,
    )


def _begin(
    shop: ShopFolder, store: Store, catalog: Catalog, encoder: Encoder, keep_images: Keep | None
) -> int:
    """Tell the store what is coming; the number of its last change before."""
    standing = standing_generation(shop)
    with store.write() as writer:
        began = writer.sequence
        set_images(writer, catalog.root, keep_images)
        if standing and standing[1].weights_hash != encoder.weights_hash:
            # Else the new index would lack what others put while it is built.
            announce(writer, (encoder.id, encoder.weights_hash))
    return began


def _check_found(catalog: Catalog, scan: Scan, done: Ingested) -> None:
    if not done.found:
        first = done.skipped[0]
        raise BadCatalog(
            f"{catalog.path}: none of {scan.items} items has an image that can be read; "
            f"{first.item_id or first.where}: {first.reason}"
        )


def _merged(store: Store, done: Ingested, began: int, companions: Companions) -> Merge:
    """Bring the items in line with the catalog, but for those that others wrote since."""
    with store.write() as writer:
        first_row = writer.meta("next_row", 0)
        touched = writer.changes_since(began) or {}
        merge = merge_catalog(writer, done.found, touched)
        companions.complete(writer, first_row)
    if merge.changed or merge.removed:
        store.sweep()
    return merge


def _check_encoder(shop: ShopFolder, encoder: Encoder) -> None:
    current = standing_generation(shop)
    if current and current[1].encoder != encoder.id:
        raise IndexMismatch(
            f"{shop.path} was built with encoder {current[1].encoder!r}, not {encoder.id!r}; leave "
            f"--encoder out to go on with it, or change it with 'vitrine migrate --shop "
            f"{shop.path} --encoder {encoder.id}'",
            param="encoder",
        )
    if current and is_builtin(encoder.id) and current[1].weights_hash != encoder.weights_hash:
        raise IndexMismatch(
            f"{shop.path} was built with other weights of {encoder.id!r} "
            f"({current[1].weights_hash[:12]}, here {encoder.weights_hash[:12]}); go on with those "
            f"(indexer.encoderfiles.open_encoder), or change them with 'vitrine migrate --shop "
            f"{shop.path} --encoder {encoder.id}'",
            param="encoder",
        )


class _Clock:
    """Seconds between laps, by name."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """Close the lap that is running under this name."""
        time_now = time.perf_counter()
        self.laps[name] = time_now - self._last
        self._last = time_now
