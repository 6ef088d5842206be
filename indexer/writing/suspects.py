"""Find pictures of a catalog that show no product: blank ones, and one under many products."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Literal

import msgspec

from indexer.errors import BadImage
from indexer.imaging.blank import is_blank_jpeg
from indexer.items import Remark, Skipped
from indexer.store.pictures import DISPLAY_SIDE
from indexer.store.records import PictureKey

if TYPE_CHECKING:
    from indexer.store.transactions import Reader
    from indexer.writing.embed_catalog import EmbeddedCatalog, ReadItem
    from indexer.writing.merge import FoundImage

_MANY = 4  # products with one picture: variants share pictures, different products rarely do
_NAMED = 5


class Suspect(msgspec.Struct, frozen=True, kw_only=True):
    """A picture that probably shows no product, by the name that one item has for it.

    ``placeholder`` is under many products; ``blank`` has a single color. ``products`` counts the
    products with it, ``items`` are the first of their items.
    """

    kind: Literal["placeholder", "blank"]
    image: str
    products: int
    items: list[str]

    @property
    def reason(self) -> str:
        """The reason for suspicion, for a report."""
        if self.kind == "blank":
            return f"blank: a single color, under {_count(self.products, 'product')}"
        return f"the same picture under {_count(self.products, 'product')}: a placeholder?"


def find_suspects(read: list[ReadItem], reader: Reader) -> dict[bytes, Suspect]:
    """Return the suspicious pictures by their content, in the order of the catalog.

    ``reader`` has the display copies. A picture without one is not checked for being blank.
    """
    first: dict[bytes, FoundImage] = {}
    products: dict[bytes, set[str]] = defaultdict(set)
    items: dict[bytes, list[str]] = defaultdict(list)
    for entry in read:
        for image in entry.images:
            if image is not None:
                first.setdefault(image.content, image)
                products[image.content].add(entry.item.product_id)
                items[image.content].append(entry.item.item_id)
    found: dict[bytes, Suspect] = {}
    for content, image in first.items():
        is_shared = len(products[content]) >= _MANY
        is_blank = _is_blank(content, reader)
        if is_shared or is_blank:
            found[content] = Suspect(
                kind="blank" if is_blank else "placeholder",
                image=image.path,
                products=len(products[content]),
                items=list(dict.fromkeys(items[content]))[:_NAMED],
            )
    return found


def remarks_on(suspects: list[Suspect]) -> list[Remark]:
    """Return a remark for each suspicious picture, for the report of a build."""
    return [
        Remark(suspect.items[0], suspect.reason, image=suspect.image, field="images")
        for suspect in suspects
    ]


def leave_out(embedded: EmbeddedCatalog, suspects: dict[bytes, Suspect]) -> list[str]:
    """Remove suspicious pictures from the items; return the ids of items that have no other.

    Those items are removed too. Each picture and item is reported.
    """
    kept: list[ReadItem] = []
    emptied: list[str] = []
    for entry in embedded.read:
        item = entry.item
        pairs = list(zip(item.images, entry.images, strict=True))
        good = [pair for pair in pairs if pair[1] is None or pair[1].content not in suspects]
        for path, image in pairs:
            if image is not None and image.content in suspects:
                reason = f"left out: {suspects[image.content].reason}"
                embedded.skipped.append(Skipped(item.item_id, reason, path))
        if pairs and not good:
            emptied.append(item.item_id)
            embedded.skipped.append(Skipped(item.item_id, "left out: it has no other picture"))
            continue
        changed = msgspec.structs.replace(item, images=[path for path, _ in good])
        kept.append(entry._replace(item=changed, images=[image for _, image in good]))
    embedded.read[:] = kept
    return emptied


def _is_blank(content: bytes, reader: Reader) -> bool:
    copy = reader.image(PictureKey(content))
    if copy is None:
        return False
    try:
        return is_blank_jpeg(copy, DISPLAY_SIDE, DISPLAY_SIDE)
    except BadImage:
        return False


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
