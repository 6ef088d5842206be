"""The exceptions that Vitrine raises on purpose, as one tree; those of ``style`` are its own.

    VitrineError
     +- BadImage          not an image, or an image that is refused
     +- BadCatalog        a catalog file that cannot be read
     |   +- CatalogShrank  a catalog that lacks many of the shop's items, perhaps by mistake
     +- BadEvent          an event that cannot be stored: unknown type, bad time or number
     +- BadQuery          an invalid query: limit < 1, empty text, unknown filter
     +- CursorExpired     a cursor of a generation that no longer serves
     +- UnknownItem       (LookupError) no such item in the shop
     +- EncoderNotFound   no such encoder, or its weights or packages are missing
     +- RecognizerNotFound  no such recognizer, or its weights are missing or do not run
     +- BadEncoder        an encoder's vectors have a wrong shape or length, or are not finite
     +- IndexNotFound     no index has been built
     +- IndexMismatch     another encoder, dimension or format than the index was built with
     +- IndexCorrupt      a checksum, a count or a canary does not match
     +- StoreFull         map or disk full, or read-only
     +- CannotWrite       an output file or folder cannot be written
     +- StoreBusy         another job or reader holds the shop; try again later
     +- Conflict          the shop is in a state that does not allow the operation
     +- CannotPromise     no index meets the recall, time and memory targets
     +- BadServer         the address of a vector server is invalid, or its client is missing
     +- VectorsUnavailable  the server that searches the index does not answer, or answers wrongly
     +- PrimaryLost       the primary of a replica does not answer
     +- BadPrimary        a replica's primary is no shop, or what it sends cannot be right
     +- WorkersLost       the cluster that embeds images cannot be reached, or its workers died
     +- Overloaded        too much work is queued to finish in time

A message says in one line what was expected, what was found, where, and the way out.
``service`` maps the classes to exit codes and HTTP statuses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.items import Skipped

__all__ = [
    "BadCatalog",
    "BadEncoder",
    "BadEvent",
    "BadImage",
    "BadPrimary",
    "BadQuery",
    "BadServer",
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
    "PrimaryLost",
    "RecognizerNotFound",
    "StoreBusy",
    "StoreFull",
    "UnknownItem",
    "VectorsUnavailable",
    "VitrineError",
    "WorkersLost",
    "first_names",
]


def first_names(names: Sequence[str], limit: int = 5) -> str:
    """Join the first names with commas, and append how many more there are, for a message."""
    first = ", ".join(names[:limit])
    return first if len(names) <= limit else f"{first} and {len(names) - limit} more"


class VitrineError(Exception):
    """The base class of every exception that Vitrine raises on purpose.

    ``param`` names the invalid argument or field; None if there is no single one.
    """

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class BadImage(VitrineError):
    """Bytes that are not decoded: another format, truncated, empty or too large."""


class BadCatalog(VitrineError):
    """A catalog that cannot be read: missing, empty, wrong columns, duplicate ids.

    ``skipped`` are the rows and images that were skipped before the reader gave up.
    """

    def __init__(
        self, message: str, *, param: str | None = None, skipped: Sequence[Skipped] = ()
    ) -> None:
        super().__init__(message, param=param)
        self.skipped = list(skipped)


class CatalogShrank(BadCatalog):
    """A catalog that lacks many of the shop's items; a build stops before it removes them.

    ``removed`` lists the missing ids, in order; ``item_count`` is the number of the shop's items.
    """

    def __init__(
        self, catalog: str, removed: list[str], item_count: int, *, skipped: Sequence[Skipped] = ()
    ) -> None:
        super().__init__(
            f"{catalog} lacks {len(removed)} of the shop's {item_count} items: "
            f"{first_names(removed)}; nothing was changed. Run again with --accept to remove them "
            "(--dry-run lists all), or fix the catalog",
            skipped=skipped,
        )
        self.removed = removed
        self.item_count = item_count


class BadEvent(VitrineError):
    """An event that cannot be stored: an unknown type, a missing id, an invalid time or number."""


class BadQuery(VitrineError):
    """An invalid query."""


class CursorExpired(VitrineError):
    """The cursor belongs to a generation that no longer serves."""


class UnknownItem(VitrineError, LookupError):
    """The shop has no item with this id."""


class EncoderNotFound(VitrineError):
    """No such encoder, or its weights or packages are missing."""


class RecognizerNotFound(VitrineError):
    """No such recognizer, or its weights are missing or do not run."""


class BadEncoder(VitrineError):
    """An encoder returned vectors of a wrong shape or length, or vectors that are not finite."""


class IndexNotFound(VitrineError):
    """The shop folder holds no index."""


class IndexMismatch(VitrineError):
    """The index was built with another encoder, dimension or format than requested."""


class IndexCorrupt(VitrineError):
    """A file of the shop does not match its manifest."""


class StoreFull(VitrineError):
    """The LMDB map or the disk cannot be written: full, or read-only."""


class CannotWrite(VitrineError):
    """An output file or folder, such as a report, cannot be written or created."""


class StoreBusy(VitrineError):
    """Another job or reader holds the shop; try again once it has ended."""


class Conflict(VitrineError):
    """The shop or a file is in a state that does not allow the operation; retrying does not help.

    Examples: nothing to migrate, dropping the generation that serves, a folder that is not empty.
    """


class CannotPromise(VitrineError):
    """No index of these vectors meets the recall, time and memory targets."""


class BadServer(VitrineError):
    """The address of a vector server is invalid, or the package of its client is missing."""


class VectorsUnavailable(VitrineError):
    """The server that searches the index does not answer, or its answer cannot be right."""


class PrimaryLost(VitrineError):
    """The primary of a replica does not answer now, or changed while it was copied; try again."""


class BadPrimary(VitrineError):
    """What a replica was told to copy is no shop, or its messages cannot be right."""


class WorkersLost(VitrineError):
    """The cluster that embeds images cannot be reached, or its workers died repeatedly."""


class Overloaded(VitrineError):
    """More work is queued than can be done in time; try again later."""


def one_line(error: BaseException) -> str:
    """Return an exception's message on one line, at most 200 characters, or its class name."""
    text = " ".join(str(error).split())
    return text[:200] or type(error).__name__
