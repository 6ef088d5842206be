"""Read catalogs of Salesforce Commerce (Demandware): products, masters, assigned categories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from indexer.catalog.categorytree import CategoryTree
from indexer.catalog.xmlstream import xml_elements

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from indexer.catalog.item_parser import Record

_START: Final = 4096  # bytes in which the root element is
_MARK: Final = b"demandware.com/xml/impex/catalog"
_LANGUAGE: Final = "{http://www.w3.org/XML/1998/namespace}lang"
_DEFAULT: Final = "x-default"
_TEXTS: Final = {"title": "display-name", "description": "long-description"}
_FLAGS: Final = ("online-flag", "available-flag")


class SalesforceLinks(NamedTuple):
    """What a catalog says of its products elsewhere: their categories, and masters by id."""

    categories: CategoryTree
    masters: Mapping[str, str]


def salesforce_links(path: Path) -> SalesforceLinks | None:
    """Return the links of a catalog, which is read once for them; None if it is none."""
    from defusedxml.ElementTree import ParseError

    with path.open("rb") as file:
        if _MARK not in file.read(_START):
            return None
    names: dict[str, tuple[str, str]] = {}  # of each category: its name, its parent
    members: dict[str, list[str]] = {}
    masters: dict[str, str] = {}
    try:
        for around, element in xml_elements(path, ("category", "category-assignment", "variant")):
            tag, product = _name(element), element.attrib.get("product-id", "")
            if tag == "category":
                own = element.attrib.get("category-id", "")
                names[own] = (_text(element, "display-name", None) or own, _text(element, "parent"))
            elif tag == "category-assignment":
                members.setdefault(product, []).append(element.attrib.get("category-id", ""))
            else:
                for master in around:
                    if _name(master) == "product":
                        masters.setdefault(product, master.attrib.get("product-id", ""))
    except ParseError:
        pass  # the reader of the products reports where the file is broken
    return SalesforceLinks(CategoryTree(names, members), masters)


def salesforce_record(product: Element, links: SalesforceLinks) -> Record:
    """Return a ``<product>`` with our field names; its custom attributes become attributes."""
    own = product.attrib.get("product-id", "")
    found: Record = {"id": own, "parent id": links.masters.get(own, "")}
    for field, tag in _TEXTS.items():
        found[field] = _texts(product, tag)
    if not found["description"]:
        found["description"] = _texts(product, "short-description")
    found["categories"] = links.categories.paths_of(own)
    found["images"] = _images(product)
    for name in ("brand", "ean", "upc"):
        if text := _text(product, name):
            found[name] = text
    if any(_text(product, flag).casefold() == "false" for flag in _FLAGS):
        found["active"] = "false"
    for part in product.iter():
        name = part.attrib.get("attribute-id", "")
        if _name(part) == "custom-attribute" and name and (text := _joined(part)):
            found.setdefault(name, text)
    return {name: found[name] for name in found if found[name] or name == "parent id"}


def _images(product: Element) -> list[str]:
    """Return the pictures of the first size: the same ones follow in smaller sizes."""
    groups = [part for part in product.iter() if _name(part) == "image-group"]
    size = groups[0].attrib.get("view-type") if groups else None
    found = [
        image.attrib["path"]
        for group in groups
        if group.attrib.get("view-type") == size
        for image in group
        if image.attrib.get("path")
    ]
    return list(dict.fromkeys(found))


def _texts(product: Element, tag: str) -> str | dict[str, str]:
    """Return a text, or the texts by their languages if it has several; the default is English."""
    found = {
        part.attrib.get(_LANGUAGE, _DEFAULT): text
        for part in product
        if _name(part) == tag and (text := _joined(part))
    }
    if len(found) < 2:
        return next(iter(found.values()), "")
    return {"en" if name == _DEFAULT else name: text for name, text in sorted(found.items())}


def _text(element: Element, tag: str, language: str | None = "") -> str:
    """Return the text of a child; with ``language`` None, that of the default language first."""
    parts = [part for part in element if _name(part) == tag]
    if language is None:
        parts.sort(key=lambda part: part.attrib.get(_LANGUAGE, _DEFAULT) != _DEFAULT)
    return _joined(parts[0]) if parts else ""


def _joined(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]
