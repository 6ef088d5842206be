"""Build a new generation from the store alone, on request or after many writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from indexer.jobs.job import open_job
from indexer.jobs.publishing import publish
from indexer.jobs.styles import sync_styles
from indexer.progress import Progress, no_progress
from indexer.shop.built_model import check_model
from indexer.stopwatch import Stopwatch
from indexer.words.meaning import MEANING_SETTING
from indexer.words.sentences import sentence_model

if TYPE_CHECKING:
    from indexer.encoders.base import Encoder
    from indexer.shop.folder import ShopFolder
    from indexer.vectors.contract import BuildTargets


class RebuildReport(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a rebuild. ``published`` is False if the index was up to date already."""

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
    targets: BuildTargets | None = None,
    meaning: bool | None = None,
    progress: Progress = no_progress,
) -> RebuildReport:
    """Build a new generation of everything in the store; no images are needed.

    Nothing is rendered, but an interrupted change of the shop's styles is completed for renditions
    that are stored. Others may write meanwhile: their rows are searched beside the new generation.
    Without ``targets``, those of the last build are used. ``meaning`` turns the search by meaning
    on or off, for this and later generations; None keeps the setting. Raises EncoderNotFound (its
    extra is not installed), CannotPromise, IndexNotFound, IndexMismatch (the shop was built with
    another encoder), IndexCorrupt (the canary failed), StoreBusy (another job is running),
    Conflict (an operator moved CURRENT meanwhile), StoreFull.
    """
    stopwatch = Stopwatch()
    shop.check_built()  # before a lock file is made in a folder that is not a shop
    with open_job(shop, "vitrine rebuild") as job:
        before = job.shelf.first_readable(job.shelf.serving_order())
        check_model(shop.path, before.model, encoder)
        progress("publish", 0, 1)
        job.keep_encoder(encoder)
        sync_styles(job, before.model)
        if meaning is not None:
            if meaning:
                sentence_model()  # raises before the setting is stored
            with job.store.write() as writer:
                writer.put_meta(MEANING_SETTING, int(meaning))
        published = publish(
            job,
            encoder,
            catalog=before.manifest.catalog,
            skipped=before.manifest.skipped,
            targets=targets,
            progress=progress,
        )
        job.collect_garbage()
        progress("publish", 1, 1)
    stopwatch.lap("rebuild")
    return RebuildReport(
        generation=published.name,
        published=published.is_new,
        encoder=encoder.id,
        items=published.manifest.items,
        products=published.manifest.products,
        rows=published.manifest.rows,
        seconds=stopwatch.total,
    )
