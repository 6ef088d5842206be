"""Tell the rows of a product apart by their sizes and colors, in a table without ids of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from indexer.catalog.columnnames import known_key, loose_key
from indexer.catalog.idcolumn import short_text
from indexer.catalog.item_parser import BrokenRow, Record
from indexer.catalog.shopformat import ReadRows

if TYPE_CHECKING:
    from indexer.catalog.item_parser import NumberedRow

_MODELS: Final = frozenset(
    loose_key(name)
    for name in """
        model, modelo, modell, modèle, modello, style, style no, style code, product, produkt, item,
        product id, ref, reference, référence, referencia, riferimento, code, código, codice, kod,
        title, name, artikel, articulo, article, articolo, 款号, 型号, 品番, 型番
    """.replace("\n", " ").split(",")
)
_OPTIONS: Final = frozenset(
    loose_key(name)
    for name in """
        size, color, colour, material, größe, groesse, farbe, ausführung, variante, variant, option,
        taille, pointure, couleur, talla, tamaño, color, taglia, misura, colore, numero, maat,
        kleur, rozmiar, kolor, wariant, tamanho, cor, storlek, färg, farg, størrelse, farve, farge,
        koko, väri, размер, цвет, beden, renk, velikost, barva, méret, szín, 尺寸, 尺码, 颜色, 规格,
        サイズ, カラー, 色, 사이즈, 색상, 컬러, length, width, länge, longueur,
        flavour, flavor, scent
    """.replace("\n", " ").split(",")
)


class OptionRows:
    """The rows of a table in which a product and its options name an item together.

    The columns are found by ``find``. ``read`` yields the rows with two new ones, ``id`` and
    ``product_id``.
    """

    def __init__(self, read: ReadRows, product: str, options: Sequence[str]) -> None:
        """``product`` is the column of the product, ``options`` are those of its options."""
        self.product = product
        self.options = options
        self.read: ReadRows = partial(self._rows, read)

    @classmethod
    def find(cls, read: ReadRows, repeated: str, title: str | None) -> OptionRows | None:
        """Return the rows if a product occurs several times, each with other options; else None.

        ``repeated`` is a column of ids that are repeated, or "". ``title`` is the column of titles:
        rows of one product share theirs.
        """
        first = next((row for _, row in read() if not isinstance(row, BrokenRow)), {})
        options = list(filter(is_option, first))
        products = [name for name in first if _is_model(name) and name not in options]
        products.sort(key=lambda name: name == title)  # a title is the last resort
        products = [repeated, *products] if repeated else products
        for product in products if options else ():
            if _are_told_apart(read, product, options, title):
                return cls(read, product, options)
        return None

    def _rows(self, read: ReadRows) -> Iterator[NumberedRow]:
        for where, row in read():
            if isinstance(row, BrokenRow):
                yield where, row
                continue
            product = _cell(row, self.product)
            parts = [product, *(_cell(row, name) for name in self.options)]
            item = "-".join(filter(None, parts)) if product else ""
            yield where, {**row, "id": item, "product_id": product}


def is_option(name: str) -> bool:
    """Return True for a column of sizes, colors and the like."""
    return loose_key(name) in _OPTIONS


def _is_model(name: str) -> bool:
    return loose_key(name) in _MODELS or known_key(name) in _MODELS


def _are_told_apart(
    read: ReadRows, product: str, options: Sequence[str], title: str | None
) -> bool:
    """Return True if options tell the rows of each product apart, and a product has several."""
    seen: set[int] = set()  # hashes
    titles: dict[int, int] = {}
    is_repeated = False
    for _, row in read():
        if isinstance(row, BrokenRow) or not (own := _cell(row, product)):
            continue
        chosen = [_cell(row, name) for name in options]
        key, is_again = hash((own, *chosen)), hash(own) in titles
        if key in seen or (is_again and not any(chosen)):
            return False  # a row of another picture has no options
        seen.add(key)
        named = hash(_cell(row, title)) if title else 0
        is_repeated |= is_again
        if titles.setdefault(hash(own), named) != named and title and _cell(row, title):
            return False
    return is_repeated


def _cell(row: Record, name: str) -> str:
    return short_text(row.get(name))
