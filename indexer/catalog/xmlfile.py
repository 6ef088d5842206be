"""Read the products of an XML feed (RSS, Atom, or a list of products) as a stream.

The parser is defusedxml's: it is part of the base install, since a feed is the most common export,
and weighs 25 kB. It refuses entities and document types, so that a feed reads no other file and
does not expand to gigabytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from indexer.catalog.bmecat import bmecat_groups, bmecat_record
from indexer.catalog.item_parser import BrokenRow
from indexer.catalog.salesforce import salesforce_links, salesforce_record
from indexer.errors import BadCatalog

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from indexer.catalog.item_parser import NumberedRow, Record

_PRODUCTS: Final = frozenset(
    {"item", "entry", "product", "offer", "shopitem", "article", "artikel", "produkt", "produit"}
)
_CATEGORIES: Final = ("categoryId", "category_id")  # a product's, by the number of a <category>
_GOOGLE: Final = "base.google.com/ns"
_DEEPEST: Final = 20


def xml_records(path: Path) -> Iterator[NumberedRow]:
    """Yield each ``<item>``, ``<entry>``, ``<product>``, ``<offer>`` and so on as {name: value}.

    Categories that a feed lists before its products, by number and parent, become paths. The
    elements of BMEcat and of Salesforce are given names of fields. Names have no namespace; an
    element of Google's comes before others of its name. A repeated element is a list. If the file
    is broken or ends in the middle, the last record is a BrokenRow, because products may be
    missing. Raises BadCatalog if it cannot be read at all.
    """
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import ParseError, iterparse

    number = 0
    try:
        with path.open("rb") as file:
            stack: list[Element] = []
            product: Element | None = None
            categories: dict[str, str] = {}
            groups = bmecat_groups(path)
            links = salesforce_links(path)
            for event, element in iterparse(
                file, events=("start", "end"), forbid_dtd=False, forbid_entities=True
            ):
                if event == "start":
                    stack.append(element)
                    if product is None and _is_product(element, stack):
                        product = element
                    continue
                stack.pop()
                if product is None and _name(element.tag) == "category" and element.get("id"):
                    parent = categories.get(element.get("parentId") or "", "")
                    name = " ".join("".join(element.itertext()).split())
                    categories[element.attrib["id"]] = f"{parent} > {name}" if parent else name
                if product is not None and element is product:
                    number += 1
                    record = (
                        _with_paths(_record(element), categories, groups)
                        if links is None
                        else salesforce_record(element, links)
                    )
                    yield f"product {number}", record
                    product = None
                if product is None and stack:
                    stack[-1].remove(element)  # so that memory holds one product at a time
    except DefusedXmlException as error:
        raise BadCatalog(f"{path} is refused: it declares entities; export it without") from error
    except ParseError as error:
        if not number:
            raise BadCatalog(f"{path} is not XML: {error}") from error
        yield f"product {number + 1}", BrokenRow(f"not XML: {error}; the rest is not read", {})
    except (OSError, LookupError, ValueError) as error:
        raise BadCatalog(f"cannot read {path}: {error}") from error


def _is_product(element: Element, stack: list[Element]) -> bool:
    """Return True if an element is a product; within a list of references it is none."""
    if _name(element.tag).casefold() not in _PRODUCTS:
        return False
    return len(stack) < 2 or not _name(stack[-2].tag).casefold().endswith("reference")


def _with_paths(
    record: Record, categories: dict[str, str], groups: Mapping[str, list[str]] | None
) -> Record:
    """Return a record with the paths of its categories, and the fields of BMEcat by our names."""
    if groups is not None:
        return bmecat_record(record, groups)
    for name in _CATEGORIES:
        numbers = record.get(name)
        listed = numbers if isinstance(numbers, list) else [numbers]
        if categories and "category" not in record and any(part in categories for part in listed):
            record["category"] = [categories[part] for part in listed if part in categories]
            del record[name]
    return record


def _record(product: Element) -> Record:
    record: Record = dict(product.attrib)
    from_google: set[str] = set()
    for child in product:
        name = _name(child.tag)
        is_google = _GOOGLE in str(child.tag)
        value = _value(child)
        if is_google and name not in from_google:
            from_google.add(name)
            record[name] = value
        elif not is_google and name in from_google:
            continue
        elif name in record:
            before = record[name]
            record[name] = [*before, value] if isinstance(before, list) else [before, value]
        else:
            record[name] = value
    return record


def _value(element: Element, depth: int = 0) -> Any:
    """Return the text of an element, the target of a link, or an object of its children."""
    children = list(element)
    if children and depth < _DEEPEST and not _is_markup(children):
        inner: Record = {}
        for child in children:
            name, value = _name(child.tag), _value(child, depth + 1)
            if name in inner:
                before = inner[name]
                value = [*before, value] if isinstance(before, list) else [before, value]
            inner[name] = value
        return inner
    text = " ".join("".join(element.itertext()).split())
    if text and element.attrib.keys() == {"name"}:  # <param name="Color">red</param>
        return {"name": element.attrib["name"], "value": text}
    if text and element.attrib.keys() & {"currency", "currencyCode"}:
        return {"value": text, **element.attrib}
    return text or element.attrib.get("href", "")


def _is_markup(children: list[Element]) -> bool:
    """Return True if the children are XHTML, which is a text."""
    return all("www.w3.org/1999/xhtml" in str(child.tag) for child in children)


def _name(tag: object) -> str:
    return str(tag).rpartition("}")[2]
