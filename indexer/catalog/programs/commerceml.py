"""Read CommerceML, the exchange of 1C: products, and their prices in another list or file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from indexer.catalog.categorytree import CategoryTree
from indexer.catalog.xmlstream import xml_elements
from indexer.catalog.xmlvalues import local_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from indexer.catalog.item_parser import Record

_GROUP, _PROPERTY, _KIND, _OFFER = "Группа", "Свойство", "ТипЦены", "Предложение"
_ID, _NAME, _VALUE = "Ид", "Наименование", "Значение"
_RETAIL: Final = "рознич"  # in the name of a kind of price
_ROOT: Final = "root of the groups"
_DEEPEST: Final = 50  # groups in each other
_MARK: Final = "КоммерческаяИнформация"
_ENCODINGS: Final = ("utf-8", "cp1251")
_START: Final = 4096  # bytes in which the root element is
_OF_A_PRODUCT: Final = frozenset({"price", "currency", "stock", "attributes"})
_FILES: Final = ("import", "offers")  # in the names of the two files of an exchange


class CommerceLinks:
    """What an exchange states of its products elsewhere: groups, properties, prices, stock."""

    def __init__(self) -> None:
        self._groups: dict[str, tuple[str, str]] = {_ROOT: ("", "")}
        self._properties: dict[str, str] = {}
        self._values: dict[str, str] = {}  # of properties that are lists, by their ids
        self._kinds: dict[str, str] = {}  # the names of the kinds of prices
        self._offers: dict[str, list[Record]] = {}  # by the id of their product

    def add(self, element: Element) -> None:
        """Add a group with those in it, a property, a kind of price, or an offer."""
        name, own = local_name(element.tag), _text(element, _ID)
        if name == _GROUP:
            self._groups.update(_groups_in(element, _ROOT, 0))
        elif name == _PROPERTY:
            self._properties[own] = _text(element, _NAME)
            for value in element.findall("{*}ВариантыЗначений/{*}Справочник"):
                self._values[_text(value, "ИдЗначения")] = _text(value, _VALUE)
        elif name == _KIND:
            self._kinds[own] = _text(element, _NAME).casefold()
        else:
            self._offers.setdefault(own.partition("#")[0], []).append(self._offer(element))

    def record(self, product: Element) -> Record:
        """Return a product with our field names, and its variants if it has several offers."""
        own = _text(product, _ID)
        groups = [group.text or "" for group in product.findall(f"{{*}}Группы/{{*}}{_ID}")]
        record: Record = {
            "id": _text(product, "Артикул") or own,
            "title": _text(product, _NAME),
            "description": _text(product, "Описание"),
            "categories": CategoryTree(self._groups, {own: groups}).paths_of(own),
            "images": [image.text or "" for image in product.findall("{*}Картинка")],
            "brand": _text(product, f"Изготовитель/{{*}}{_NAME}"),
        }
        for part in product.findall("{*}ЗначенияСвойств/{*}ЗначенияСвойства"):
            name, value = self._properties.get(_text(part, _ID), ""), _text(part, _VALUE)
            if name and value:
                record.setdefault(name, self._values.get(value, value))
        offers = self._offers.get(own.partition("#")[0], [])
        if len(offers) > 1:
            record["variants"] = offers
        elif offers:
            record |= {name: part for name, part in offers[0].items() if name in _OF_A_PRODUCT}
        if product.get("Статус") == "Удален" or _text(product, "ПометкаУдаления") == "true":
            record["active"] = "false"
        return {name: part for name, part in record.items() if part not in ("", [])}

    def _offer(self, element: Element) -> Record:
        """Return the price for shoppers and the stock of a variant, and what makes it differ."""
        prices = element.findall("{*}Цены/{*}Цена")
        prices.sort(
            key=lambda price: _RETAIL not in self._kinds.get(_text(price, "ИдТипаЦены"), "")
        )
        count = _text(element, "Количество")
        options = {
            _text(part, _NAME): _text(part, _VALUE)
            for part in element.findall("{*}ХарактеристикиТовара/{*}ХарактеристикаТовара")
        }
        return {
            "sku": _text(element, "Артикул"),
            "id": _text(element, _ID),
            "price": _text(prices[0], "ЦенаЗаЕдиницу") if prices else "",
            "currency": _text(prices[0], "Валюта") if prices else "",
            **({"stock": count} if count else {}),
            "attributes": options,
        }


def commerce_links(path: Path) -> CommerceLinks | None:
    """Return the links of an exchange, which is read once for them; None if it is none.

    Offers are also read from the file of offers beside it: ``offers0_1.xml`` is that of
    ``import0_1.xml``.
    """
    from defusedxml.ElementTree import ParseError

    if not _is_exchange(path):
        return None
    found = CommerceLinks()
    offers = path.with_name(path.name.replace(*_FILES))
    for file in dict.fromkeys((path, offers)):
        if not file.is_file() or not _is_exchange(file):
            continue
        try:
            for _, element in xml_elements(file, (_GROUP, _PROPERTY, _KIND, _OFFER)):
                found.add(element)
        except ParseError:
            continue  # the reader of the products reports where its file is broken
    return found


def _is_exchange(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(_START)
    return any(_MARK.encode(encoding) in start for encoding in _ENCODINGS)


def _groups_in(group: Element, parent: str, depth: int) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield a group and those in it: the id of each, its name, and the id of the one above."""
    own = _text(group, _ID)
    yield own, (_text(group, _NAME), parent)
    for inner in group.findall(f"{{*}}Группы/{{*}}{_GROUP}") if depth < _DEEPEST else ():
        yield from _groups_in(inner, own, depth + 1)


def _text(element: Element, name: str) -> str:
    """Return the text of a child, whatever its namespace is, or ""."""
    return (element.findtext(f"{{*}}{name}") or "").strip()
