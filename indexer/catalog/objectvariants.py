"""Objects of products that hold their variants, as the interfaces of shop programs write them."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from typing import Any, Final

from indexer.catalog.attributes import flat_attributes
from indexer.catalog.currencies import WITHOUT_DECIMALS
from indexer.catalog.item_parser import Cells, Record
from indexer.catalog.nested import decoded_cell, first_of, picture_of, pictures_of, text_of
from indexer.catalog.objectstock import stock_in
from indexer.catalog.saleprice import price_now
from indexer.catalog.shopformat import is_blank, text_cell
from indexer.catalog.tablecolumns import TableColumns

VARIANTS: Final = (
    "variants", "variations", "combinations", "children", "skus", "productVariants",
    "product_variants", "sync_variants",
)  # fmt: skip
"""The fields of a product in which its variants are."""
_PRICES: Final = (
    "calculated_price", "priceData", "price", "prices", "pricing", "priceV2", "price_money",
    "calculatedPrice", "priceWithTax", "currencyCode", "price_range", "priceRange",
)  # fmt: skip
_SALES: Final = ("sale_price", "salePrice", "special_price")
_IDS: Final = ("sku", "productNumber", "product_number", "number", "code", "reference", "key")
_OPTIONS: Final = ("options", "option_values", "selectedOptions")
_ATTRIBUTES: Final = ("facetValues", "properties", "attributes")
_STOCK: Final = ("availability", "stock", "inventory")  # read by stock_in if they are objects
_DROPPED: Final = frozenset(
    {"featuredAsset", "thumbnail", "thumbnailUrl", "defaultVariant", "default_variant"}
)
_VIDEO: Final = frozenset({"video", "external_video", "externalvideo", "model_3d"})


def variants_in(product: Mapping[str, Any]) -> list[Record]:
    """Return the variants that are objects in a product; [] if it has none."""
    for name in VARIANTS:
        found = nodes_in(product.get(name))
        if found:
            return [_with_product(part) for part in found]
    return []


def nodes_in(value: Any) -> list[Record]:
    """Return the objects of a list, or of an object that holds one, such as ``{"nodes": [...]}``.

    ``{"variant": [...]}``, as XML has it, is such an object, and so is one of objects by their ids.
    """
    value = decoded_cell(value)
    if isinstance(value, Mapping):
        inner = value.get("nodes") or value.get("edges") or value.get("data")
        if inner is None and value and all(isinstance(part, Mapping) for part in value.values()):
            inner = list(value.values())
        if inner is None and len(value) == 1:
            inner = next(iter(value.values()))
        value = inner
    parts = value if isinstance(value, list) else []
    nodes = [part.get("node", part) for part in parts if isinstance(part, dict)]
    return [node for node in nodes if isinstance(node, dict)]


def _with_product(variant: Record) -> Record:
    """Return a variant that is a product of its own, as Magento's GraphQL has it, as one object."""
    inner = variant.get("product")
    if not isinstance(inner, dict) or "sku" not in inner:
        return variant
    return {**inner, **{name: part for name, part in variant.items() if name != "product"}}


def variant_rows(product: Record) -> Iterator[Record]:
    """Yield a row for each variant with what it lacks from its product; else one for the product.

    A row has ``id``, ``product_id``, ``price``, ``in_stock``, ``images`` and ``attributes``, if
    there are any, and the other fields of the product as they are. The title is the product's.
    Pictures of the variant come first, and those of other variants are left out.
    """
    variants = variants_in(product)
    shared = {name: part for name, part in product.items() if name not in VARIANTS}
    own = _id_of(product) or text_cell(product.get("handle"))
    if not variants:
        fields = _fields(shared)
        if options := _options(shared, {}):
            fields["attributes"] = options
        yield {**_without_fields(shared), **fields}
        return
    inner = [row for variant in variants for row in _rows_within(variant, shared)]
    if inner:
        yield from inner
        return
    variants = [_with_pictures(variant, shared) for variant in variants]
    skus = [_id_of(variant) for variant in variants]
    listed = pictures_in(shared)
    of_variants = {text for variant in variants for text in pictures_in(variant)}
    for number, variant in enumerate(variants):
        pictures = pictures_in(variant)
        others = [text for text in listed if text not in of_variants] if pictures else listed
        row = _without_fields(shared)
        for name, part in _without_fields(variant).items():
            if not is_blank(part) and name not in ("title", "name", "handle", "slug", "product"):
                row[name] = part
        fields = {**_fields(shared), **_fields(variant)}
        if (in_stock := stock_in(variant, shared)) is not None:
            fields["in_stock"] = in_stock
        fields["images"] = Cells(dict.fromkeys([*pictures, *others]))
        fields["attributes"] = {**_options(product, product), **_options(variant, product)}
        is_own = skus[number] and skus.count(skus[number]) == 1
        number_of = text_cell(variant.get("id")) or f"{own}-{number + 1}"
        fields["id"] = skus[number] if is_own else number_of
        fields["product_id"] = own or fields["id"]
        yield {**row, **fields}


def _rows_within(variant: Record, product: Record) -> list[Record]:
    """Return the rows of the variants of a variant, such as sizes of a color; [] if it has none."""
    if not variants_in(variant):
        return []
    own = {"product_id": _id_of(product)} if _id_of(product) else {}
    return [{**row, **own} for row in variant_rows({**product, **variant})]


