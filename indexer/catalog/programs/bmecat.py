"""Read catalogs in BMEcat 1.2 and 2005: their groups, and the names of their elements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from indexer.catalog.categorytree import CategoryTree
from indexer.catalog.nested import text_of
from indexer.catalog.xmlstream import xml_elements
from indexer.catalog.xmlvalues import local_name

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.catalog.item_parser import Record

_START: Final = 4096  # bytes in which the root element is
_GROUP: Final = "CATALOG_STRUCTURE"
_MEMBERS: Final = ("ARTICLE_TO_CATALOGGROUP_MAP", "PRODUCT_TO_CATALOGGROUP_MAP")
_SHOPPERS: Final = ("gros", "nrp", "udp_nrp")  # gross prices, and those that makers recommend
_IMAGES: Final = frozenset({"jpg", "jpeg", "png", "gif", "webp", "tif", "tiff"})
_FIELDS: Final = {
    "title": "DESCRIPTION_SHORT",
    "description": "DESCRIPTION_LONG",
    "ean": "EAN",
    "brand": "MANUFACTURER_NAME",
}


def bmecat_groups(path: Path) -> CategoryTree | None:
    """Return the groups of the articles; None if the file is no BMEcat.

    They may be after the articles, so the file is read once for them.
    """
    from defusedxml.ElementTree import ParseError

    with path.open("rb") as file:
        if b"<BMECAT" not in file.read(_START):
            return None
    names: dict[str, tuple[str, str]] = {}  # of each group: its name, its parent
    members: dict[str, list[str]] = {}
    try:
        for _, element in xml_elements(path, (_GROUP, *_MEMBERS)):
            part = {local_name(child.tag): child.text or "" for child in element}
            if local_name(element.tag) == _GROUP:
                group, parent = part.get("GROUP_ID", ""), part.get("PARENT_ID", "")
                names[group] = (part.get("GROUP_NAME", ""), parent)
            else:
                article = part.get("ART_ID") or part.get("PROD_ID") or ""
                members.setdefault(article, []).append(part.get("CATALOG_GROUP_ID", ""))
    except ParseError:
        pass  # the reader of the articles reports where the file is broken
    tree = {
        group: (name, parent if parent in names else "") for group, (name, parent) in names.items()
    }
    return CategoryTree(tree, members)


def bmecat_record(record: Record, groups: CategoryTree) -> Record:
    """Return an ARTICLE or PRODUCT with our field names; its features become attributes."""
    part = {name.replace("PRODUCT", "ARTICLE"): value for name, value in record.items()}
    details = _object(part.get("ARTICLE_DETAILS"))
    article = part.get("SUPPLIER_AID") or part.get("SUPPLIER_PID")
    found: Record = {"id": article}
    for field, name in _FIELDS.items():
        if details.get(name):
            found[field] = details[name]
    found["categories"] = groups.paths_of(str(article))
    listed = [
        _object(price)
        for prices in _list(part.get("ARTICLE_PRICE_DETAILS"))
        for price in _prices_in(_object(prices))
    ]
    if amounts := [price for price in listed if price.get("PRICE_AMOUNT")]:
        price = min(amounts, key=_rank)
        found["price"] = price["PRICE_AMOUNT"]
        found["currency"] = price.get("PRICE_CURRENCY", "")
    pictures = [
        _object(mime)
        for info in _list(part.get("MIME_INFO"))
        for mime in _list(_object(info).get("MIME"))
    ]
    found["images"] = [
        mime["MIME_SOURCE"] for mime in pictures if mime.get("MIME_SOURCE") and _is_image(mime)
    ]
    for features in _list(part.get("ARTICLE_FEATURES")):
        for listed in _list(_object(features).get("FEATURE")):
            feature = _object(listed)
            if feature.get("FNAME") and feature.get("FVALUE"):
                found[text_of(feature["FNAME"])] = feature["FVALUE"]
    return found


def _prices_in(details: Record) -> list[Any]:
    return _list(details.get("ARTICLE_PRICE", details.get("PRODUCT_PRICE")))


def _rank(price: Record) -> int:
    """Return the place of a price among several: what shoppers pay, with tax, comes first."""
    kind = str(price.get("price_type", "")).casefold()
    return next((at for at, name in enumerate(_SHOPPERS) if kind.startswith(name)), len(_SHOPPERS))


def _is_image(mime: Record) -> bool:
    kind = str(mime.get("MIME_TYPE") or "image/").casefold()
    return kind.startswith("image") or kind in _IMAGES


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _object(value: Any) -> Record:
    return value if isinstance(value, dict) else {}
