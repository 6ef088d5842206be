"""Find the products among the elements of an XML file, one at a time, within bounds."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from indexer.catalog.columnguesses import is_id_name, is_picture
from indexer.catalog.item_parser import BrokenRow
from indexer.catalog.programs.ceneo import is_ceneo
from indexer.catalog.xmlstream import xml_events
from indexer.catalog.xmlvalues import local_name

if TYPE_CHECKING:
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from indexer.catalog.item_parser import Record

_NAMES: Final = frozenset(
    {
        "item",
        "entry",
        "product",
        "offer",
        "shopitem",
        "article",
        "artikel",
        "produkt",
        "produit",
        "товар",
    }
)
_FIRST: Final = 100  # elements of a product that is too large; its id is usually among them
_MOST_ELEMENTS: Final = 200_000  # of a product; they are held in memory until it ends


class XmlProducts:
    """The open elements, and the product among them; memory holds one product at a time."""

    def __init__(self, name: str = "") -> None:
        """``name`` is that of the elements that are products, if no usual name is."""
        self._name = name
        self.product: Element | None = None
        self.too_large: BrokenRow | None = None  # in place of the record of the product
        self._open: list[Element] = []
        self._elements = 0

    @property
    def root(self) -> str:
        """The name of the outermost element."""
        return str(self._open[0].tag)

    @property
    def currency(self) -> str:
        """The currency that an element around the product states, the innermost first, or ""."""
        found = (element.get("currency", "") for element in reversed(self._open))
        return next(filter(None, found), "")

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
            around = self._open[-1] if self._open else None
            # The name of a category may be an element, which is read at the end of the category.
            is_named = around is not None and local_name(around.tag) == "category"
            if around is not None and not (is_named and len(around) <= _FIRST):
                around.remove(element)
            return
        self._elements += 1
        if self._elements == _MOST_ELEMENTS:
            reason = f"has more than {_MOST_ELEMENTS:,} elements"
            self.too_large = BrokenRow(reason, _first_texts(self.product))
        if self.too_large is not None:
            self._open[-1].clear()

    def _is_product(self, element: Element) -> bool:
        """Return True if an element is a product; within a list of references it is none."""
        if self._name:
            return local_name(element.tag) == self._name
        if local_name(element.tag).casefold() not in _NAMES:
            return is_ceneo(element)
        before = self._open[-2:-1]
        if not before:
            return "file_format" not in element.attrib  # an <offer> of IdoSell is a list of them
        return not local_name(before[0].tag).casefold().endswith("reference")


def name_of_products(path: Path) -> str:
    """Return the name of the elements that each have a picture and an id of their own, or "".

    Of nested ones it is the innermost; of several names the most frequent.
    """
    counts: Counter[str] = Counter()
    opened: list[tuple[Element, set[str]]] = []  # with what the element and its children have
    for event, element in xml_events(path):
        if event == "start":
            opened.append((element, set()))
            continue
        found = opened.pop()[1]
        texts = [element.text or "", *element.attrib.values()]
        names = [local_name(element.tag), *element.attrib]
        if any(is_picture(text.strip()) for text in texts):
            found.add("picture")
        if any(is_id_name(name) for name in names) and any(map(str.strip, texts)):
            found.add("id")
        if found >= {"picture", "id"} and "product" not in found and "child" in found:
            found.add("product")
            counts[local_name(element.tag)] += 1
        if opened:
            parent, inner = opened[-1]
            inner |= {*found, "child"}
            parent.remove(element)  # memory holds the open elements alone
    return counts.most_common(1)[0][0] if counts else ""


def _first_texts(product: Element) -> Record:
    """Return the attributes of a product that is too large, and the texts of its first elements."""
    first = {local_name(child.tag): child.text or "" for child in product[:_FIRST]}
    return {**product.attrib, **first}
