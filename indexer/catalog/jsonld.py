"""Products of schema.org, as JSON-LD."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from indexer.catalog.item_parser import BrokenRow, Record
from indexer.catalog.nested import first_of, text_of
from indexer.catalog.shopformat import ColumnMapping, ReadRows, ShopFormat, inherited, is_blank

if TYPE_CHECKING:
    from indexer.catalog.item_parser import NumberedRow

_KINDS: Final = frozenset(
    {"product", "individualproduct", "productmodel", "productgroup", "someproducts", "vehicle"}
)
_WRAPPERS: Final = ("@graph", "itemListElement", "item", "mainEntity", "itemOffered")
_OFFER: Final = ("price", "lowPrice")
_DEEPEST: Final = 6
_REFERRED: Final = frozenset({"imageobject", "offer", "aggregateoffer"})
_REFERRING: Final = ("image", "offers")
_MOST_REFERRED: Final = 200_000  # objects that are kept


class JsonLd(ShopFormat):
    """Items are products; a variant of a ProductGroup inherits what it does not have itself."""

    name = "jsonld"
    columns: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "id": ("sku", "productid", "identifier", "mpn", "gtin13", "gtin", "code", "@id", "url"),
        "product_id": ("inproductgroupwithid", "productgroupid"),
        "title": ("name",),
        "description": ("description",),
        "categories": ("category",),
        "price": ("price",),
        "currency": ("pricecurrency",),
        "in_stock": ("availability",),
        "url": ("url",),
        "images": ("image",),
    }
    ignored = frozenset(
        {
            *("@context", "@type", "@id", "offers", "review", "reviews", "aggregaterating"),
            *("hasvariant", "variesby", "isvariantof", "isrelatedto", "issimilarto"),
            *("mainentityofpage", "potentialaction", "subjectof"),
        }
    )
    attributes: ClassVar[Mapping[str, str]] = {"additionalproperty": "additional"}

    def recognizes(self, columns: Collection[str]) -> bool:
        """Return True if the objects state a type."""
        return "@type" in columns or "@graph" in columns

    def rows(self, read: ReadRows) -> Iterator[NumberedRow]:
        """Yield the products in each object, in their order; other types are passed over.

        A picture or an offer that is named by its ``@id`` is that object, wherever in the file.
        """
        referred: dict[str, Record | None] = {}
        for _, row in read():
            _collect(row, referred)
        for where, row in read():
            if isinstance(row, BrokenRow):
                yield where, row
                continue
            found = list(_products(row))
            for number, product in enumerate(found, start=1):
                whole = _with_referred(product, referred) if referred else product
                yield where if len(found) == 1 else f"{where}, product {number}", whole

    def record(self, row: Record, mapping: ColumnMapping) -> Record:
        """Return the record of a product, with the price and the stock of its offers."""
        offer = _offer_of(row)
        own: Record = {
            name: offer[name] for name in ("priceCurrency", "availability") if name in offer
        }
        price = first_of(offer, _OFFER)
        if price is not None:
            own["price"] = price
        if is_blank(row.get("url")) and not is_blank(offer.get("url")):
            own["url"] = offer["url"]
        full = {**own, **row}
        brand = full.pop("brand", None)
        record = super().record(full, mapping)
        if brand is not None:
            record["brand"] = text_of(brand)
        return record


def _products(value: Any, depth: int = 0) -> Iterator[Record]:
    """Yield the products in a value, however they are wrapped."""
    if isinstance(value, list):
        for part in value:
            yield from _products(part, depth + 1)
        return
    if not isinstance(value, dict) or depth > _DEEPEST:
        return
    if _is_product(value):
        variants = value.get("hasVariant")
        listed = variants if isinstance(variants, list) else [variants] if variants else []
        group = value.get("productGroupID") or first_of(value, ("sku", "@id"))
        shared = {
            name: part for name, part in value.items() if name not in ("sku", "@id", "offers")
        }
        for variant in listed:
            if isinstance(variant, dict):
                yield {"inProductGroupWithID": group, **inherited(variant, shared)}
        if not listed:
            yield value
        return
    for name in _WRAPPERS:
        yield from _products(value.get(name), depth + 1)


def _is_product(value: Mapping[str, Any]) -> bool:
    return _has_type(value, _KINDS)


def _has_type(value: Mapping[str, Any], wanted: Collection[str]) -> bool:
    kind = value.get("@type")
    kinds = kind if isinstance(kind, list) else [kind]
    return any(str(part).rpartition("/")[2].casefold() in wanted for part in kinds)


def _collect(value: Any, referred: dict[str, Record | None], depth: int = 0) -> None:
    """Add the pictures and offers in a value by their ``@id``; None if two differ."""
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        for part in value:
            _collect(part, referred, depth + 1)
    if not isinstance(value, dict):
        return
    name = value.get("@id")
    if isinstance(name, str) and len(value) > 1 and _has_type(value, _REFERRED):
        if name in referred:
            referred[name] = value if referred[name] == value else None
        elif len(referred) < _MOST_REFERRED:
            referred[name] = value
    for wrapper in _WRAPPERS:
        _collect(value.get(wrapper), referred, depth + 1)


def _with_referred(product: Record, referred: Mapping[str, Record | None]) -> Record:
    """Return a product with the pictures and offers that it only names."""

    def found(value: Any) -> Any:
        if isinstance(value, list):
            return [found(part) for part in value]
        if isinstance(value, dict) and isinstance(name := value.get("@id"), str):
            return {**(referred.get(name) or {}), **value}
        return value

    return {**product, **{name: found(product[name]) for name in _REFERRING if name in product}}


def _offer_of(row: Record) -> Record:
    """Return the first offer with a price; {} if there is none."""
    offers = row.get("offers")
    listed = offers if isinstance(offers, list) else [offers]
    found = [offer for offer in listed if isinstance(offer, dict)]
    for offer in found:
        if first_of(offer, _OFFER) is not None:
            return offer
        inner = offer.get("priceSpecification")
        specified = inner[0] if isinstance(inner, list) and inner else inner
        if isinstance(specified, dict):
            return {**specified, **offer}
    return found[0] if found else {}
