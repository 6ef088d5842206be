"""From the store to a generation that serves: written, checked, made current."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from indexer.arrays import unit
from indexer.confidence.calibrate import calibrate
from indexer.errors import IndexCorrupt, IndexNotFound, StoreBusy
from indexer.lexical import LexicalIndex
from indexer.shop.garbage import write_contents
from indexer.shop.generation import (
    CONTENTS,
    FORMAT,
    WORDS,
    Manifest,
    ShopFolder,
    now,
)
from indexer.shop.promotion import hand_over
from indexer.shop.serving import serving_name, standing_generation
from indexer.store.store import Store, encoder_key
from indexer.vectors.canary import check_counts, check_index, check_profile, profile_of
from indexer.vectors.contract import BuildTargets, Targets
from indexer.vectors.faiss_backend import FaissBackend
from indexer.vectors.tuning import choose_recipe
from indexer.writing.embed_catalog import Progress, no_progress

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.encoders.base import Encoder


def publish(
    shop: ShopFolder,
    store: Store,
    encoder: Encoder,
    *,
    catalog: Path,
    skipped: int,
    candidate: bool = False,
    since: str | None = None,
    terms: BuildTargets | None = None,
    progress: Progress = no_progress,
) -> tuple[str, Manifest, bool]:
    """Write a generation of everything in the store and make it current, if anything changed.

    A ``candidate`` is not made current. Rows whose picture is lost to this encoder are left out.
    ``since`` is what CURRENT named when the job began, by default what it names now: StoreBusy
    when an operator moves it meanwhile. Returns its name, its manifest and whether it is a new
    one. IndexCorrupt when the canary finds fault with it, CannotPromise when the terms cannot be
    kept: the old one then stays current.
    """
    terms = terms or BuildTargets()
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
        since, current = since or serving_name(shop), standing_generation(shop)
        targets = _targets(terms, current)
        if (
            current
            and _same(current[1], encoder, changes, skipped, targets)
            and _serves(shop, current[0])
        ):
            return (*current, False)
        vectors = unit(reader.embeddings(key, contents, encoder.dim))  # (n, dim)
    numbers = np.array([number for number, _ in rows], dtype=np.int64)  # (n,)
    check_counts([row for _, row in rows], records, lost=len(stored) - len(rows))
    profile = profile_of(vectors)
    if current and current[1].weights_hash == encoder.weights_hash and not terms.accept:
        check_profile(profile, current[1].contract.profile)
    index = FaissBackend(
        choose_recipe(
            vectors,
            numbers,
            targets,
            strict=terms.asked is not None,
            watch=lambda done, total: progress("publish", done, total + 1, skipped),
        )
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
        recipe=contract.recipe,
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
        index.save(folder)
        LexicalIndex.write(folder / WORDS, (record.item for record in records))
        write_contents(folder / CONTENTS, [row.content for _, row in rows])
        check_index(FaissBackend.open(folder, contract), vectors, numbers)

    name = shop.add(manifest, write)
    if not candidate:
        with store.write() as writer:  # as every move of CURRENT that depends on where it stands
            _check_standing(shop, since, name)
            if current and current[1].weights_hash != encoder.weights_hash:
                before = (current[1].encoder, current[1].weights_hash)
                hand_over(writer, before, (encoder.id, encoder.weights_hash))
            shop.make_current(name)
    return name, manifest, True


def _check_standing(shop: ShopFolder, before: str | None, name: str) -> None:
    """StoreBusy when an operator moved CURRENT since the job that built this generation began.

    Their word is the later one. And by another model rows may have been written since.
    """
    standing = serving_name(shop)
    if standing and before and standing != before:
        raise StoreBusy(
            f"{shop.path} went from generation {before} to {standing} while {name} was built, so "
            f"that serves on; 'vitrine promote {name} --shop {shop.path}' if you want the new one"
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


def _targets(terms: BuildTargets, current: tuple[str, Manifest] | None) -> Targets:
    if terms.asked is not None:
        return terms.asked
    return current[1].contract.targets if current else Targets()


def _same(
    manifest: Manifest, encoder: Encoder, changes: int, skipped: int, targets: Targets
) -> bool:
    return (
        manifest.changes == changes
        and manifest.skipped == skipped
        and manifest.weights_hash == encoder.weights_hash
        and manifest.contract.targets == targets
    )


def _version() -> str:
    try:
        return version("vitrine")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "0+unknown"
