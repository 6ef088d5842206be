"""Read the products of an XML feed (RSS, Atom, or a list of products) as a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from indexer.catalog.bmecat import bmecat_groups, bmecat_record
from indexer.catalog.item_parser import BrokenRow
from indexer.catalog.salesforce import salesforce_links, salesforce_record
from indexer.catalog.xmlstream import xml_events
from indexer.errors import BadCatalog

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from indexer.catalog.item_parser import NumberedRow, Record

_PRODUCTS: Final = frozenset(
    {"item", "entry", "product", "offer", "shopitem", "article", "artikel", "produkt", "produit"}
)
_FIRST: Final = 100  # elements of a product that is too large; its id is usually among them
_CATEGORIES: Final = ("categoryId", "category_id")  # a product's, by the number of a <category>
_GOOGLE: Final = "base.google.com/ns"
_DEEPEST: Final = 20  # levels of a product that are read as objects
_MOST_ELEMENTS: Final = 200_000  # of a product; they are held in memory until it ends
_MOST_LETTERS: Final = 1000  # of a category's path; a chain of categories adds one to each


def xml_records(path: Path) -> Iterator[NumberedRow]:
    """Yield each ``<item>``, ``<entry>``, ``<product>``, ``<offer>`` and so on as {name: value}.

    Categories that a feed lists before its products, by number and parent, become paths. The
    elements of BMEcat and of Salesforce are given names of fields. Names have no namespace; an
    element of Google's comes before others of its name. A repeated element is a list. If the file
    is broken or ends in the middle, the last record is a BrokenRow, because products may be
    missing. Raises BadCatalog if it cannot be read at all.
    """
    from defusedxml.ElementTree import ParseError

    number = 0
    try:
        products = _Products()
        categories: dict[str, str] = {}
        groups = bmecat_groups(path)
        links = salesforce_links(path)
        for event, element in xml_events(path):
            if event == "start":
                products.start(element)
                continue
            if products.product is None and _name(element.tag) == "category":
                _add_category(categories, element)
            if products.is_complete(element):
                number += 1
                record: Record | BrokenRow
                if products.too_large is not None:
                    record = products.too_large
                elif links is not None:
                    record = salesforce_record(element, links)
                else:
                    record = _with_paths(_record(element), categories, groups)
                yield f"product {number}", record
            products.forget(element)
    except ParseError as error:
        if not number:
            raise BadCatalog(f"{path} is not XML: {error}") from error
        yield f"product {number + 1}", BrokenRow(f"not XML: {error}; the rest is not read", {})
    except OSError as error:
        raise BadCatalog(f"cannot read {path}: {error.strerror or error}") from error
    except (LookupError, ValueError) as error:  # an encoding
        raise BadCatalog(f"cannot read {path}: {error}; save it as UTF-8") from error


class _Products:
    """The open elements, and the product among them; memory holds one product at a time."""

    def __init__(self) -> None:
        self.product: Element | None = None
        self.too_large: BrokenRow | None = None  # in place of the record of the product
        self._open: list[Element] = []
        self._elements = 0

    def start(self, element: Element) -> None:
        """Begin an element, which may be a product."""
        self._open.append(element)
        if self.product is None and self._is_product(element):
            self.product, self.too_large, self._elements = element, None, 0

    def is_complete(self, element: Element) -> bool:
        """Return True if the element that ends is the product."""
        return element is self.product

    def forget(self, element: Element) -> None:
        """End an element. What is not within a product, or within one too large, is deleted."""
        self._open.pop()
        if element is self.product:
            self.product = None
        if self.product is None:
            if self._open:
                self._open[-1].remove(element)
            return
        self._elements += 1
        if self._elements == _MOST_ELEMENTS:
            reason = f"has more than {_MOST_ELEMENTS:,} elements"
            self.too_large = BrokenRow(reason, _first_texts(self.product))
        if self.too_large is not None:
            self._open[-1].clear()

    def _is_product(self, element: Element) -> bool:
        """Return True if an element is a product; within a list of references it is none."""
        if _name(element.tag).casefold() not in _PRODUCTS:
            return False
        before = self._open[-2:-1]
        return not before or not _name(before[0].tag).casefold().endswith("reference")


def _add_category(categories: dict[str, str], element: Element) -> None:
    """Add the path of a category, which may be within one that was listed before."""
    if element.get("id"):
        parent = categories.get(element.get("parentId") or "", "")[:_MOST_LETTERS]
        name = " ".join("".join(element.itertext()).split())
        categories[element.attrib["id"]] = f"{parent} > {name}" if parent else name


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
        else:
            _add(record, name, value)
    return record


def _first_texts(product: Element) -> Record:
    """Return the attributes of a product that is too large, and the texts of its first elements."""
    first = {_name(child.tag): child.text or "" for child in product[:_FIRST]}
    return {**product.attrib, **first}


def _add(record: Record, name: str, value: Any) -> None:
    """Set a name to a value; that of a repeated name is a list."""
    before = record.get(name)
    if name not in record:
        record[name] = value
    elif isinstance(before, list):
        before.append(value)
    else:
        record[name] = [before, value]


def _value(element: Element, depth: int = 0) -> Any:
    """Return the text of an element, the target of a link, or an object of its children."""
    children = list(element)
    if children and depth < _DEEPEST and not _is_markup(children):
        inner: Record = {}
        for child in children:
            _add(inner, _name(child.tag), _value(child, depth + 1))
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
