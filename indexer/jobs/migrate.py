"""Migrate a shop to another encoder while the old one serves.

    migrate     embed the store's pictures batch by batch, then build a candidate
    (compare)   ask both generations the same queries
    promote     make the candidate serve, or drop it

Until the candidate is promoted or dropped, or the migration is stopped, every write is embedded
with both encoders (see ``indexer.writing.migration_encoders``), so that the candidate stays up to
date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from indexer.encoders.base import Model
from indexer.errors import Conflict
from indexer.imaging.images import LIMITS, ImageLimits
from indexer.jobs.job import Job, open_job
from indexer.jobs.publishing import publish
from indexer.jobs.styles import sync_styles
from indexer.shop import write_encoders
from indexer.writing.reembed import MissingPicture, Reembedding, missing_pictures

if TYPE_CHECKING:
    from indexer.encoders.base import Encoder
    from indexer.progress import Progress
    from indexer.shop.folder import ShopFolder
    from indexer.shop.shelf import Generation, Shelf
    from indexer.store.store import Store


class MigrationReport(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a migration.

    ``sources`` counts the embedded pictures by where they were read: ``original`` (stored bytes),
    ``file`` (the catalog's file) or ``display`` (the stored copy of 400 pixels). ``lost`` counts
    images whose picture cannot be read any more: the new model does not find them.
    """

    generation: str
    encoder: str
    encoded: int
    reused: int
    lost: int
    sources: dict[str, int]


class StopReport(msgspec.Struct, frozen=True):
    """The encoders that a stopped migration was embedding with, and the candidates it dropped."""

    encoders: list[str]
    dropped: list[str]


class FillReport(msgspec.Struct, frozen=True):
    """The number of images that ``fill`` embedded, and of those without a readable picture."""

    encoded: int
    lost: int


def migrate(
    shop: ShopFolder,
    encoder: Encoder,
    *,
    share: float = 1.0,
    limits: ImageLimits = LIMITS,
    progress: Progress,
) -> MigrationReport:
    """Embed the whole shop with another encoder and build a candidate, which does not serve yet.

    Safe to kill at any time and to run again: finished embeddings are kept. ``share`` is the
    fraction of the time to work. Raises Conflict (the shop serves this encoder already), StoreBusy,
    StoreFull, or IndexCorrupt (the canary failed, and there is no candidate).
    """
    with open_job(shop, "vitrine migrate") as job:
        serving = check_target(job.shelf, encoder)
        job.keep_encoder(encoder)
        sync_styles(job, serving.model)  # so that no removed style is embedded
        with job.store.write() as writer:
            write_encoders.add(writer, serving.model, Model.of(encoder))
        work = Reembedding(job.store, encoder, limits=limits, share=share)
        total = _fill(job.store, work, encoder, progress)
        progress("publish", 0, 1, work.lost)
        published = publish(
            job,
            encoder,
            catalog=serving.manifest.catalog,
            skipped=serving.manifest.skipped,
            candidate=True,
        )
        _delete_superseded(job, published.name, Model.of(encoder))
        progress("publish", 1, 1, work.lost)
    encoded = work.encoded.total()
    return MigrationReport(
        generation=published.name,
        encoder=encoder.id,
        encoded=encoded,
        reused=total - encoded - work.lost,
        lost=work.lost,
        sources={str(source): count for source, count in work.encoded.items()},
    )


def check_target(shelf: Shelf, encoder: Encoder) -> Generation:
    """Return the serving generation; raise Conflict if it is of this encoder already.

    Raises IndexNotFound and IndexCorrupt as ``Shelf.current_generation`` does.
    """
    serving = shelf.current_generation()
    if serving.model == Model.of(encoder):
        raise Conflict(
            f"{shelf.folder.path} serves encoder {encoder.id!r} already; there is nothing to "
            "migrate",
            param="encoder",
        )
    return serving


def stop_migration(shop: ShopFolder) -> StopReport:
    """Stop a migration: from now on only the serving model embeds writes.

    Candidates of the other models are dropped, since they would be out of date, unless a process
    has them open. Their embeddings stay until garbage is collected. Raises Conflict (no migration
    is open), StoreBusy (``migrate`` is running), StoreFull.
    """
    with open_job(shop, "vitrine migrate --stop") as job:
        with job.store.write() as writer:
            # CURRENT is read inside the transaction, so that no promotion can come in between.
            serving = job.shelf.with_current().current_generation()
            others = write_encoders.only(writer, serving.model)
        if not others:
            raise Conflict(f"no migration of {shop.path} is under way; there is nothing to stop")
        dropped = [
            candidate.name
            for candidate in job.shelf.with_current().candidates()
            if candidate.model in others and shop.delete(candidate.name)
        ]
    return StopReport([model.id for model in others], dropped)


def fill(shop: ShopFolder, encoder: Encoder, *, progress: Progress) -> FillReport:
    """Embed the pictures that an encoder has not embedded, so that its generation can serve again.

    Raises StoreBusy, StoreFull.
    """
    with open_job(shop, "vitrine promote --fill") as job:
        work = Reembedding(job.store, encoder)
        _fill(job.store, work, encoder, progress)
    return FillReport(work.encoded.total(), work.lost)


def _fill(store: Store, work: Reembedding, encoder: Encoder, progress: Progress) -> int:
    """Embed until no picture is missing, new writes included; return the number of images."""
    with store.read() as reader:
        total = len({row.content for _, row in reader.rows()})
    # The first pass tries lost pictures again, whose files may be back.
    missing = _missing(store, encoder, lost=True)
    while missing:
        total = max(total, len(missing))
        work.run(missing, _BatchProgress(progress, total - len(missing), total, work))
        missing = _missing(store, encoder)
    progress("migrate", total, total, work.lost)
    return total


def _missing(store: Store, encoder: Encoder, *, lost: bool = False) -> list[MissingPicture]:
    with store.read() as reader:
        return missing_pictures(reader, encoder, lost=lost)


class _BatchProgress:
    """Adds up the batches of a ``Reembedding`` for a progress bar."""

    def __init__(self, progress: Progress, done: int, total: int, work: Reembedding) -> None:
        self._progress = progress
        self._done = done
        self._total = total
        self._work = work

    def __call__(self, more: int) -> None:
        self._done += more
        self._progress("migrate", min(self._done, self._total), self._total, self._work.lost)


def _delete_superseded(job: Job, name: str, model: Model) -> None:
    """Delete earlier candidates of the same model."""
    for candidate in job.shelf.with_current().candidates():
        if candidate.name != name and candidate.model == model:
            job.folder.delete(candidate.name)
