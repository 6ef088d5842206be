"""Read the offers of Ceneo's feeds, whose elements and attributes have short names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.catalog.xmlvalues import element_record

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from indexer.catalog.item_parser import Record

_DROPPED = ("imgs", "attrs", "cat", "desc", "set", "basket", "weight")


def is_ceneo(element: Element) -> bool:
    """Return True if an element is an offer."""
    return element.tag == "o" and "id" in element.attrib


def ceneo_record(offer: Element) -> Record:
    """Return an offer with our field names; its details are attributes."""
    found = {name: part for name, part in element_record(offer).items() if name not in _DROPPED}
    found["description"] = offer.findtext("desc", "")
    found["categories"] = [offer.findtext("cat", "").strip()]
    found["images"] = [
        picture.attrib["url"]
        for picture in (*offer.findall("imgs/main"), *offer.findall("imgs/i"))
        if picture.get("url")
    ]
    for detail in offer.findall("attrs/a"):
        if detail.get("name") and (text := " ".join("".join(detail.itertext()).split())):
            found.setdefault(detail.attrib["name"], text)
    return found
