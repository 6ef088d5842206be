"""Read the data sheets of Icecat, in JSON and in XML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from indexer.catalog.shopformat import text_cell

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from indexer.catalog.item_parser import Record

_SIZES: Final = ("Original", "Pic", "HighPic", "Pic500x500", "LowPic", "ThumbPic")


def is_icecat(record: Mapping[str, Any]) -> bool:
    """Return True if a record is a data sheet in JSON."""
    return isinstance(_mapping(record.get("data", record)).get("GeneralInfo"), Mapping)


def icecat_record(record: Mapping[str, Any]) -> Record:
    """Return a data sheet in JSON with our field names; its features are attributes."""
    data = _mapping(record.get("data", record))
    info = _mapping(data.get("GeneralInfo"))
    text = _mapping(info.get("Description"))
    gallery = data.get("Gallery")
    listed = [data.get("Image"), *(gallery if isinstance(gallery, list) else [])]
    features = {
        _value(_mapping(feature.get("Feature")).get("Name")): feature.get("PresentationValue")
        for group in _objects(data.get("FeaturesGroups"))
        for feature in _objects(group.get("Features"))
    }
    return {
        "id": text_cell(info.get("BrandPartCode") or info.get("IcecatId")),
        "title": info.get("Title") or info.get("ProductName"),
        "description": text.get("LongDesc") or text.get("ShortDesc") or "",
        "categories": [_value(_mapping(info.get("Category")).get("Name"))],
        "brand": info.get("Brand"),
        "gtin": info.get("GTIN") or "",
        "images": _pictures([_mapping(part) for part in listed]),
        **{name: value for name, value in features.items() if name},
    }


def is_icecat_product(product: Element) -> bool:
    """Return True if an element is a data sheet in XML."""
    return "Prod_id" in product.attrib


def icecat_element(product: Element) -> Record:
    """Return a data sheet in XML with our field names; its features are attributes."""
    texts = product.find("ProductDescription")
    category = product.find("Category/Name")
    supplier = product.find("Supplier")
    codes = [code.get("EAN") or code.get("Value") or "" for code in product.iter("EANCode")]
    features = {
        name.get("Value", ""): (feature.get("Presentation_Value") or feature.get("Value") or "")
        for feature in product.findall("ProductFeature")
        if (name := feature.find("Feature/Name")) is not None
    }
    own = {name: part for name, part in product.attrib.items() if name in _SIZES}
    gallery = [dict(part.attrib) for part in product.findall("ProductGallery/ProductPicture")]
    description = "" if texts is None else texts.get("LongDesc") or texts.get("ShortDesc") or ""
    return {
        "id": product.get("Prod_id"),
        "title": product.get("Title") or product.get("Name"),
        "description": description.replace("\\n", "\n"),
        "categories": [] if category is None else [category.get("Value", "")],
        "brand": "" if supplier is None else supplier.get("Name", ""),
        "gtin": [code for code in codes if code],
        "images": _pictures([own, *gallery]),
        **{name: value for name, value in features.items() if name},
    }


def _pictures(parts: list[Record]) -> list[str]:
    """Return the largest size of each picture, each once."""
    found = (
        next((text_cell(part[size]) for size in _SIZES if part.get(size)), "") for part in parts
    )
    return list(dict.fromkeys(text for text in found if text))


def _value(name: Any) -> str:
    return text_cell(name.get("Value") if isinstance(name, Mapping) else name)


def _objects(value: Any) -> list[Record]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def _mapping(value: Any) -> Record:
    return value if isinstance(value, dict) else {}
