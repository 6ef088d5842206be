"""Everything that Vitrine raises on purpose, as one tree.

    VitrineError
     +- BadImage          bytes we will not decode
     +- BadCatalog        a catalog file that cannot be read as one
     |   +- CatalogShrank  one that lacks so many items of the shop that it may be a mistake
     +- BadQuery          a question that cannot be answered: limit < 1, empty text, unknown filter
     +- CursorExpired     a page of an answer whose generation no longer serves
     +- UnknownItem       (LookupError) no such item in the shop
     +- EncoderNotFound   no such encoder, or its weights or its packages are missing
     +- BadEncoder        an encoder that gives vectors of a wrong shape or length, or not finite
     +- IndexNotFound     nothing built here yet
     +- IndexMismatch     another encoder, dimension or format than the index was built with
     +- IndexCorrupt      a checksum, a count or a canary does not hold
     +- StoreFull         map or disk full, or read-only
     +- CannotWrite       a file or folder that was named cannot be written
     +- StoreBusy         another job or reader holds the shop; it will be free again
     +- Conflict          the shop is not in the state that this needs
     +- CannotPromise     no index keeps the recall, time and memory that were asked for
     +- Overloaded        the queue's deadline has passed

A message names what was expected, what came, where, and the way out, in one line.
The edges (``service``) turn the classes into exit codes and HTTP statuses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.names import some

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "BadCatalog",
    "BadEncoder",
    "BadImage",
    "BadQuery",
    "CannotPromise",
    "CannotWrite",
    "CatalogShrank",
    "Conflict",
    "CursorExpired",
    "EncoderNotFound",
    "IndexCorrupt",
    "IndexMismatch",
    "IndexNotFound",
    "Overloaded",
    "StoreBusy",
    "StoreFull",
    "UnknownItem",
    "VitrineError",
]


class VitrineError(Exception):
    """The root: catch it to catch everything raised on purpose, and nothing else.

    ``param`` names the argument or field at fault, where there is one.
    """

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class BadImage(VitrineError):
    """Bytes that are not an image we decode: foreign, truncated, empty or too large."""


class BadCatalog(VitrineError):
    """A catalog file that cannot be read as one: missing, empty, wrong columns, duplicate ids."""


class CatalogShrank(BadCatalog):
    """A catalog without many items that stand in the shop; a build stops before it removes them.

    ``removed`` are their ids, in order, and ``standing`` is how many items the shop has.
    """

    def __init__(self, catalog: Path, removed: list[str], standing: int) -> None:
        super().__init__(
            f"{catalog} lacks {len(removed)} of the shop's {standing} items: {some(removed)}; "
            "nothing was changed. Run again with --accept to remove them (--dry-run lists all), or "
            "mend the catalog"
        )
        self.removed = removed
        self.standing = standing


class BadQuery(VitrineError):
    """A question that cannot be answered as it was asked."""


class CursorExpired(VitrineError):
    """The next page was asked for of an answer that another generation gave."""


class UnknownItem(VitrineError, LookupError):
    """No item of this id is in the shop."""


class EncoderNotFound(VitrineError):
    """No such encoder, or what it needs (weights, packages) is not here."""


class BadEncoder(VitrineError):
    """An encoder gave vectors of a wrong shape or length, or that are not finite."""


class IndexNotFound(VitrineError):
    """The shop folder holds no built index."""


class IndexMismatch(VitrineError):
    """The index was built with another encoder, dimension or format than was asked for."""


class IndexCorrupt(VitrineError):
    """A file of the shop does not hold what its manifest promises."""


class StoreFull(VitrineError):
    """The LMDB map or the disk below it takes no more: full, or read-only."""


class CannotWrite(VitrineError):
    """A file or folder that was named, such as a report, cannot be written or made."""


class StoreBusy(VitrineError):
    """Another job or reader holds the shop; try again once it has ended."""


class Conflict(VitrineError):
    """The shop, or a file, is not in the state that this needs; waiting alone changes nothing.

    Examples: nothing to migrate, a generation that serves and should be dropped, a folder that is
    not empty.
    """


class CannotPromise(VitrineError):
    """No index of these vectors keeps the recall, the time and the memory that were asked for."""


class Overloaded(VitrineError):
    """More work is waiting than can be done in time; ask again later."""
