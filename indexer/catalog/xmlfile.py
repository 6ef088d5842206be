"""Read the products of an XML feed (RSS, Atom, or a list of products) as a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from indexer.catalog.item_parser import BrokenRow
from indexer.catalog.markuptables import is_workbook, workbook_rows
from indexer.catalog.programs.bmecat import bmecat_groups, bmecat_record
from indexer.catalog.programs.ceneo import ceneo_record, is_ceneo
from indexer.catalog.programs.commerceml import CommerceLinks, commerce_links
from indexer.catalog.programs.icecat import icecat_element, is_icecat_product
from indexer.catalog.programs.idosell import idosell_record, is_idosell
from indexer.catalog.programs.salesforce import SalesforceLinks, salesforce_links, salesforce_record
from indexer.catalog.programs.wordpress import (
    WordPressLinks,
    wordpress_links,
    wordpress_record,
)
from indexer.catalog.xlsxfile import table_records
from indexer.catalog.xmlproducts import XmlProducts, name_of_products
from indexer.catalog.xmlstream import xml_events
from indexer.catalog.xmlvalues import element_record, local_name
from indexer.errors import BadCatalog

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from indexer.catalog.categorytree import CategoryTree
    from indexer.catalog.item_parser import NumberedRow, Record

_NOKAUT: Final = "nokaut"
_TITLE: Final = ("typePrefix", "vendor", "model")
_CATEGORIES: Final = ("categoryId", "category_id")  # a product's, by the number of a <category>
_MOST_LETTERS: Final = 1000  # of a category's path; a chain of categories adds one to each


def xml_records(path: Path) -> Iterator[NumberedRow]:
    """Yield each ``<item>``, ``<entry>``, ``<product>``, ``<offer>`` and so on as {name: value}.

    Categories that a feed lists before its products, by number and parent, become paths. The
    elements of BMEcat and of Salesforce are given names of fields, and a spreadsheet that is XML is
    read as a table. Names have no namespace; an
    element of Google's comes before others of its name. A repeated element is a list. If the file
    is broken or ends in the middle, the last record is a BrokenRow, because products may be
    missing. Raises BadCatalog if it cannot be read at all.
    """
    from defusedxml.ElementTree import ParseError

    number = 0
    try:
        if is_workbook(path):
            yield from table_records(path, workbook_rows)
            return
        posts = wordpress_links(path)
        feed = _Feed({}, bmecat_groups(path), salesforce_links(path), commerce_links(path), posts)
        for number, record in _records(path, XmlProducts(), feed):
            yield f"product {number}", record
        if not number and feed.posts is None and (name := name_of_products(path)):
            for number, record in _records(path, XmlProducts(name), feed):
                yield f"product {number}", record
    except ParseError as error:
        if not number:
            raise BadCatalog(f"{path} is not XML: {error}") from error
        yield f"product {number + 1}", BrokenRow(f"not XML: {error}; the rest is not read", {})
    except OSError as error:
        raise BadCatalog(f"cannot read {path}: {error.strerror or error}") from error
    except (LookupError, ValueError) as error:  # an encoding
        raise BadCatalog(f"cannot read {path}: {error}; save it as UTF-8") from error


def _records(
    path: Path, products: XmlProducts, feed: _Feed
) -> Iterator[tuple[int, Record | BrokenRow]]:
    """Yield the records of the products of a file, with their numbers."""
    number = 0
    for event, element in xml_events(path):
        if event == "start":
            products.start(element)
            continue
        if products.product is None:
            feed.add_category(element)
        if products.is_complete(element):
            record = products.too_large or feed.record(element, products.root)
            if record is None:
                products.forget(element)
                continue
            number += 1
            if products.currency and isinstance(record, dict):
                record.setdefault("currency", products.currency)
            yield number, record
        products.forget(element)


class _Feed(NamedTuple):
    """What a feed says of all its products: categories by number, BMEcat's groups, and links."""

    categories: dict[str, str]
    groups: CategoryTree | None
    links: SalesforceLinks | None
    exchange: CommerceLinks | None
    posts: WordPressLinks | None

    def add_category(self, element: Element) -> None:
        """Add the path of a category that the feed lists by its number."""
        if local_name(element.tag) != "category":
            return
        given = {local_name(child.tag): child.text or "" for child in element} | element.attrib
        if own := given.get("id"):
            parent = self.categories.get(given.get("parentId") or "", "")[:_MOST_LETTERS]
            name = given.get("name") or " ".join("".join(element.itertext()).split())
            self.categories[own] = f"{parent} > {name}" if parent else name

    def record(self, element: Element, root: str) -> Record | None:
        """Return the record of a product; ``root`` is the name of the outermost element.

        It is None for an element of the same name that is no product.
        """
        if self.posts is not None:
            return wordpress_record(element, self.posts)
        if self.links is not None:
            return salesforce_record(element, self.links)
        if self.exchange is not None:
            return self.exchange.record(element)
        if is_ceneo(element):
            return ceneo_record(element)
        if is_icecat_product(element):
            return icecat_element(element)
        if is_idosell(element):
            return idosell_record(element)
        record = element_record(element)
        if self.groups is not None:
            return bmecat_record(record, self.groups)
        if root == _NOKAUT:
            record.pop("availability", None)  # the days until it is sent
        kind, maker, model = (str(record.get(name) or "") for name in _TITLE)
        if maker and model and not any(record.get(name) for name in ("name", "title")):
            record["name"] = f"{kind} {maker} {model}".strip()  # as Yandex puts titles together
        return _with_paths(record, self.categories)


def _with_paths(record: Record, categories: Mapping[str, str]) -> Record:
    """Return a record with the paths of its categories in place of their numbers."""
    for name in _CATEGORIES:
        numbers = record.get(name)
        listed = numbers if isinstance(numbers, list) else [numbers]
        if categories and "category" not in record and any(part in categories for part in listed):
            record["category"] = [categories[str(part)] for part in listed if part in categories]
            del record[name]
    return record
