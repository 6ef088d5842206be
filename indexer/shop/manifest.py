"""The manifest of a generation: what it holds, with a checksum as a seal."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from indexer.confidence.curve import Calibration
from indexer.encoders.base import Model
from indexer.errors import IndexCorrupt, IndexMismatch
from indexer.jsonbytes import decode_json_as
from indexer.regularfile import not_permitted, read_regular
from indexer.vectors.contract import Contract

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1
MANIFEST = "manifest.json"
FILE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)*")  # of a file of a generation
_MOST_BYTES = 16 << 20
WORDS = "words.sqlite"
CONTENTS = "contents.npy"  # content hashes of the images, (n, 16) uint8 in row order


Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]  # what fits a column and an array


class FileRecord(msgspec.Struct, frozen=True):
    """The expected checksum and size of a file."""

    sha256: str
    bytes: Count


class StyleCount(msgspec.Struct, frozen=True):
    """The renditions of a shop's images in one style.

    ``indexed`` are found by searches; ``weakened`` of these have a lower strength, because at the
    style's own strength another product was more like them. ``left_out`` are not indexed: at every
    strength another product was more like them.
    """

    name: str
    indexed: Count
    weakened: Count
    left_out: Count


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a generation holds, and what it was built from.

    ``next_row`` was the next free row number: the index has no rows from there on.
    ``calibration`` maps scores to confidence; if it is None, ``calibration_note`` says why.
    ``contract`` holds the targets of the index and what was measured. ``changes`` is the number of
    the last change of the store that the index includes. ``skipped`` counts the catalog rows and
    images that were left out. ``styles`` counts the renditions in each style, by name. A
    ``candidate`` is not made current by the build, so that an operator can review it. ``words`` is
    the format of the full-text index (``WORDS_FORMAT``), ``meaning`` the sentence
    model of the index of meanings, or empty. ``seal`` is the SHA-256 of all other fields: a changed
    manifest raises IndexCorrupt when it is read.
    """

    format: Count
    created: str
    version: str
    encoder: str
    weights_hash: str
    dim: Count
    recipe: str
    items: Count
    products: Count
    rows: Count
    next_row: Count
    skipped: Count
    changes: Count
    catalog: str = ""
    contract: Contract = Contract()
    calibration: Calibration | None = None
    calibration_note: str = ""
    candidate: bool = False
    words: Count = 1
    meaning: str = ""
    styles: list[StyleCount] = []
    files: dict[str, FileRecord] = {}
    seal: str = ""

    @property
    def model(self) -> Model:
        """The model whose vectors the index holds."""
        return Model(self.encoder, self.weights_hash)

    def sealed(self, files: dict[str, FileRecord]) -> Manifest:
        """Return this manifest with the records of its files, and the seal."""
        complete = msgspec.structs.replace(self, files=files)
        return msgspec.structs.replace(complete, seal=_seal(msgspec.to_builtins(complete)))

    def encoded(self) -> bytes:
        """Return the manifest as the indented JSON that is written to disk."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def read_manifest(path: Path) -> Manifest:
    """Read a manifest and check its seal.

    Raises FileNotFoundError; IndexCorrupt if it is unreadable or was changed; IndexMismatch if it
    has another format.
    """
    try:
        fields = decode_json_as(read_regular(path, _MOST_BYTES), dict[str, Any])
    except FileNotFoundError:
        raise
    except PermissionError:
        raise IndexCorrupt(not_permitted(path)) from None
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
    """Return the present time in UTC as RFC 3339, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _seal(fields: dict[str, Any]) -> str:
    rest = {name: value for name, value in fields.items() if name != "seal"}
    return hashlib.sha256(msgspec.json.encode(rest, order="sorted")).hexdigest()
