"""The items of a catalog, and the records of skipped rows."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

AttributeValue: TypeAlias = str | float | bool | list[str]

MAX_ID_BYTES = 256  # ids are parts of LMDB keys, which hold at most 511 bytes
ORIGINAL = "original"

PICTURE_TEXT = "picture_text"
"""The attribute that holds the words read from the pictures of an item: no catalog has it."""


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An article for sale. ``item_id`` is the shop's own string and never changes.

    ``product_id`` groups the variants of a product; without variants it equals ``item_id``.
    ``categories`` are ``/``-separated paths, the main category first. ``images`` are paths
    relative to the catalog file, the main image first. ``price`` is in ``currency`` (ISO 4217,
    or empty if the catalog gives none). ``url`` is the page where the item can be bought.
    """

    item_id: str
    product_id: str
    title: str = ""
    description: str = ""
    categories: list[str] = []
    price: float | None = None
    currency: str = ""
    in_stock: bool = True
    url: str = ""
    attributes: dict[str, AttributeValue] = {}
    images: list[str] = []


# What a copied cell or a file in the middle of another leaves at the ends of an id, unseen: a mark
# of the byte order, zero-width spaces and joiners.
_UNSEEN = "\ufeff\u200b\u200c\u200d\u2060"
_BLANKS = _UNSEEN + "".join(letter for letter in map(chr, range(0x3001)) if letter.isspace())


def clean_id(text: str) -> str:
    """Return an id as it is stored, without white space and unseen letters at its ends."""
    return text.strip(_BLANKS)


class Skipped(msgspec.Struct, frozen=True):
    """A row or image of a catalog that was skipped, and the reason.

    ``item_id`` is empty if the row has no id; ``image`` is empty if the whole row was skipped.
    """

    item_id: str
    reason: str
    image: str = ""
    where: str = ""


class Remark(Skipped, frozen=True):
    """A field of a row that was left out, or that was read differently from how it is written.

    A remark says nothing about whether the item is kept.
    """

    field: str = ""


class UnreadableRow(Skipped, frozen=True):
    """A skipped row that may belong to any item, because its id cannot be read.

    ``guess`` is the likely id, or empty. A guess that ends in ``/`` is a folder whose files
    cannot be listed.
    """

    guess: str = ""
