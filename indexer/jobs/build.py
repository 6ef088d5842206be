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

from indexer.encoders.bundled import is_builtin
from indexer.errors import BadCatalog, IndexMismatch, StoreFull
from indexer.imaging.images import LIMITS, ImageLimits
from indexer.items import Skipped
from indexer.jobs.publishing import publish
from indexer.shop.encoderfiles import keep_encoder
from indexer.shop.garbage import collect_garbage, kept
from indexer.shop.joblock import job_lock
from indexer.shop.promotion import announce
from indexer.shop.serving import serving_name, standing_generation
from indexer.store.pictures import Keep, set_images
from indexer.store.store import Store
from indexer.writing.absence import Absence, absence, check_absence
from indexer.writing.changes import Changes, apply_changes, changes_of
from indexer.writing.embed_catalog import Progress, ingest, no_progress
from indexer.writing.migration_encoders import Companions
from indexer.writing.reembed import Reembedding, missing_pictures

if TYPE_CHECKING:
    from indexer.catalog.sources import Catalog, Scan
    from indexer.encoders.base import Encoder
    from indexer.shop.generation import ShopFolder
    from indexer.vectors.contract import BuildTargets


class BuildReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a build did. ``seconds`` by stage; ``decode`` adds up all decoding threads.

    ``published`` is False when nothing had changed and the old generation stayed. ``kept`` are
    items that stay as they were because of what could not be read. ``promise`` says how the index
    was chosen, and what it was measured to keep.
    """

    generation: str
    published: bool
    encoder: str
    items: int
    products: int
    rows: int
    encoded: int
    reused: int
    added: int
    changed: int
    removed: int
    kept: list[str]
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
    terms: BuildTargets | None = None,
    limits: ImageLimits = LIMITS,
    progress: Progress = no_progress,
) -> BuildReport:
    """Index ``catalog`` into ``shop``; afterwards the shop holds what this catalog holds.

    Of the items that were there at the start, those that the catalog lacks are removed. What
    cannot be read removes nothing and empties nothing: an item whose row or pictures are at fault
    stays as it was, and so does what no column gives (unless the terms accept it). What others put
    or delete while the build runs is later news, and stays as they left it.

    ``keep_images`` says what stays of each new image, from now on; None is as before.

    Safe to interrupt at any time and to run again. Raises BadCatalog (duplicates, nothing to
    index), CatalogShrank (unless the terms accept that), CannotPromise (see ``BuildTargets``),
    IndexMismatch (the shop was built with another encoder, or other weights of ``builtin``, which
    only ``migrate`` changes), StoreBusy (another job works, or an operator moved CURRENT
    meanwhile), StoreFull.
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
        check_encoder(shop, encoder)
        store = Store(shop.store, create=True)
        try:
            with store.read() as reader:
                keep = kept(reader)
            shop.tidy(keep)
            keep_encoder(shop, encoder)
            accept = terms is not None and terms.accept
            began, absent = _begin(shop, store, catalog, scan, encoder, keep_images, accept)
            done = ingest(
                catalog,
                store,
                encoder,
                total=scan.images,
                skipped=absent.skipped,
                limits=limits,
                progress=progress,
            )
            companions = Companions(store, encoder, limits=limits)
            companions.embed(image for one in done.read for image in one.images if image)
            clock.lap("ingest")
            with store.write() as writer:
                first_row = writer.meta("next_row", 0)
                touched = writer.changes_since(began) or {}
                given = None if accept else scan.given
                changes = changes_of(writer, done, absent, given, touched)
                check_found(catalog, scan, changes)
                apply_changes(writer, changes)
                if _has_new_weights(shop, encoder):  # which have not seen what stays as it was
                    rest = missing_pictures(writer, encoder)
                    Reembedding(store, encoder, limits=limits).within(writer, rest)
                companions.complete(writer, first_row)
            clock.lap("merge")
            skipped = len(changes.skipped)
            progress("publish", 0, 1, skipped)
            name, manifest, published = publish(
                shop,
                store,
                encoder,
                catalog=catalog.path,
                skipped=skipped,
                since=since,
                terms=terms,
                progress=progress,
            )
            collect_garbage(shop, store)
            progress("publish", 1, 1, skipped)
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
        added=len(changes.added),
        changed=len(changes.changed),
        removed=len(changes.removed),
        kept=changes.kept,
        skipped=changes.skipped,
        seconds={**clock.laps, **done.seconds},
        recipe=manifest.recipe,
        promise=manifest.contract.note,
    )


def _begin(
    shop: ShopFolder,
    store: Store,
    catalog: Catalog,
    scan: Scan,
    encoder: Encoder,
    keep_images: Keep | None,
    accept: bool,
) -> tuple[int, Absence]:
    """Tell the store what is coming; the number of its last change before, and what will be absent.

    CatalogShrank, and nothing was written, when that is too much.
    """
    with store.write() as writer:
        began = writer.sequence
        absent = absence(writer.item_ids(), scan.ids, scan.skipped)
        if not accept:
            check_absence(catalog.path, absent.gone, writer.count("items"))
        set_images(writer, catalog.root, keep_images)
        if _has_new_weights(shop, encoder):
            # Else the new index would lack what others put while it is built.
            announce(writer, (encoder.id, encoder.weights_hash))
    return began, absent


def _has_new_weights(shop: ShopFolder, encoder: Encoder) -> bool:
    standing = standing_generation(shop)
    return standing is not None and standing[1].weights_hash != encoder.weights_hash


def check_found(catalog: Catalog, scan: Scan, changes: Changes) -> None:
    """BadCatalog when none of its items can be stored."""
    if changes.drafts:
        return
    at_fault = [one for one in changes.skipped if one.item_id in scan.ids]
    why = f"; {at_fault[0].item_id}: {at_fault[0].reason}" if at_fault else ""
    raise BadCatalog(
        f"{catalog.path}: none of {scan.items} items has an image that can be read{why}"
    )


def check_encoder(shop: ShopFolder, encoder: Encoder) -> None:
    """IndexMismatch unless a build may go on with this encoder."""
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
            f"(indexer.shop.encoderfiles.open_encoder), or change them with "
            f"'vitrine migrate --shop {shop.path} --encoder {encoder.id}'",
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
