"""The styles that a shop shows its catalog in: their names in the store, and their stylers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from indexer.items import ORIGINAL
from indexer.layout import STYLES
from indexer.shop.manifest import StyleCount
from indexer.store.pictures import DISPLAY_SIDE
from indexer.store.records import PictureKey
from style.errors import StyleError
from style.registry import FoundStyle, StyleRegistry, with_folder

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from indexer.store.transactions import Reader, Writer

_STYLES = "styles"  # in the store's meta; earlier versions have none, and ignore it
_VERSION = 1  # of how renditions are made; raise it to have all of them made again


class ShopStyle(NamedTuple):
    """A style of a shop; ``digest`` is a hash of all that decides its renditions."""

    name: str
    found: FoundStyle
    digest: str

    @property
    def strength(self) -> float:
        """The strength of its renditions, unless the identity guard lowers it."""
        return self.found.info.strength


def registry_of(shop: Path) -> StyleRegistry:
    """Return the built-in styles and the shop's own. Raises BadStyleFile."""
    return with_folder(shop / STYLES)


def indexed_styles(reader: Reader) -> list[str]:
    """Return the names of the styles that the images of this shop are indexed in, sorted."""
    names: list[str] = reader.meta(_STYLES, [])
    return names


def set_indexed_styles(writer: Writer, names: Iterable[str]) -> None:
    """Set the styles that images are indexed in. It renders nothing."""
    writer.put_meta(_STYLES, sorted(set(names)))


def removable_styles(reader: Reader, serving: Iterable[StyleCount]) -> set[str]:
    """Return the styles that the shop is indexed in, and those of an interrupted removal.

    An interrupted removal leaves rows in the store, or in the index that serves, of which
    ``serving`` is the manifest's list.
    """
    left = {
        row.rendition
        for _, row in reader.rows()
        if row.rendition != ORIGINAL and reader.rendition(row.picture)  # others are not of the shop
    }
    return left.union(indexed_styles(reader), (style.name for style in serving))


def shop_styles(registry: StyleRegistry, names: Iterable[str]) -> list[ShopStyle]:
    """Look up styles by name. Raises UnknownStyle."""
    return [_shop_style(registry.find(name)) for name in names]


def known_styles(
    registry: StyleRegistry, names: Iterable[str]
) -> tuple[list[ShopStyle], dict[str, str]]:
    """Look up styles by name; also return the names that cannot be used here, with reasons."""
    found: list[ShopStyle] = []
    missing: dict[str, str] = {}
    for name in names:
        try:
            found += shop_styles(registry, [name])
        except StyleError as error:  # unknown, or the file of an own style is damaged
            missing[name] = str(error)
    return found, missing


def count_styles(reader: Reader, pictures: Collection[PictureKey]) -> list[StyleCount]:
    """Count the renditions among these pictures by style, for each style of the shop.

    Those left out have no picture; they count if another picture of the image is among these.
    """
    contents = {picture.content for picture in pictures}
    return [_counted(reader, name, contents, pictures) for name in indexed_styles(reader)]


def _counted(
    reader: Reader, name: str, contents: Collection[bytes], pictures: Collection[PictureKey]
) -> StyleCount:
    counts = {"full": 0, "weakened": 0, "left_out": 0}
    for content in contents:
        picture = PictureKey(content, name)
        record = reader.rendition(picture)
        if record is not None and (record.outcome == "left_out" or picture in pictures):
            counts[record.outcome] += 1
    indexed = counts["full"] + counts["weakened"]
    return StyleCount(name, indexed, counts["weakened"], counts["left_out"])


def _shop_style(found: FoundStyle) -> ShopStyle:
    styler, info = found
    weights = styler.provenance(info.name, info.strength).weights
    digest = f"{_VERSION}:{styler.name}:{weights}:{info.strength:g}:{DISPLAY_SIDE}"
    return ShopStyle(info.name, found, digest)
