"""From the store to a generation that serves, in four steps: read, choose, write, move CURRENT."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from indexer.confidence.calibrate import Fitted, calibrate
from indexer.encoders.base import Model
from indexer.errors import Conflict, IndexCorrupt, IndexNotFound
from indexer.jobs.stored_rows import StoredRows, read_rows, style_counts
from indexer.lexical import LexicalIndex
from indexer.progress import Progress, no_progress
from indexer.shop import write_encoders
from indexer.shop.garbage import write_contents
from indexer.shop.manifest import CONTENTS, FORMAT, WORDS, Manifest, now
from indexer.store.store import Store
from indexer.vectors.canary import check_index, check_profile, profile_of
from indexer.vectors.contract import BuildTargets, Contract, Targets
from indexer.vectors.faiss_backend import FaissBackend
from indexer.vectors.tuning import choose_recipe

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.encoders.base import Encoder
    from indexer.jobs.job import Job
    from indexer.shop.shelf import Generation
    from indexer.vectors.backend import VectorBackend


logger = logging.getLogger("vitrine.indexer")


class Published(NamedTuple):
    """The generation that holds what is in the store; not new where nothing had changed."""

    name: str
    manifest: Manifest
    is_new: bool


class ChosenIndex(NamedTuple):
    """An index, what it promises, and how its scores become confidence."""

    vectors: VectorBackend
    contract: Contract
    confidence: Fitted


class Part(NamedTuple):
    """One part of a generation.

    ``write`` puts its files into the folder of the generation, ``check`` reads them back from
    there and raises IndexCorrupt when they do not hold what they should. The manifest lists the
    files of all parts, which is all that a snapshot has to know of them.
    """

    name: str
    write: Callable[[Path], None]
    check: Callable[[Path], None] = lambda _folder: None


def publish(
    job: Job,
    encoder: Encoder,
    *,
    catalog: Path,
    skipped: int,
    candidate: bool = False,
    targets: BuildTargets | None = None,
    progress: Progress = no_progress,
) -> Published:
    """Write a generation of everything in the store and make it current, if anything changed.

    A ``candidate`` is not made current. Rows whose picture is lost to this encoder are left out.
    Conflict when an operator moves CURRENT while the job runs. IndexCorrupt when the canary
    finds fault with the index, CannotPromise when the targets cannot be kept: the old generation
    then stays current.
    """
    targets = targets or BuildTargets()
    shelf = job.shelf.with_current()
    expected, serving = job.started_with or shelf.current, shelf.serving()
    wanted = _wanted(targets, serving)
    if serving and _is_up_to_date(job, serving, Model.of(encoder), skipped, wanted):
        return Published(serving.name, serving.manifest, is_new=False)
    stored = read_rows(job.store, encoder)
    chosen = choose_index(
        job.store,
        encoder,
        stored,
        wanted,
        strict=targets.asked is not None,
        like=None if targets.accept else _contract_of(serving, Model.of(encoder)),
        watch=lambda done, total: progress("publish", done, total + 1, skipped),
    )
    manifest = _manifest(encoder, stored, chosen)
    manifest = msgspec.structs.replace(
        manifest, catalog=str(catalog.resolve()), skipped=skipped, candidate=candidate
    )
    generation = write_generation(job, manifest, parts_of(stored, chosen))
    if not candidate:
        move_current(job, generation, before=serving, expected=expected)
    return Published(generation.name, manifest, is_new=True)


def choose_index(
    store: Store,
    encoder: Encoder,
    stored: StoredRows,
    targets: Targets,
    *,
    strict: bool,
    like: Contract | None,
    watch: Callable[[int, int], None],
) -> ChosenIndex:
    """Build the index that keeps the targets best, and fit the confidence of its hits.

    ``strict`` raises CannotPromise where no index keeps them. ``like`` is the contract of an index
    of the same model: IndexCorrupt when the vectors are quite unlike those it was built from.
    """
    profile = profile_of(stored.vectors)
    if like is not None:
        check_profile(profile, like.profile)
    index = FaissBackend(
        choose_recipe(stored.vectors, stored.numbers, targets, strict=strict, watch=watch)
    )
    return ChosenIndex(
        index,
        msgspec.structs.replace(index.contract, profile=profile),
        calibrate(store, encoder, index, stored.vectors, stored.rows, stored.records),
    )


def parts_of(stored: StoredRows, chosen: ChosenIndex) -> list[Part]:
    """Return the parts of a generation of these rows: vectors, words, contents of the images."""

    def write_words(folder: Path) -> None:
        LexicalIndex.write(folder / WORDS, (record.item for record in stored.records))

    def check_vectors(folder: Path) -> None:
        written = type(chosen.vectors).open(folder, chosen.contract)
        check_index(written, stored.vectors, stored.numbers)

    contents = [row.content for _, row in stored.rows]
    return [
        Part("vectors", chosen.vectors.save, check_vectors),
        Part("words", write_words),
        Part("contents", lambda path: write_contents(path / CONTENTS, contents)),
    ]


def write_generation(job: Job, manifest: Manifest, parts: list[Part]) -> Generation:
    """Write and check every part of a generation; CURRENT stays as it is.

    If anything fails, nothing of the generation is left. StoreFull; IndexCorrupt when a part does
    not hold what it should.
    """

    def write(folder: Path) -> None:
        for part in parts:
            part.write(folder)
            logger.debug("wrote the %s of a new generation of %s", part.name, job.folder.path)
        for part in parts:
            part.check(folder)

    return job.add_generation(manifest, write)


def move_current(
    job: Job, generation: Generation, *, before: Generation | None, expected: str | None
) -> None:
    """Make a generation current, unless an operator has moved CURRENT since the job began.

    ``expected`` is what CURRENT must name still, else Conflict: the operator's change is newer
    and wins, and rows may have been written for another model since. Compare-and-set: within a
    write transaction, as every move of CURRENT that depends on where it points.
    """
    with job.store.write() as writer:
        current = job.shelf.with_current().current
        if current and expected and current != expected:
            raise Conflict(
                f"{job.folder.path} went from generation {expected} to {current} while "
                f"{generation.name} was built, so that serves on; 'vitrine promote "
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
    )


def _is_up_to_date(
    job: Job, serving: Generation, model: Model, skipped: int, targets: Targets
) -> bool:
    """Return whether nothing changed since a generation, and it is current and whole.

    Where it is damaged, building again mends it.
    """
    manifest = serving.manifest
    with job.store.read() as reader:
        changes = reader.sequence
        styles = style_counts(reader, (row.content for _, row in reader.rows()))
    if (
        manifest.changes != changes
        or manifest.styles != styles
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
    if targets.asked is not None:
        return targets.asked
    return serving.manifest.contract.targets if serving else Targets()


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
