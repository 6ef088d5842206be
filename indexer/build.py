"""From a catalog to a serving generation: the work behind ``vitrine index``.

1. scan      read the catalog, refuse duplicates
2. encode    embed what the store does not know yet (resumable)
3. merge     bring the store's items in line with the catalog, in one transaction
4. publish   write a generation from the store, check it, make it current
"""

from __future__ import annotations

import time
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from indexer.arrays import unit
from indexer.calibrate import calibrate
from indexer.canary import check_counts, check_index, check_profile, profile_of
from indexer.companions import Companions
from indexer.contract import Terms, Wishes
from indexer.encoderfiles import keep_encoder
from indexer.errors import (
    BadCatalog,
    IndexCorrupt,
    IndexMismatch,
    IndexNotFound,
    StoreBusy,
    StoreFull,
)
from indexer.garbage import collect_garbage
from indexer.generation import FORMAT, ROWS, VECTORS, WORDS, Manifest, ShopFolder, now
from indexer.images import LIMITS, ImageLimits
from indexer.ingest import Ingested, Progress, ingest, no_progress
from indexer.items import Skipped
from indexer.joblock import job_lock
from indexer.lexical import LexicalIndex
from indexer.merge import Merge, merge_catalog
from indexer.pictures import Keep, set_images
from indexer.standing import standing_generation
from indexer.store import Store, encoder_key
from indexer.succession import announce, hand_over
from indexer.tuning import choose_recipe
from indexer.vectors import VectorIndex

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.encoders.base import Encoder
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
    index), CannotPromise (see ``Terms``), IndexMismatch (the shop was built with another encoder),
    StoreBusy, StoreFull.
    """
    clock = _Clock()
    progress("scan", 0, 1, 0)
    scan = catalog.scan()
    progress("scan", 1, 1, len(scan.skipped))
    clock.lap("scan")
    _check_encoder(shop, encoder)
    try:
        shop.path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreFull(f"cannot make {shop.path}: {error.strerror or error}") from error
    with job_lock(shop.path, "vitrine index"):
        store = Store(shop.store, create=True)
        try:
            shop.tidy()
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


def publish(
    shop: ShopFolder,
    store: Store,
    encoder: Encoder,
    *,
    catalog: Path,
    skipped: int,
    candidate: bool = False,
    terms: Terms | None = None,
    progress: Progress = no_progress,
) -> tuple[str, Manifest, bool]:
    """Write a generation of everything in the store and make it current, if anything changed.

    A ``candidate`` is not made current. Rows whose picture is lost to this encoder are left out.
    Returns its name, its manifest and whether it is a new one. IndexCorrupt when the canary
    finds fault with it, CannotPromise when the terms cannot be kept: the old one then stays
    current.
    """
    terms = terms or Terms()
    with store.read() as reader:
        key = encoder_key(encoder.id, encoder.weights_hash)
        stored = list(reader.rows())
        rows = [
            (number, row)
            for number, row in stored
            if not reader.is_lost(key, row.content, row.variant)
        ]
        records = list(reader.items())
        changes, next_row = reader.meta("changes", 0), reader.meta("next_row", 0)
        contents = [(row.content, row.variant) for _, row in rows]
        standing, current = _current(shop), standing_generation(shop)
        wishes = _wishes(terms, current)
        if (
            current
            and _same(current[1], encoder, changes, skipped, wishes)
            and _serves(shop, current[0])
        ):
            return (*current, False)
        vectors = unit(reader.embeddings(key, contents, encoder.dim))  # (n, dim)
    numbers = np.array([number for number, _ in rows], dtype=np.int64)  # (n,)
    check_counts([row for _, row in rows], records, lost=len(stored) - len(rows))
    profile = profile_of(vectors)
    if current and current[1].weights_hash == encoder.weights_hash and not terms.accept:
        check_profile(profile, current[1].contract.profile)
    index = choose_recipe(
        vectors,
        numbers,
        wishes,
        strict=terms.wishes is not None,
        watch=lambda done, total: progress("publish", done, total + 1, skipped),
    )
    contract = msgspec.structs.replace(index.contract, profile=profile)
    fitted = calibrate(store, encoder, index, vectors, rows, records)
    manifest = Manifest(
        format=FORMAT,
        created=now(),
        version=_version(),
        encoder=encoder.id,
        weights_hash=encoder.weights_hash,
        dim=encoder.dim,
        recipe=index.recipe,
        items=len(records),
        products=len({record.item.product_id for record in records}),
        rows=len(rows),
        next_row=next_row,
        skipped=skipped,
        changes=changes,
        catalog=str(catalog.resolve()),
        contract=contract,
        candidate=candidate,
        calibration=fitted.calibration,
        calibration_note=fitted.note,
    )

    def write(folder: Path) -> None:
        index.save(folder / VECTORS, folder / ROWS)
        LexicalIndex.write(folder / WORDS, (record.item for record in records))
        written = VectorIndex.load(folder / VECTORS, folder / ROWS, contract)
        check_index(written, vectors, numbers)

    name = shop.add(manifest, write)
    if not candidate:
        with store.write() as writer:  # as every move of CURRENT that depends on where it stands
            _check_standing(shop, standing, name)
            if current and current[1].weights_hash != encoder.weights_hash:
                before = (current[1].encoder, current[1].weights_hash)
                hand_over(writer, before, (encoder.id, encoder.weights_hash))
            shop.make_current(name)
    return name, manifest, True


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


def _check_standing(shop: ShopFolder, before: str | None, name: str) -> None:
    """StoreBusy when an operator moved CURRENT while this generation was being built.

    Their word is the later one. And by another model rows may have been written since.
    """
    standing = _current(shop)
    if standing and before and standing != before:
        raise StoreBusy(
            f"{shop.path} went from generation {before} to {standing} while {name} was built, so "
            f"that serves on; 'vitrine promote {name} --shop {shop.path}' if you want the new one"
        )


def _current(shop: ShopFolder) -> str | None:
    try:
        return shop.current()
    except (IndexNotFound, IndexCorrupt):
        return None


def _check_encoder(shop: ShopFolder, encoder: Encoder) -> None:
    current = standing_generation(shop)
    if current and current[1].encoder != encoder.id:
        raise IndexMismatch(
            f"{shop.path} was built with encoder {current[1].encoder!r}, not {encoder.id!r}; leave "
            f"--encoder out to go on with it, or change it with 'vitrine migrate --shop "
            f"{shop.path} --encoder {encoder.id}'",
            param="encoder",
        )


def _serves(shop: ShopFolder, name: str) -> bool:
    """Whether this generation is the current one and whole: if not, building again mends it."""
    try:
        if shop.current() != name:
            return False
        shop.verify(name)
    except (IndexNotFound, IndexCorrupt):
        return False
    return True


def _wishes(terms: Terms, current: tuple[str, Manifest] | None) -> Wishes:
    if terms.wishes is not None:
        return terms.wishes
    return current[1].contract.wishes if current else Wishes()


def _same(manifest: Manifest, encoder: Encoder, changes: int, skipped: int, wishes: Wishes) -> bool:
    return (
        manifest.changes == changes
        and manifest.skipped == skipped
        and manifest.weights_hash == encoder.weights_hash
        and manifest.contract.wishes == wishes
    )


def _version() -> str:
    try:
        return version("vitrine")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "0+unknown"


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
