"""The manifest of a generation: what the generation holds, sealed against changes."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from indexer.confidence.curve import Calibration
from indexer.encoders.base import Model
from indexer.errors import IndexCorrupt, IndexMismatch
from indexer.vectors.contract import Contract

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1
MANIFEST = "manifest.json"
WORDS = "words.sqlite"
CONTENTS = "contents.npy"  # of the images, (n, 16) uint8 in the order of the rows


class FileRecord(msgspec.Struct, frozen=True):
    """What a file of a generation must be."""

    sha256: str
    bytes: int


class StyleCount(msgspec.Struct, frozen=True):
    """The renditions of a shop's images in one style.

    ``indexed`` are found by searches; ``weakened`` of these have a lower strength, because at the
    style's own strength another product was more like them. ``left_out`` are not indexed: at every
    strength another product was more like them.
    """

    name: str
    indexed: int
    weakened: int
    left_out: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a generation holds, and what it was made from and with.

    ``next_row`` is the LMDB high-water mark: rows from there on are not in this index.
    ``calibration`` turns scores into confidence; ``calibration_note`` says why there is none.
    ``contract`` is what the index promises, and what was measured.
    ``changes`` is the number of the last change of the catalog that the index includes.
    ``skipped`` counts the rows and images of the catalog that were left out. ``styles`` counts the
    renditions in each style of the shop, in the order of their names. A ``candidate``
    was built to be reviewed before it serves. ``seal`` is the SHA-256 of all other fields:
    reading a manifest that was changed raises IndexCorrupt.
    """

    format: int
    created: str
    version: str
    encoder: str
    weights_hash: str
    dim: int
    recipe: str
    items: int
    products: int
    rows: int
    next_row: int
    skipped: int
    changes: int
    catalog: str = ""
    contract: Contract = Contract()
    calibration: Calibration | None = None
    calibration_note: str = ""
    candidate: bool = False
    styles: list[StyleCount] = []
    files: dict[str, FileRecord] = {}
    seal: str = ""

    @property
    def model(self) -> Model:
        """The model whose vectors the index holds."""
        return Model(self.encoder, self.weights_hash)

    def sealed(self, files: dict[str, FileRecord]) -> Manifest:
        """Return this manifest with the records of its files and a seal over everything."""
        complete = msgspec.structs.replace(self, files=files)
        return msgspec.structs.replace(complete, seal=_seal(msgspec.to_builtins(complete)))

    def encoded(self) -> bytes:
        """Return the manifest as the indented JSON that is written to disk."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def read_manifest(path: Path) -> Manifest:
    """Read a manifest and check its seal.

    Raises FileNotFoundError; IndexCorrupt when it cannot be read or was changed; IndexMismatch
    when it is of another format.
    """
    try:
        fields = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:  # ValueError: also bytes that are not UTF-8
        raise IndexCorrupt(f"{path} cannot be read: {error}") from error
    if fields.get("seal") != _seal(fields):
        raise IndexCorrupt(f"{path} was changed after it was written; run 'vitrine index' again")
    if fields.get("format") != FORMAT:
        raise IndexMismatch(
            f"{path} is of format {fields.get('format')}, this version reads format {FORMAT}"
        )
    try:
        return msgspec.convert(fields, Manifest)
    except msgspec.ValidationError as error:
        raise IndexCorrupt(f"{path} cannot be read: {error}") from error


def now() -> str:
    """Return the time as RFC 3339, in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _seal(fields: dict[str, Any]) -> str:
    rest = {name: value for name, value in fields.items() if name != "seal"}
    return hashlib.sha256(msgspec.json.encode(rest, order="sorted")).hexdigest()
