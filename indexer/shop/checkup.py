"""Check a whole shop: its files, its store, and its index against the store.

Reads everything and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from indexer.arrays import unit
from indexer.errors import IndexNotFound, VitrineError
from indexer.shop import write_encoders
from indexer.shop.encoderfiles import encoder_faults
from indexer.shop.shelf import Generation, Shelf
from indexer.shop.store_checks import invalid_vectors, missing_pictures, other_weights
from indexer.store.store import Store
from indexer.vectors.backends import backend_of
from indexer.vectors.row_table import RowTable

if TYPE_CHECKING:
    from indexer.encoders.base import Model
    from indexer.progress import Progress
    from indexer.shop.folder import ShopFolder
    from indexer.store.records import Row
    from indexer.store.transactions import Reader

_SAMPLE = 512  # rows that are searched in the index
_BLOCK = 10_000  # rows between reports of progress
_TOLERANCE = 1e-2  # between a vector in the index and in the store, as an index may round


class Checkup(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a check: the ``problems`` that were found.

    ``notes`` are not faults: they list generations and embeddings of weights that do not serve.
    """

    generations: list[str]
    items: int
    rows: int
    embeddings: int
    problems: list[str]
    notes: list[str] = []


def check_shop(shop: ShopFolder, *, progress: Progress) -> Checkup:
    """Check a shop. ``progress(stage, done, total)`` counts generations, rows and pictures.

    Raises IndexNotFound if nothing was built; all other faults are listed in ``problems``.
    """
    shelf = Shelf.read(shop)
    if isinstance(shelf.current_error, IndexNotFound):
        raise shelf.current_error
    problems = _current_problems(shelf)
    notes: list[str] = []
    damaged = _check_files(shelf, progress)
    problems += damaged.values()
    items = rows = embeddings = 0
    try:
        with Store(shop.store) as store, store.read() as reader:
            items, rows = reader.count("items"), reader.count("rows")
            embeddings = reader.count("embeddings")
            needed = shelf.models().union(write_encoders.read(reader))
            problems += encoder_faults(shop, needed)
            check = _StoreCheck(reader, problems)
            check.check_rows(lambda done: progress("rows", done, rows))
            check.check_pictures(lambda done: progress("pictures", done, rows))
            current = shelf.current
            if current is not None and current in shelf.names and current not in damaged:
                serving = Generation(current, shelf.manifest(current))
                check.check_embeddings(serving.model)
                check.check_vectors(shelf, serving.model)
                check.check_index(shop, serving)
                notes = other_weights(shelf, reader, serving.model)
    except VitrineError as error:
        problems.append(str(error))
    return Checkup(
        generations=list(shelf.names),
        items=items,
        rows=rows,
        embeddings=embeddings,
        problems=problems,
        notes=notes,
    )


def _current_problems(shelf: Shelf) -> list[str]:
    if shelf.current_error is not None:
        return [str(shelf.current_error)]
    if shelf.current in shelf.names:
        return []
    return [f"{shelf.folder.current_file} names {shelf.current}, and there is no such generation"]


def _check_files(shelf: Shelf, progress: Progress) -> dict[str, str]:
    """Compare every file with its manifest; return the problem of each damaged generation."""
    found: dict[str, str] = {}
    total = len(shelf.names)
    for done, name in enumerate(shelf.names):
        progress("generations", done, total)
        try:
            shelf.folder.check_files(name, shelf.manifest(name))
        except VitrineError as error:
            if name in shelf.folder.names():  # otherwise it was deleted meanwhile
                found[name] = str(error)
    progress("generations", total, total)
    return found


