"""Build an index from a catalog and make it serve: the work behind ``vitrine index``.

1. scan      read the catalog, refuse duplicates
2. encode    embed the images that the store does not have yet (resumable)
3. merge     add, change and delete the store's items in one transaction
4. style     render, check and embed what the shop's styles lack (resumable)
5. publish   write a generation from the store, check it, make it current

``_Build`` has a method for each step.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from indexer.encoders.base import Model
from indexer.fetching.ledger import Ledger
from indexer.imaging.imagefolder import ImageFolder
from indexer.imaging.images import LIMITS, ImageLimits
from indexer.items import Remark
from indexer.jobs.build_checks import check_encoder, check_not_empty
from indexer.jobs.build_report import BuildReport, report_of
from indexer.jobs.job import Job, open_job
from indexer.jobs.publishing import Published, publish
from indexer.jobs.styles import restyle
from indexer.layout import FETCHED
from indexer.progress import Progress, no_progress
from indexer.shop import write_encoders
from indexer.shop.styles import registry_of, set_indexed_styles, shop_styles
from indexer.stopwatch import Stopwatch
from indexer.store.pictures import ImageStorage, set_images
from indexer.vectors.contract import BuildTargets
from indexer.writing.absence import Absence, absence, check_absence, check_end, note_end
from indexer.writing.changes import Changes, apply_changes, changes_of
from indexer.writing.embed_catalog import EmbeddedCatalog, embed_catalog
from indexer.writing.migration_encoders import MigrationEncoders
from indexer.writing.reembed import Reembedding, missing_pictures
from indexer.writing.renditions import Rendered
from indexer.writing.suspects import Suspect, find_suspects, leave_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.catalog.sources import Catalog, Scan
    from indexer.encoders.base import Encoder
    from indexer.fetching.fetcher import Fetcher
    from indexer.shop.folder import ShopFolder
    from indexer.writing.image_pipeline import Render
    from style.registry import StyleRegistry


def build_index(
    catalog: Catalog,
    shop: ShopFolder,
    encoder: Encoder,
    *,
    keep_images: ImageStorage | None = None,
    targets: BuildTargets | None = None,
    limits: ImageLimits = LIMITS,
    render: Render | None = None,
    styles: Sequence[str] | None = None,
    registry: StyleRegistry | None = None,
    fetcher: Fetcher | None = None,
    leave_out_suspects: bool = False,
    ray: str | None = None,
    progress: Progress = no_progress,
) -> BuildReport:
    """Index ``catalog`` into ``shop``, so that the shop holds the items of this catalog.

    Items that the catalog lacks are removed if they were in the shop when the build began. An item
    whose row or images cannot be read stays unchanged, and so does every field without a column
    (unless ``targets`` accept changes). Writes of others during the build are kept, since they are
    newer.

    ``keep_images`` sets which copies of new images are stored from now on; None keeps the setting.
    ``render`` adds renditions to every image; without it images keep the renditions they have.

    ``styles`` are the names of the styles of ``registry`` to index images in from now on; None
    keeps the setting. An unknown name raises UnknownStyle, and nothing is changed.

    With ``fetcher``, images behind URLs are fetched; otherwise they are skipped. Only new and
    changed images are fetched, and after an interrupted run those that it did not reach.

    Pictures that are blank, or the same under many products, are reported; with
    ``leave_out_suspects`` they are left out, and so are items without another picture.

    ``ray`` is the address of a Ray cluster to encode image files on, or ``local``. Every machine of
    it must see the catalog's images at the same path or URL. The embeddings equal those of this
    process.

    Safe to interrupt at any time and to run again. Raises BadCatalog (duplicates, nothing to
    index), CatalogShrank (unless the targets accept that), CannotPromise (see ``BuildTargets``),
    IndexMismatch (the shop was built with another encoder, or other weights of ``builtin``, which
    only ``migrate`` changes), StoreBusy (another job is running), Conflict (an operator moved
    CURRENT meanwhile), CannotWrite, StoreFull, VectorsUnavailable, WorkersLost.
    """
    stopwatch = Stopwatch()
    ImageFolder(catalog.root).check()  # before the work begins
    registry = registry or registry_of(shop.path)
    shop_styles(registry, styles or ())  # UnknownStyle, too
    progress("scan", 0, 1)
    scan = catalog.scan()
    progress("scan", 1, 1, len(scan.skipped))
    stopwatch.lap("scan")
    with open_job(shop, "vitrine index", create=True) as job, _ledger(shop, fetcher) as ledger:
        check_encoder(job.shelf, encoder)
        job.delete_old_generations()
        job.keep_encoder(encoder)
        build = _Build(
            job, catalog, scan, encoder, targets or BuildTargets(), limits, render, progress
        )
        build.begin(keep_images, styles)
        done = build.embed(fetcher, ledger, ray)
        suspects = build.check_pictures(done, leave_out_suspects)
        stopwatch.lap("ingest")
        changes = build.merge(done)
        stopwatch.lap("merge")
        rendered = build.style(registry)
        stopwatch.lap("style")
        published = build.publish(changes)
        stopwatch.lap("publish")
        if ledger is not None:
            ledger.finish()
    counts = None if fetcher is None else fetcher.counts
    seconds = {**stopwatch.seconds, **done.seconds}
    return report_of(
        published, done, changes, rendered, suspects, counts, seconds, encoder=encoder.id
    )


@contextmanager
def _ledger(shop: ShopFolder, fetcher: Fetcher | None) -> Iterator[Ledger | None]:
    """Open the ledger of a shop; None if nothing is fetched."""
    if fetcher is None:
        yield None
        return
    with Ledger(shop.path / FETCHED) as ledger:
        yield ledger


class _Build:
    """The steps of a build after the scan; call them in order."""

    def __init__(
        self,
        job: Job,
        catalog: Catalog,
        scan: Scan,
        encoder: Encoder,
        targets: BuildTargets,
        limits: ImageLimits,
        render: Render | None,
        progress: Progress,
    ) -> None:
        self._job = job
        self._catalog = catalog
        self._scan = scan
        self._encoder = encoder
        self._targets = targets
        self._limits = limits
        self._render = render
        self._progress = progress
        self._migration_encoders = MigrationEncoders(job.store, encoder, limits=limits)
        self._began = 0  # the number of the last change of the store before the build
        self._absent = Absence([], [], [])

    def begin(self, keep_images: ImageStorage | None, styles: Sequence[str] | None) -> None:
        """Store the settings of the build, and find the items that the catalog lacks.

        If those are too many, raise CatalogShrank and write nothing; BadCatalog if the catalog
        may be cut.
        """
        with self._job.store.write() as writer:
            self._began = writer.sequence
            self._absent = absence(writer.item_ids(), self._scan.ids, self._scan.skipped)
            if not self._targets.accept:
                check_end(writer, self._catalog.name, self._scan.ends_line)
                check_absence(
                    self._catalog.name,
                    self._absent.gone,
                    writer.count("items"),
                    skipped=self._absent.skipped,
                )
            note_end(writer, self._scan.ends_line)
            set_images(writer, ImageFolder(self._catalog.root), keep_images)
            if styles is not None:
                set_indexed_styles(writer, styles)
            if self._has_new_weights():
                # So that the new index has the items that others put during the build.
                write_encoders.add(writer, Model.of(self._encoder))

    def embed(
        self, fetcher: Fetcher | None, ledger: Ledger | None, ray: str | None
    ) -> EmbeddedCatalog:
        """Embed the images of the catalog that the store does not have yet."""
        done = embed_catalog(
            self._catalog,
            self._job.store,
            self._encoder,
            total=self._scan.images,
            skipped=self._absent.skipped,
            limits=self._limits,
            render=self._render,
            progress=self._progress,
            fetcher=fetcher,
            ledger=ledger,
            ray=ray,
        )
        self._migration_encoders.embed(
            image for read in done.read for image in read.images if image
        )
        return done

    def check_pictures(self, done: EmbeddedCatalog, remove: bool) -> list[Suspect]:
        """Return the pictures that probably show no product; with ``remove``, leave them out."""
        with self._job.store.read() as reader:
            suspects = find_suspects(done.read, reader)
            if remove:
                emptied = leave_out(done, suspects)
                self._absent.gone.extend(name for name in emptied if reader.item(name) is not None)
        return list(suspects.values())

    def merge(self, done: EmbeddedCatalog) -> Changes:
        """Add, change and delete the items of the store in one transaction.

        If no item of the catalog can be stored, raise BadCatalog and change nothing.
        """
        with self._job.store.write() as writer:
            first_row = writer.meta("next_row", 0)
            touched = writer.changes_since(self._began) or {}
            given = None if self._targets.accept else self._scan.given
            changes = changes_of(writer, done, self._absent, given, touched)
            check_not_empty(self._catalog, self._scan, changes)
            apply_changes(writer, changes)
            if self._has_new_weights():  # the new weights have not embedded unchanged items yet
                rest = missing_pictures(writer, self._encoder)
                work = Reembedding(self._job.store, self._encoder, limits=self._limits)
                work.embed_in(writer, rest)
            self._migration_encoders.complete(writer, first_row)
        return changes

    def style(self, registry: StyleRegistry) -> Rendered:
        """Render what the shop lacks in its styles; all originals must be embedded."""
        return restyle(self._job, self._encoder, registry, self._migration_encoders, self._progress)

    def publish(self, changes: Changes) -> Published:
        """Write a generation, make it current, and collect garbage."""
        skipped = sum(not isinstance(entry, Remark) for entry in changes.skipped)
        self._progress("publish", 0, 1, skipped)
        published = publish(
            self._job,
            self._encoder,
            catalog=self._catalog.place,
            skipped=skipped,
            targets=self._targets,
            progress=self._progress,
        )
        self._job.collect_garbage()
        self._progress("publish", 1, 1, skipped)
        return published

    def _has_new_weights(self) -> bool:
        serving = self._job.shelf.with_current().serving()
        return serving is not None and serving.model.weights_hash != self._encoder.weights_hash
