"""Read WordPress's own export (WXR) of a WooCommerce shop: products among posts and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from indexer.catalog.xmlstream import xml_elements

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from indexer.catalog.item_parser import Record

_START: Final = 4096  # bytes in which the root element is
_MARK: Final = b"wordpress.org/export/"
_WP: Final = "wordpress.org/export/"  # in the namespace of what is WordPress's own
_CONTENT: Final = "content/"
_PRODUCTS: Final = frozenset({"product", "product_variation"})
_SHOWN: Final = frozenset({"publish", "inherit", ""})
_DOMAINS: Final = {"product_cat": "categories", "product_tag": "tags", "product_brand": "brand"}
_OPTION: Final = ("attribute_pa_", "attribute_", "pa_")


class WordPressLinks(NamedTuple):
    """What an export says of its posts elsewhere: the URLs of pictures, the SKUs of products."""

    pictures: Mapping[str, str]
    skus: Mapping[str, str]


def wordpress_links(path: Path) -> WordPressLinks | None:
    """Return the links of an export, which is read once for them; None if it is none."""
    from defusedxml.ElementTree import ParseError

    with path.open("rb") as file:
        if _MARK not in file.read(_START):
            return None
    pictures: dict[str, str] = {}
    skus: dict[str, str] = {}
    try:
        for _, element in xml_elements(path, ("item",)):
            own = _texts(element)
            number = own.get("post_id", "")
            if url := own.get("attachment_url"):
                pictures[number] = url
            elif own.get("post_type") in _PRODUCTS and (sku := _meta(element).get("_sku")):
                skus[number] = sku
    except ParseError:
        pass  # the reader of the products reports where the file is broken
    return WordPressLinks(pictures, skus)


def wordpress_record(item: Element, links: WordPressLinks) -> Record | None:
    """Return a product with our field names; None for a page, a picture and any other post."""
    own, meta = _texts(item), _meta(item)
    if own.get("post_type") not in _PRODUCTS:
        return None
    number, parent = own.get("post_id", ""), own.get("post_parent", "")
    is_variant = own.get("post_type") == "product_variation"
    found: Record = {
        "id": meta.get("_sku") or number,
        "parent id": links.skus.get(parent, parent) if is_variant else "",
        "title": "" if is_variant else own.get("title", ""),
        "description": own.get("content", "") or meta.get("_variation_description", ""),
        "categories": [],
        "price": meta.get("_price") or meta.get("_regular_price", ""),
        "in_stock": meta.get("_stock_status", ""),
        "url": "" if is_variant else own.get("link", ""),
        "images": _pictures(meta, links),
    }
    if own.get("status", "") not in _SHOWN:
        found["active"] = "false"
    for domain, text in _terms(item):
        name = _DOMAINS.get(domain) or _option(domain)
        if name:
            before: Any = found.get(name)
            found[name] = [*before, text] if isinstance(before, list) else [text]
    for key, text in meta.items():
        if key.startswith("attribute_") and text:
            found[_option(key)] = text
    alone = {name for name, part in found.items() if isinstance(part, list) and len(part) == 1}
    return {
        name: part[0] if name in alone and name not in ("categories", "images") else part
        for name, part in found.items()
    }


def _pictures(meta: Mapping[str, str], links: WordPressLinks) -> list[str]:
    numbers = [meta.get("_thumbnail_id", ""), *meta.get("_product_image_gallery", "").split(",")]
    found = (links.pictures.get(number.strip(), "") for number in numbers)
    return list(dict.fromkeys(filter(None, found)))


def _option(key: str) -> str:
    """Return the name of the attribute of a taxonomy such as ``pa_color``, else ""."""
    start = next((start for start in _OPTION if key.startswith(start)), None)
    return "" if start is None else key.removeprefix(start).replace("-", " ")


def _terms(item: Element) -> list[tuple[str, str]]:
    terms = (one for one in item if one.tag == "category" and one.text)
    return [(one.attrib.get("domain", ""), str(one.text).strip()) for one in terms]


def _texts(item: Element) -> dict[str, str]:
    """Return the texts of a post by their names without namespaces."""
    found: dict[str, str] = {}
    for child in item:
        space, _, name = str(child.tag).rpartition("}")
        if name == "encoded":
            name = "content" if space.endswith(_CONTENT) else "excerpt"
        elif space and _WP not in space:
            continue
        found.setdefault(name, (child.text or "").strip())
    return {**found, "content": found.get("content") or found.get("excerpt", "")}


def _meta(item: Element) -> dict[str, str]:
    """Return the fields of a post that its program has added, by their keys."""
    found: dict[str, str] = {}
    for child in item:
        if str(child.tag).endswith("}postmeta"):
            pair = {str(one.tag).rpartition("}")[2]: (one.text or "").strip() for one in child}
            found[pair.get("meta_key", "")] = pair.get("meta_value", "")
    return found
