"""Is a shop whole? Every file against its checksum, the store against itself, the index against
the store. Reads everything and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from indexer.arrays import unit
from indexer.shop.encoderfiles import encoder_faults
from indexer.errors import IndexCorrupt, VitrineError
from indexer.shop.generation import Manifest, ShopFolder
from indexer.items import ORIGINAL
from indexer.store.store import Store, encoder_key
from indexer.shop.promotion import encoders_on_disk, wanted_encoders
from indexer.shop.symptoms import dimension, lost_pictures, mixed_weights, odd_vectors
from indexer.vectors.backends import backend_of
from indexer.vectors.row_table import RowTable

if TYPE_CHECKING:
    from indexer.store.store import Reader, Row

_SAMPLE = 512  # rows that are looked for in the index
_BLOCK = 10_000  # embeddings read at a time
_TOLERANCE = 1e-2  # between a vector in the index and in the store: indexes may round


class Checkup(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at, and what is wrong: nothing is, where ``problems`` is empty.

    ``notes`` are worth knowing and no fault: what is there of other weights than those that serve.
    """

    generations: list[str]
    items: int
    rows: int
    embeddings: int
    problems: list[str]
    notes: list[str] = []


def check_shop(shop: ShopFolder, *, progress: Callable[[str, int, int], None]) -> Checkup:
    """Look at every part of a shop. ``progress(part, done, total)`` counts generations and rows.

    IndexNotFound when nothing was built here; all else is told in ``problems``.
    """
    problems: list[str] = []
    notes: list[str] = []
    current = _current(shop, problems)
    names = shop.names()
    for done, name in enumerate(names):
        progress("generations", done, len(names))
        try:
            shop.verify(name)
        except VitrineError as error:
            if name not in shop.names():
                continue  # collected meanwhile
            problems.append(str(error))
            current = None if name == current else current
    progress("generations", len(names), len(names))
    items = rows = embeddings = 0
    try:
        store = Store(shop.store)
        try:
            with store.read() as reader:
                items, rows = reader.count("items"), reader.count("rows")
                embeddings = reader.count("embeddings")
                needed = encoders_on_disk(shop).union(wanted_encoders(reader))
                problems += encoder_faults(shop, needed)
                check = _StoreCheck(reader, problems)
                check.items_and_rows(lambda done: progress("rows", done, rows))
                check.pictures(lambda done: progress("pictures", done, rows))
                if current is not None:
                    manifest = shop.manifest(current)
                    check.embeddings(manifest)
                    check.vectors(shop, manifest)
                    check.index(shop, current, manifest)
                    notes = mixed_weights(shop, reader, manifest)
        finally:
            store.close()
    except VitrineError as error:
        problems.append(str(error))
    return Checkup(
        generations=names,
        items=items,
        rows=rows,
        embeddings=embeddings,
        problems=problems,
        notes=notes,
    )


def _current(shop: ShopFolder, problems: list[str]) -> str | None:
    try:
        name = shop.current()
    except IndexCorrupt as error:
        problems.append(str(error))
        return None
    if name not in shop.names():
        problems.append(f"{shop.current_file} names {name}, and there is no such generation")
        return None
    return name


class _StoreCheck:
    """Holds what is read of the store once, for several looks at it."""

    def __init__(self, reader: Reader, problems: list[str]) -> None:
        self._reader = reader
        self._problems = problems
        self._rows: dict[int, Row] = {}

    def items_and_rows(self, progress: Callable[[int], None]) -> None:
        """Every row belongs to the image that an item says has it, and the other way round."""
        expected: dict[int, Row] = {}
        for record in self._reader.items():
            expected.update(record.numbered_rows())
        for number, row in self._reader.rows():
            self._rows[number] = row
            if len(self._rows) % _BLOCK == 0:
                progress(len(self._rows))
        progress(len(self._rows))
        odd = {
            n for n in expected.keys() | self._rows.keys() if expected.get(n) != self._rows.get(n)
        }
        if odd:
            self._tell(f"{len(odd)} rows and items do not agree, such as row {min(odd)}")
        if self._rows and max(self._rows) >= self._reader.meta("next_row", 0):
            self._tell(f"row {max(self._rows)} has a number that is yet to be given out")

    def pictures(self, progress: Callable[[int], None]) -> None:
        """Every image that had a picture has it yet."""
        self._problems += lost_pictures(self._reader, self._rows.values(), progress)

    def embeddings(self, manifest: Manifest) -> None:
        """Every row has a vector by each encoder that the store wants."""
        serving = (manifest.encoder, manifest.weights_hash)
        for one in dict.fromkeys([serving, *wanted_encoders(self._reader)]):
            key = encoder_key(*one)
            rows = {(row.content, row.variant) for row in self._rows.values()}
            lacking = [
                each
                for each in rows
                if not self._reader.has_embedding(key, *each)
                and not self._reader.is_lost(key, *each)
            ]
            lost = [
                each
                for each in rows
                if self._reader.is_lost(key, *each)
                and each[1] == ORIGINAL
                and self._reader.image(each[0]) is not None
            ]
            if lost:
                self._tell(
                    f"{len(lost)} of {len(rows)} images count as lost to {one[0]}, and have a "
                    "picture; index or put them again"
                )
            if lacking:
                self._tell(f"{len(lacking)} of {len(rows)} images lack an embedding by {one[0]}")

    def vectors(self, shop: ShopFolder, manifest: Manifest) -> None:
        """What is stored for each encoder that one may serve by is vectors as they should be."""
        serving = (manifest.encoder, manifest.weights_hash)
        others = sorted(encoders_on_disk(shop).union(wanted_encoders(self._reader)))
        for one in dict.fromkeys([serving, *others]):
            self._problems += odd_vectors(
                self._reader, self._rows.values(), one, dimension(shop, one)
            )

    def index(self, shop: ShopFolder, name: str, manifest: Manifest) -> None:
        """The current index holds the rows it should, with the vectors that the store has."""
        folder = shop.generations / name
        index = backend_of(manifest.contract).open(folder, manifest.contract)
        if len(index) != manifest.rows:
            self._tell(f"{folder} holds {len(index)} rows, its manifest says {manifest.rows}")
        key = encoder_key(manifest.encoder, manifest.weights_hash)
        alive = np.array(
            [
                number
                for number in index.rows.tolist()
                if (row := self._rows.get(number)) is not None
                and self._reader.has_embedding(key, row.content, row.variant)
            ],
            dtype=np.int64,
        )
        sample = np.random.default_rng(0).permutation(alive)[:_SAMPLE]  # (s,)
        if not len(sample):
            return
        rows = [self._rows[number] for number in sample.tolist()]
        contents = [(row.content, row.variant) for row in rows]
        stored = unit(self._reader.embeddings(key, contents, manifest.dim))  # (s, dim)
        held = unit(index.vectors_at(RowTable(index.rows).positions_of(sample)))  # (s, dim)
        with np.errstate(invalid="ignore"):
            alike = np.einsum("sd,sd->s", stored, held)  # (s,)
        odd = int((~(alike > 1 - _TOLERANCE)).sum())  # so that NaN counts
        if odd:
            self._tell(f"{odd} of {len(sample)} sampled rows of {folder} are not as in the store")
        _, scores = index.exact(stored, 1)  # (s, 1)
        lost = int((~(scores[:, 0] > 1 - _TOLERANCE)).sum())
        if lost:
            self._tell(f"{lost} of {len(sample)} sampled rows of {folder} do not find themselves")

    def _tell(self, problem: str) -> None:
        self._problems.append(problem)