class _StoreCheck:
    """Several checks of the store, which share the rows that the first one reads."""

    def __init__(self, reader: Reader, problems: list[str]) -> None:
        self._reader = reader
        self._problems = problems
        self._rows: dict[int, Row] = {}

    def check_rows(self, progress: Callable[[int], None]) -> None:
        """Check that the stored rows are exactly those that the items list."""
        expected: dict[int, Row] = {}
        for record in self._reader.items():
            expected.update(record.numbered_rows())
        for number, row in self._reader.rows():
            self._rows[number] = row
            if len(self._rows) % _BLOCK == 0:
                progress(len(self._rows))
        progress(len(self._rows))
        mismatched = {
            number
            for number in expected.keys() | self._rows.keys()
            if expected.get(number) != self._rows.get(number)
        }
        if mismatched:
            self._report(
                f"{len(mismatched)} rows and items do not agree, such as row {min(mismatched)}"
            )
        if self._rows and max(self._rows) >= self._reader.meta("next_row", 0):
            self._report(f"row {max(self._rows)} has a number that was never reserved")

    def check_pictures(self, progress: Callable[[int], None]) -> None:
        """Check that no image has lost its picture."""
        self._problems += missing_pictures(self._reader, self._rows.values(), progress)

    def check_embeddings(self, serving: Model) -> None:
        """Check that every row has a vector of each model that embeds every write."""
        pictures = {row.picture for row in self._rows.values()}
        for model in dict.fromkeys([serving, *write_encoders.read(self._reader)]):
            key = model.key
            lacking = [
                picture
                for picture in pictures
                if not self._reader.has_embedding(key, picture)
                and not self._reader.has_no_picture(key, picture)
            ]
            lost = [
                picture
                for picture in pictures
                if self._reader.has_no_picture(key, picture)
                and self._reader.holds("images", picture)
            ]
            if lost:
                self._report(
                    f"{len(lost)} of {len(pictures)} images are marked as lost for {model.id}, but "
                    "have a picture; index or put them again"
                )
            if lacking:
                self._report(
                    f"{len(lacking)} of {len(pictures)} images lack an embedding by {model.id}"
                )

    def check_vectors(self, shelf: Shelf, serving: Model) -> None:
        """Check that the stored vectors of each model are finite, of length 1 and of one dim."""
        others = sorted(shelf.models().union(write_encoders.read(self._reader)))
        for model in dict.fromkeys([serving, *others]):
            self._problems += invalid_vectors(
                self._reader, self._rows.values(), model, shelf.dim(model)
            )

    def check_index(self, shop: ShopFolder, generation: Generation) -> None:
        """Check that the current index has the expected rows, with the vectors of the store."""
        name, manifest = generation
        folder = shop.generations / name
        index = backend_of(manifest.contract).open(folder, manifest.contract)
        if len(index) != manifest.rows:
            self._report(f"{folder} holds {len(index)} rows, its manifest says {manifest.rows}")
        key = manifest.model.key
        alive = np.array(
            [
                number
                for number in index.rows.tolist()
                if (row := self._rows.get(number)) is not None
                and self._reader.has_embedding(key, row.picture)
            ],
            dtype=np.int64,
        )
        sample = np.random.default_rng(0).permutation(alive)[:_SAMPLE]  # (s,)
        if not len(sample):
            return
        rows = [self._rows[number] for number in sample.tolist()]
        pictures = [row.picture for row in rows]
        stored = unit(self._reader.embeddings(key, pictures, manifest.dim))  # (s, dim)
        indexed = unit(index.vectors_at(RowTable(index.rows).positions_of(sample)))  # (s, dim)
        with np.errstate(invalid="ignore"):
            alike = np.einsum("sd,sd->s", stored, indexed)  # (s,)
        wrong = int((~(alike > 1 - _TOLERANCE)).sum())  # negated, so that NaN counts
        if wrong:
            self._report(f"{wrong} of {len(sample)} sampled rows of {folder} differ from the store")
        _, scores = index.exact(stored, 1)  # (s, 1)
        lost = int((~(scores[:, 0] > 1 - _TOLERANCE)).sum())
        if lost:
            self._report(f"{lost} of {len(sample)} sampled rows of {folder} do not find themselves")

    def _report(self, problem: str) -> None:
        self._problems.append(problem)
