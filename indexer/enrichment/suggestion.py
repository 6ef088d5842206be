"""What is suggested for an item: a value of an attribute, and what it was read from."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

VERSION: Final = "texts-3"
Field = Literal["title", "description", "pictures", "items"]


class Source(msgspec.Struct, frozen=True):
    """Where a value was read: the field, the place in its plain text, and the words there.

    ``pictures`` is the classifier of the shop, and ``items`` are other items of the same kind;
    ``start`` and ``end`` are then 0, and ``text`` says what was seen.
    """

    field: Field
    start: int
    end: int
    text: str


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """A value that an item seems to have. ``confidence`` is in [0, 1]; ``version`` is of the rules.

    ``attribute`` is one of ``indexer.enrichment.gazetteer.Attribute``, ``taxonomy``, whose value is
    the path of a category and whose ``code`` is that of the taxonomy, or an attribute of the shop.
    ``is_new`` if the shop's own fields do not have the attribute. ``note`` says what speaks against
    the value, if anything does.
    """

    attribute: str
    value: str
    confidence: float
    source: Source
    is_new: bool
    version: str = VERSION
    code: str = ""
    note: str = ""
