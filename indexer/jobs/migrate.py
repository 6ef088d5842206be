"""Changing the model: the store embedded again by another encoder, while the old one serves.

    migrate     the store's pictures are embedded, batch by batch; a candidate is built
    (compare)   both answer the same questions
    promote     the candidate serves, or it is dropped

From the beginning of a migration until its candidate is promoted or dropped, or it is stopped,
every write is embedded by both encoders (see ``indexer.writing.migration_encoders``), so the
candidate never falls behind.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from indexer.encoders.base import Model
from indexer.errors import Conflict
from indexer.imaging.images import LIMITS, ImageLimits
from indexer.jobs.job import Job, open_job
from indexer.jobs.publishing import publish
from indexer.shop import write_encoders
from indexer.writing.reembed import Missing, Reembedding, missing_pictures

if TYPE_CHECKING:
    from indexer.encoders.base import Encoder
    from indexer.progress import Progress
    from indexer.shop.folder import ShopFolder
    from indexer.shop.shelf import Generation, Shelf
    from indexer.store.store import Store


class Migrated(msgspec.Struct, frozen=True, kw_only=True):
    """What a migration did. ``sources`` counts the pictures by what was at hand: ``original``,
    ``file`` (both as indexed) or ``display`` (the copy of 400 pixels).

    ``lost`` images have no picture any more: the new model will not find them.
    """

    generation: str
    encoder: str
    encoded: int
    reused: int
    lost: int
    sources: dict[str, int]


class Stopped(msgspec.Struct, frozen=True):
    """The encoders that a migration was under way to, and the candidates that went with it."""

    encoders: list[str]
    dropped: list[str]


class Filled(msgspec.Struct, frozen=True):
    """How many images were embedded, and how many had no picture."""

    encoded: int
    lost: int


def migrate(
    shop: ShopFolder,
    encoder: Encoder,
    *,
    share: float = 1.0,
    limits: ImageLimits = LIMITS,
    progress: Progress,
) -> Migrated:
    """Embed the whole shop by another encoder and build a candidate of it, which does not serve.

    Safe to kill at any time and to run again: what is embedded is not embedded again. ``share``
    is how much of the time to work. Conflict when the shop serves this encoder already;
    StoreBusy, StoreFull, IndexCorrupt (the canary found fault: no candidate).
    """
    with open_job(shop, "vitrine migrate") as job:
        serving = check_target(job.shelf, encoder)
        job.keep_encoder(encoder)
        with job.store.write() as writer:
            write_encoders.add(writer, serving.model, Model.of(encoder))
        work = Reembedding(job.store, encoder, limits=limits, share=share)
        total = _fill(job.store, work, encoder, progress)
        progress("publish", 0, 1, work.lost)
        published = publish(
            job,
            encoder,
            catalog=Path(serving.manifest.catalog),
            skipped=serving.manifest.skipped,
            candidate=True,
        )
        _delete_superseded(job, published.name, Model.of(encoder))
        progress("publish", 1, 1, work.lost)
    encoded = work.encoded.total()
    return Migrated(
        generation=published.name,
        encoder=encoder.id,
        encoded=encoded,
        reused=total - encoded - work.lost,
        lost=work.lost,
        sources={str(source): count for source, count in work.encoded.items()},
    )


def check_target(shelf: Shelf, encoder: Encoder) -> Generation:
    """Return the generation that serves. Conflict when it is of this encoder already.

    IndexNotFound and IndexCorrupt as ``Shelf.current_generation`` raises them.
    """
    serving = shelf.current_generation()
    if serving.model == Model.of(encoder):
        raise Conflict(
            f"{shelf.folder.path} serves encoder {encoder.id!r} already; there is nothing to "
            "migrate",
            param="encoder",
        )
    return serving


def stop_migration(shop: ShopFolder) -> Stopped:
    """End what ``migrate`` began: writes are embedded by the serving model alone from now on.

    Candidates of the other models are dropped, since they would fall behind, except those that
    are being read; the embeddings stay until they are collected. Conflict when no migration
    is under way; StoreBusy while it runs, StoreFull.
    """
    with open_job(shop, "vitrine migrate --stop") as job:
        with job.store.write() as writer:
            # CURRENT is read within: a promotion waits until this is done, or has been done.
            serving = job.shelf.with_current().current_generation()
            others = write_encoders.only(writer, serving.model)
        if not others:
            raise Conflict(f"no migration of {shop.path} is under way; there is none to stop")
        dropped = [
            candidate.name
            for candidate in job.shelf.with_current().candidates()
            if candidate.model in others and shop.delete(candidate.name)
        ]
    return Stopped([model.id for model in others], dropped)


def fill(shop: ShopFolder, encoder: Encoder, *, progress: Progress) -> Filled:
    """Embed what an encoder lacks, so that a generation of it can serve again. StoreBusy."""
    with open_job(shop, "vitrine promote --fill") as job:
        work = Reembedding(job.store, encoder)
        _fill(job.store, work, encoder, progress)
    return Filled(work.encoded.total(), work.lost)


def _fill(store: Store, work: Reembedding, encoder: Encoder, progress: Progress) -> int:
    """Embed until nothing lacks, also of what is written meanwhile; how many images there are."""
    with store.read() as reader:
        total = len({row.content for _, row in reader.rows()})
    # Once also what was lost before: its file may have come back.
    missing = _missing(store, encoder, lost=True)
    while missing:
        total = max(total, len(missing))
        work.run(missing, _Advance(progress, total - len(missing), total, work))
        missing = _missing(store, encoder)
    progress("migrate", total, total, work.lost)
    return total


def _missing(store: Store, encoder: Encoder, *, lost: bool = False) -> list[Missing]:
    with store.read() as reader:
        return missing_pictures(reader, encoder, lost=lost)


class _Advance:
    """Adds up what ``Reembedding`` reports, for a progress bar."""

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
