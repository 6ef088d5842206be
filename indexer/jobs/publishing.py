"""Publish the store as a serving generation: read rows, choose an index, write, move CURRENT."""

from __future__ import annotations

import logging
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from indexer.encoders.base import Model
from indexer.errors import Conflict, IndexCorrupt, IndexNotFound
from indexer.jobs.components import Component, components_of
from indexer.jobs.index_choice import ChosenIndex, choose_index
from indexer.jobs.meanings import meaning_component, wanted_sentences
from indexer.jobs.stored_rows import StoredRows, read_rows, style_counts
from indexer.progress import Progress, no_progress
from indexer.shop import write_encoders
from indexer.shop.manifest import FORMAT, Manifest, now
from indexer.shop.rankers import take_over
from indexer.vectors.contract import BuildTargets, Contract, Targets
from indexer.words.lexical import WORDS_FORMAT

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.encoders.base import Encoder
    from indexer.jobs.job import Job
    from indexer.shop.shelf import Generation
    from indexer.words.sentences import SentenceEncoder


logger = logging.getLogger("vitrine.indexer")


class Published(NamedTuple):
    """The generation of everything in the store; ``is_new`` is False if nothing had changed."""

    name: str
    manifest: Manifest
    is_new: bool


def publish(
    job: Job,
    encoder: Encoder,
    *,
    catalog: Path | str,
    skipped: int,
    candidate: bool = False,
    targets: BuildTargets | None = None,
    progress: Progress = no_progress,
) -> Published:
    """Write a generation of everything in the store and make it current, unless nothing changed.

    ``catalog`` is where the items come from, a URL or an absolute path if it is text. A
    ``candidate`` is not made current. Rows whose picture was lost before this encoder could embed
    it are left out. If it fails, the old generation stays current: raise Conflict (an operator
    moved CURRENT meanwhile), IndexCorrupt (the canary failed), CannotPromise (no index meets the
    targets), StoreFull.
    """
    targets = targets or BuildTargets()
    shelf = job.shelf.with_current()
    expected, serving = job.started_with or shelf.current, shelf.serving()
    wanted = _wanted(targets, serving)
    sentences = wanted_sentences(job.store)
    if serving and _is_up_to_date(job, serving, Model.of(encoder), skipped, wanted, sentences):
        return Published(serving.name, serving.manifest, is_new=False)
    stored = read_rows(job.store, encoder)
    chosen = choose_index(
        job,
        encoder,
        stored,
        wanted,
        strict=targets.asked is not None,
        like=None if targets.accept else _contract_of(serving, Model.of(encoder)),
        watch=lambda done, total: progress("publish", done, total + 1, skipped),
    )
    manifest = _manifest(encoder, stored, chosen)
    manifest = msgspec.structs.replace(
        manifest,
        catalog=catalog if isinstance(catalog, str) else str(catalog.resolve()),
        skipped=skipped,
        candidate=candidate,
        meaning=sentences.model if sentences else "",
    )
    components = components_of(stored, chosen)
    if sentences:
        components.append(meaning_component(stored, sentences, job, serving))
    generation = write_generation(job, manifest, components)
    if serving and serving.model.weights_hash == generation.model.weights_hash:
        take_over(job.folder, serving.manifest.seal, generation.name)
    if not candidate:
        move_current(job, generation, before=serving, expected=expected)
    return Published(generation.name, manifest, is_new=True)


def write_generation(job: Job, manifest: Manifest, components: list[Component]) -> Generation:
    """Write and check every component of a generation; CURRENT stays as it is.

    If anything fails, the generation is deleted. Raises StoreFull, and IndexCorrupt if a component
    fails its check.
    """

    def write(folder: Path) -> None:
        for component in components:
            component.write(folder)
            logger.debug("wrote the %s of a new generation of %s", component.name, job.folder.path)
        for component in components:
            component.check(folder)

    return job.add_generation(manifest, write)


def move_current(
    job: Job, generation: Generation, *, before: Generation | None, expected: str | None
) -> None:
    """Make a generation current, unless an operator has moved CURRENT since the job began.

    Raises Conflict if CURRENT does not name ``expected``: the operator's change is newer and wins,
    and rows may have been written for another model. This compare-and-set runs in a write
    transaction, as does every move of CURRENT that depends on its value. ``before`` is the
    generation that serves.
    """
    with job.store.write() as writer:
        current = job.shelf.with_current().current
        if current and expected and current != expected:
            raise Conflict(
                f"{job.folder.path} went from generation {expected} to {current} while "
                f"{generation.name} was built, so {current} still serves; run 'vitrine promote "
                f"{generation.name} --shop {job.folder.path}' if you want the new one"
            )
        if before and before.model.weights_hash != generation.model.weights_hash:
            write_encoders.replace(writer, before.model, generation.model)
        job.folder.make_current(generation.name)


def _manifest(encoder: Encoder, stored: StoredRows, chosen: ChosenIndex) -> Manifest:
    return Manifest(
        format=FORMAT,
        created=now(),
        version=_version(),
        encoder=encoder.id,
        weights_hash=encoder.weights_hash,
        dim=encoder.dim,
        recipe=chosen.contract.recipe,
        items=len(stored.records),
        products=len({record.item.product_id for record in stored.records}),
        rows=len(stored.rows),
        next_row=stored.next_row,
        skipped=0,
        changes=stored.changes,
        contract=chosen.contract,
        calibration=chosen.confidence.calibration,
        calibration_note=chosen.confidence.note,
        styles=stored.styles,
        words=WORDS_FORMAT,
    )


def _is_up_to_date(
    job: Job,
    serving: Generation,
    model: Model,
    skipped: int,
    targets: Targets,
    sentences: SentenceEncoder | None,
) -> bool:
    """Return True if a generation is current, undamaged, and holds everything in the store."""
    manifest = serving.manifest
    with job.store.read() as reader:
        changes = reader.sequence
        styles = style_counts(reader, (row.picture for _, row in reader.rows()))
    if (
        manifest.changes != changes
        or manifest.styles != styles
        or manifest.words != WORDS_FORMAT
        or manifest.meaning != (sentences.model if sentences else "")
        or manifest.skipped != skipped
        or manifest.weights_hash != model.weights_hash
        or manifest.contract.targets != targets
    ):
        return False
    try:
        if job.folder.current() != serving.name:
            return False
        job.folder.check_files(serving.name, manifest)
    except (IndexNotFound, IndexCorrupt):
        return False
    return True


def _wanted(targets: BuildTargets, serving: Generation | None) -> Targets:
    """Return the targets that were asked for, else those of the serving generation."""
    wanted = targets.asked
    if wanted is None:
        wanted = serving.manifest.contract.targets if serving else Targets()
    if targets.server is not None:
        wanted = msgspec.structs.replace(wanted, server=targets.server)
    return wanted


def _contract_of(serving: Generation | None, model: Model) -> Contract | None:
    """Return the contract of the serving index if it is of the same weights, else None."""
    if serving is None or serving.model.weights_hash != model.weights_hash:
        return None
    return serving.manifest.contract


def _version() -> str:
    try:
        return version("vitrine")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "0+unknown"
