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

from indexer.errors import Conflict
from indexer.imaging.images import LIMITS, ImageLimits
from indexer.jobs.publishing import publish
from indexer.shop.encoderfiles import keep_encoder
from indexer.shop.joblock import job_lock
from indexer.shop.promotion import announce, serve_alone
from indexer.store.store import Store
from indexer.writing.reembed import Missing, Reembedding, missing_pictures

if TYPE_CHECKING:
    from indexer.encoders.base import Encoder
    from indexer.shop.generation import Manifest, ShopFolder
    from indexer.writing.embed_catalog import Progress


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
    with job_lock(shop.path, "vitrine migrate"):
        standing = check_target(shop, encoder)
        serving = (standing.encoder, standing.weights_hash)
        target = (encoder.id, encoder.weights_hash)
        keep_encoder(shop, encoder)
        store = Store(shop.store)
        try:
            with store.write() as writer:
                announce(writer, serving, target)
            work = Reembedding(store, encoder, limits=limits, share=share)
            total = _fill(store, work, encoder, progress)
            progress("publish", 0, 1, work.lost)
            name, _, _ = publish(
                shop,
                store,
                encoder,
                catalog=Path(standing.catalog),
                skipped=standing.skipped,
                candidate=True,
            )
            _drop_superseded(shop, name, encoder)
            progress("publish", 1, 1, work.lost)
        finally:
            store.close()
    encoded = work.encoded.total()
    return Migrated(
        generation=name,
        encoder=encoder.id,
        encoded=encoded,
        reused=total - encoded - work.lost,
        lost=work.lost,
        sources={str(source): count for source, count in work.encoded.items()},
    )


def check_target(shop: ShopFolder, encoder: Encoder) -> Manifest:
    """The manifest of what serves. Conflict when that is of this encoder and its weights."""
    standing = shop.manifest(shop.current())
    if (standing.encoder, standing.weights_hash) == (encoder.id, encoder.weights_hash):
        raise Conflict(
            f"{shop.path} serves encoder {encoder.id!r} already; there is nothing to migrate",
            param="encoder",
        )
    return standing


def stop_migration(shop: ShopFolder) -> Stopped:
    """End what ``migrate`` began: writes are embedded by the serving model alone from now on.

    Candidates of the other models are dropped, since they would fall behind, but for those that
    somebody reads; the embeddings stay until they are collected. Conflict when no migration is
    under way; StoreBusy while it runs, StoreFull.
    """
    with job_lock(shop.path, "vitrine migrate --stop"):
        store = Store(shop.store)
        try:
            with store.write() as writer:
                standing = shop.manifest(shop.current())  # within: a promotion waits its turn
                others = serve_alone(writer, (standing.encoder, standing.weights_hash))
        finally:
            store.close()
        if not others:
            raise Conflict(f"no migration of {shop.path} is under way; there is none to stop")
        dropped = [
            name
            for name in shop.names()
            if shop.is_candidate(name) and _encoder_of(shop, name) in others and shop.remove(name)
        ]
    return Stopped([encoder for encoder, _ in others], dropped)


def fill(shop: ShopFolder, encoder: Encoder, *, progress: Progress) -> Filled:
    """Embed what an encoder lacks, so that a generation of it can serve again. StoreBusy."""
    with job_lock(shop.path, "vitrine promote --fill"):
        store = Store(shop.store)
        try:
            work = Reembedding(store, encoder)
            _fill(store, work, encoder, progress)
        finally:
            store.close()
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


def _drop_superseded(shop: ShopFolder, name: str, encoder: Encoder) -> None:
    """Remove earlier candidates of the same model."""
    for other in shop.names():
        if other == name or not shop.is_candidate(other):
            continue
        if _encoder_of(shop, other) == (encoder.id, encoder.weights_hash):
            shop.remove(other)


def _encoder_of(shop: ShopFolder, name: str) -> tuple[str, str]:
    manifest = shop.manifest(name)
    return manifest.encoder, manifest.weights_hash
