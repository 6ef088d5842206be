"""What a shop sells, as the catalog says it."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

AttributeValue: TypeAlias = str | float | bool | list[str]

MAX_ID_BYTES = 256  # ids are parts of LMDB keys, which end at 511 bytes
ORIGINAL = "original"


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One sellable thing. ``item_id`` is the shop's own string and survives every rebuild.

    ``product_id`` groups the variants of one model; an item without variants is its own
    product. ``categories`` are ``/``-separated paths, the main one first. ``images`` are
    paths relative to the catalog file, the main one first. ``price`` is in ``currency``
    (ISO 4217, or empty when the catalog does not say).
    """

    item_id: str
    product_id: str
    title: str = ""
    description: str = ""
    categories: list[str] = []
    price: float | None = None
    currency: str = ""
    in_stock: bool = True
    attributes: dict[str, AttributeValue] = {}
    images: list[str] = []


def clean_id(text: str) -> str:
    """An id as it is stored: blanks at its ends are no part of it, whoever sends it."""
    return text.strip()


class Skipped(msgspec.Struct, frozen=True):
    """One row or image of a catalog that was left out, by name and with the reason.

    ``item_id`` is empty where the row has none; ``image`` where the whole row was skipped.
    """

    item_id: str
    reason: str
    image: str = ""
    where: str = ""


class Unread(Skipped, frozen=True):
    """A row that may be of any item, for its id cannot be read; ``guess`` is what seems to be it.

    A guess that ends in ``/`` is a folder whose files cannot be seen.
    """

    guess: str = ""
