"""Add styles to a shop and remove them: the work behind ``vitrine styles``."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from indexer.encoders.base import Model
from indexer.errors import BadQuery
from indexer.jobs.job import open_job
from indexer.jobs.publishing import publish
from indexer.progress import Progress, no_progress
from indexer.shop.built_model import check_model
from indexer.shop.manifest import StyleCount
from indexer.shop.styles import (
    indexed_styles,
    known_styles,
    registry_of,
    removable_styles,
    set_indexed_styles,
    shop_styles,
)
from indexer.stopwatch import Stopwatch
from indexer.writing.migration_encoders import MigrationEncoders
from indexer.writing.rendition_rows import RenditionNotes, sync_rows
from indexer.writing.renditions import Rendered
from indexer.writing.styling import Styling

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from indexer.encoders.base import Encoder
    from indexer.jobs.job import Job
    from indexer.shop.folder import ShopFolder
    from style.registry import StyleRegistry

logger = logging.getLogger("vitrine.indexer")


class StylesReport(msgspec.Struct, frozen=True, kw_only=True):
    """The result of adding or removing styles.

    ``styles`` counts the renditions that the shop has now, ``rendered`` what this run made.
    ``published`` is False if nothing had changed; then the old generation still serves.
    """

    generation: str
    published: bool
    styles: list[StyleCount]
    rendered: Rendered
    rows: int
    seconds: float


def add_styles(
    shop: ShopFolder,
    encoder: Encoder,
    names: Sequence[str],
    *,
    registry: StyleRegistry | None = None,
    progress: Progress = no_progress,
) -> StylesReport:
    """Index all images of a shop in these styles too, from now on, and publish.

    Renditions that the store has are not made again, except those of a style whose definition has
    changed. Without names it renders what an interrupted run or a live write has left. Safe to
    interrupt at any time and to run again. Raises UnknownStyle before anything is changed;
    IndexNotFound, IndexMismatch, IndexCorrupt, StoreBusy, StoreFull as ``rebuild_index`` does.
    """
    registry = registry or registry_of(shop.path)
    shop_styles(registry, names)
    return _change(shop, encoder, registry, "vitrine styles add", progress, add=names)


def remove_styles(
    shop: ShopFolder,
    encoder: Encoder,
    names: Sequence[str],
    *,
    registry: StyleRegistry | None = None,
    progress: Progress = no_progress,
) -> StylesReport:
    """Remove these styles from the index of a shop, and publish.

    Safe to interrupt at any time and to run again, with the same names. The pictures are deleted
    with the last kept generation that was indexed in the style. Raises BadQuery for a style that
    the shop is not indexed in, before anything is changed; otherwise as ``add_styles``.
    """
    registry = registry or registry_of(shop.path)
    return _change(shop, encoder, registry, "vitrine styles remove", progress, remove=names)


def restyle(
    job: Job,
    encoder: Encoder,
    registry: StyleRegistry,
    migration_encoders: MigrationEncoders,
    progress: Progress,
) -> Rendered:
    """Render all that the shop of a job lacks in its styles. Raises BadEncoder, StoreFull."""
    styling = Styling(job.store, encoder, registry, migration_encoders)
    done = styling.run(watch=lambda at, total: progress("style", at, total))
    for name, why in styling.unknown.items():
        logger.warning(
            "%s is indexed in style %r, which cannot be used here, so its pictures stay: %s",
            job.folder.path,
            name,
            why,
        )
    return done


def sync_styles(job: Job, model: Model) -> None:
    """Delete the rows of removed styles, and add those of stored renditions without a row.

    ``model`` is that of the serving encoder. Nothing is rendered.
    """
    with job.store.read() as reader:
        names = indexed_styles(reader)
        if not names and not reader.count("renditions"):
            return
    styles, unknown = known_styles(registry_of(job.folder.path), names)
    notes = RenditionNotes(model.key, styles, unknown)
    sync_rows(job.store, notes, MigrationEncoders(job.store, model))


def _change(
    shop: ShopFolder,
    encoder: Encoder,
    registry: StyleRegistry,
    title: str,
    progress: Progress,
    *,
    add: Iterable[str] = (),
    remove: Sequence[str] = (),
) -> StylesReport:
    stopwatch = Stopwatch()
    shop.check_built()  # before a lock file is made in a folder that is not a shop
    with open_job(shop, title) as job:
        serving = job.shelf.first_readable(job.shelf.serving_order())
        check_model(shop.path, serving.model, encoder)
        with job.store.write() as writer:
            names = indexed_styles(writer)
            removable = removable_styles(writer, serving.manifest.styles) if remove else set()
            unknown = [name for name in remove if name not in removable]
            if unknown:
                has = f"it is indexed in {', '.join(names)}" if names else "it has no styles"
                raise BadQuery(f"{shop.path} has no style {unknown[0]!r}: {has}", param="style")
            set_indexed_styles(writer, ({*names, *add}) - set(remove))
        rendered = restyle(job, encoder, registry, MigrationEncoders(job.store, encoder), progress)
        progress("publish", 0, 1)
        published = publish(
            job,
            encoder,
            catalog=serving.manifest.catalog,
            skipped=serving.manifest.skipped,
            progress=progress,
        )
        job.collect_garbage()
        progress("publish", 1, 1)
    stopwatch.lap("styles")
    return StylesReport(
        generation=published.name,
        published=published.is_new,
        styles=published.manifest.styles,
        rendered=rendered,
        rows=published.manifest.rows,
        seconds=stopwatch.total,
    )