def _with_pictures(variant: Record, product: Record) -> Record:
    """Return a variant with those of its product's pictures that name it, or that it names."""
    if pictures_in(variant):
        return variant
    own, named = variant.get("id"), variant.get("image_id")
    found = [
        picture
        for name in _picture_fields(product)
        for picture in nodes_in(product[name])
        if (named is not None and picture.get("id") == named)
        or (own is not None and own in _listed(picture.get("variant_ids")))
    ]
    return {**variant, "images": found} if found else variant


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _id_of(record: Mapping[str, Any]) -> str:
    names = (*_IDS, "id", "listing_id")
    texts = (record[name] for name in names if isinstance(record.get(name), str | int | float))
    return next((text for value in texts if (text := text_cell(value))), "")


def _fields(record: Record) -> Record:
    """Return the price, the stock and so on that an object states."""
    found: Record = {}
    if (own := _id_of(record)) != "":
        found["id"] = own
    price = _price_in(record)
    if price not in (None, [], {}):
        found["price"] = price
    if (in_stock := stock_in(record)) is not None:
        found["in_stock"] = in_stock
    if pictures := pictures_in(record):
        found["images"] = Cells(pictures)  # each may be a list in itself
    return found


def _price_in(record: Record) -> Any:
    """Return the price of an object, or its sale price if that is lower."""
    taxed = record.get("priceWithTax")
    if isinstance(taxed, int) and isinstance(record.get("currencyCode"), str):  # of Vendure
        return {"centAmount": taxed, "currency": record["currencyCode"]}
    money = record.get("price_money")
    if isinstance(money, Mapping) and isinstance(money.get("amount"), int):  # of Square
        digits = 0 if money.get("currency") in WITHOUT_DECIMALS else 2
        return {"centAmount": money["amount"], "fractionDigits": digits, **money}
    price = first_of(record, _PRICES)
    if price is None and (name := TableColumns([str(name) for name in record]).first("price")):
        price = record.get(name)
    if "calculated_price" in record or isinstance(price, Mapping | list):
        return price
    today = datetime.datetime.now(tz=datetime.UTC).date()
    sale = first_of(record, _SALES)
    return price_now(price, sale, "", "", today)


def _without_fields(record: Record) -> Record:
    """Return the fields of an object that ``_fields`` does not read, and its counts of stock."""
    pictures = {*_picture_fields(record), *_DROPPED}
    own = _id_of(record)
    read = {*_PRICES, *_SALES, "in_stock", *_OPTIONS, *_ATTRIBUTES, "sku", "key"}
    read |= {name for name in _IDS if text_cell(record.get(name)) == own}
    read |= {name for name in _STOCK if isinstance(record.get(name), Mapping)}
    return {
        name: part
        for name, part in record.items()
        if name not in pictures and name not in read and not name.startswith("_") and name != "id"
    }


def _options(record: Record, product: Record) -> Record:
    """Return the attributes that an object lists: options, and pairs of names and values.

    Names of options are in lower case, as in tables.
    """
    options = nodes_in(product.get("options"))
    titles = {
        text_cell(option.get("id")): text_cell(first_of(option, ("title", "name")))
        for option in options
        if text_cell(option.get("id"))
    }
    found = _by_place(record.get("values"), product.get("attributes"))  # of Tiendanube
    values = {
        text_cell(value.get("id")): (first_of(option, ("title", "name")), value)
        for option in options
        for value in nodes_in(option.get("values"))
    }
    for name in _ATTRIBUTES if record is product else (*_OPTIONS, *_ATTRIBUTES):
        part = record.get(name)
        if isinstance(part, list):
            part = [_named_option(one, titles, values) for one in part]
        if not isinstance(part, list | dict):
            continue
        listed = flat_attributes({"attributes": part}).nested or {}
        is_option = name in _OPTIONS
        found |= {key.lower() if is_option else key: value for key, value in listed.items()}
    return found


def _by_place(values: Any, names: Any) -> Record:
    """Return the values of options that a product names in a list of its own, in the same order."""
    if not isinstance(values, list) or not isinstance(names, list) or len(values) != len(names):
        return {}
    texts = zip(map(text_of, names), map(text_of, values), strict=True)
    return {name.lower(): text for name, text in texts if name and text}


def _named_option(
    option: Any, titles: Mapping[str, str], values: Mapping[str, tuple[Any, Record]]
) -> Any:
    """Return the value of an option with its name; the product lists one or both by an id."""
    if isinstance(option, int) and (listed := values.get(text_cell(option))):
        return {"name": listed[0], "value": first_of(listed[1], ("title", "name", "value"))}
    number = text_cell(option.get("option_id")) if isinstance(option, dict) else ""
    if title := titles.get(number):
        return {"name": title, "value": first_of(option, ("value", "label", "name"))}
    return option


def _picture_fields(record: Record) -> list[str]:
    names = [name for name in record if isinstance(name, str)]
    listed = TableColumns(names).images()
    return [*listed, *(name for name in ("cover", "media") if name in names and name not in listed)]


def pictures_in(record: Record) -> list[str]:
    """Return the pictures of an object, each once, in their order; videos are left out."""
    found: list[str] = []
    for name in _picture_fields(record):
        value = record[name]
        if isinstance(value, Mapping):
            lists = (value.get(inner) for inner in ("images", "items"))
            value = next((part for part in lists if isinstance(part, list)), value)
        for part in nodes_in(value) or pictures_of(value):
            kind = part.get("type") or part.get("mediaType") if isinstance(part, Mapping) else ""
            if str(kind).casefold() not in _VIDEO and (text := picture_of(part)):
                found.append(text)
    return list(dict.fromkeys(found))
