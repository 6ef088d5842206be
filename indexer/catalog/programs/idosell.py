"""Read the products of an offer of IdoSell (IOF), whose data are attributes of XML elements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from indexer.catalog.xmlvalues import element_record

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from indexer.catalog.item_parser import Record

_SIZE: Final = "uniw"  # the only size of a product that has none


def is_idosell(product: Element) -> bool:
    """Return True if an element is such a product: it has sizes, and a card with its address."""
    return product.find("sizes") is not None and product.find("card") is not None


def idosell_record(product: Element) -> Record:
    """Return a product with a variant for each size; texts are by language."""
    texts = product.find("description")
    named: Record = {} if texts is None else element_record(texts)
    price = _given(product, "price", "gross") or _given(product, "price", "net")
    record: Record = {
        "id": product.get("id", ""),
        "title": named.get("name", ""),
        "description": named.get("long_desc") or named.get("short_desc", ""),
        "categories": [category.get("name", "") for category in product.findall("category")],
        "url": _given(product, "card", "url"),
        "brand": _given(product, "producer", "name"),
        "price": price,
        "images": [image.get("url", "") for image in product.findall("images/large/image")],
    }
    for parameter in product.findall("parameters/parameter"):
        values = [value.get("name", "") for value in parameter.findall("value")]
        record.setdefault(parameter.get("name", ""), values[0] if len(values) == 1 else values)
    record["variants"] = [_variant(size, price) for size in product.findall("sizes/size")]
    return record


def _variant(size: Element, price: str) -> Record:
    """Return a size: its own price, or that of the product, and its stock, if it is counted."""
    variant: Record = {
        "sku": size.get("code", ""),
        "price": _given(size, "price", "gross") or price,
    }
    if size.get("id") != _SIZE:
        variant["size"] = size.get("name", "")
    counts = [_count(stock.get("quantity")) for stock in size.findall("stock")]
    if counts:
        variant["in_stock"] = any(count != 0 for count in counts)  # -1 is without end
    return variant


def _given(element: Element, child: str, attribute: str) -> str:
    found = element.find(child)
    return "" if found is None else found.get(attribute, "")


def _count(text: Any) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        return 0
