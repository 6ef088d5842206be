"""The findings of an audit: pictures, the reason and a confidence."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

Kind = Literal[
    "category",
    "color",
    "pattern",
    "title",
    "nothing",
    "same-picture",
    "near-duplicate",
    "pictures-disagree",
]
KINDS: tuple[Kind, ...] = get_args(Kind)


class PictureRef(msgspec.Struct, frozen=True):
    """A picture of an item: the number of the image in the item, and its path in the catalog."""

    item_id: str
    image_index: int
    path: str


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something to look at: nothing was changed.

    ``items`` are the items at fault, or those that repeat each other, and ``pictures`` are shown
    side by side. ``given`` is what the catalog says and ``suggested`` what the pictures show, both
    empty unless the kind is ``category``, ``color``, ``pattern`` or ``title``. ``confidence`` is
    the probability that the finding is right.
    """

    kind: Kind
    confidence: float
    reason: str
    items: list[str]
    pictures: list[PictureRef]
    given: str = ""
    suggested: str = ""


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """The findings of an audit, surest first within each kind, and what was examined.

    ``notes`` name checks that could not be made, with the reason.
    """

    items: int
    pictures: int
    findings: list[Finding]
    notes: list[str]
    seconds: float
