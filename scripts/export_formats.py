"""Products as the exports of shop programs: each function writes one file."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias
from xml.sax.saxutils import escape

from minimal_xlsx import write_xlsx
from variant_exports import bigcommerce, shopify_bulk, shopware, wix, write_csv

Row: TypeAlias = dict[str, Any]


class Product(NamedTuple):
    """A product of an export: ``sizes`` are its variants, [] if it has none."""

    item_id: str
    title: str
    description: str
    price: float
    categories: list[str]
    color: str
    sizes: list[str]
    images: list[str]
    in_stock: bool

    def variants(self) -> list[tuple[str, str]]:
        """Return the SKU and size of each variant; the product itself without sizes."""
        if not self.sizes:
            return [(self.item_id, "")]
        return [(f"{self.item_id}-{size}", size) for size in self.sizes]


def read_products(path: Path, count: int) -> list[Product]:
    """Return ``count`` products of a catalog; a small one is repeated under other ids."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    products = []
    for number, record in zip(range(count), itertools.cycle(lines), strict=False):
        turn = number // len(lines)
        products.append(
            Product(
                item_id=record["id"] + (f"-{turn}" if turn else ""),
                title=record["title"],
                description=record.get("description", ""),
                price=float(record.get("price") or 0),
                categories=record.get("categories", []),
                color=str(record.get("attributes", {}).get("color", "")),
                sizes=record.get("sizes", []),
                images=record["images"],
                in_stock=number % 7 != 0,
            )
        )
    return products


def shopify(products: Iterable[Product], folder: Path) -> Path:
    """Write rows of one handle: variants, then further pictures."""
    rows: list[Row] = []
    for product in products:
        images = list(product.images)
        for number, (sku, size) in enumerate(product.variants()):
            row: Row = {"Handle": product.item_id, "Variant SKU": sku if size else ""}
            row |= {
                "Option1 Value": size or "Default Title",
                "Variant Price": f"{product.price:.2f}",
            }
            row |= {"Variant Inventory Tracker": "shopify", "Variant Inventory Policy": "deny"}
            row["Variant Inventory Qty"] = 5 if product.in_stock else 0
            if number == 0:
                row |= {
                    "Title": product.title,
                    "Body (HTML)": f"<p>{escape(product.description)}</p>",
                }
                row |= {"Vendor": "Acme", "Option1 Name": "Size" if size else "Title"}
                row |= {"Product Category": " > ".join(product.categories[:1]).replace("/", " > ")}
                row |= {"Published": "TRUE", "Status": "active", "Tags": product.color}
            if images:
                row |= {"Image Src": images.pop(0), "Image Position": number + 1}
            rows.append(row)
        for image in images:
            rows.append({"Handle": product.item_id, "Image Src": image})  # noqa: PERF401  # as above
    columns = [
        "Handle",
        "Title",
        "Body (HTML)",
        "Vendor",
        "Product Category",
        "Tags",
        "Published",
        "Option1 Name",
        "Option1 Value",
        "Variant SKU",
        "Variant Inventory Tracker",
        "Variant Inventory Qty",
        "Variant Inventory Policy",
        "Variant Price",
        "Image Src",
        "Image Position",
        "Variant Image",
        "Status",
    ]
    return write_csv(folder / "shopify.csv", columns, rows)


def woocommerce(products: Iterable[Product], folder: Path) -> Path:
    """Write variable products and their variations, with categories and pictures as lists."""
    rows: list[Row] = []
    numbers = itertools.count(1)
    for product in products:
        own = next(numbers)
        paths = [path.replace(",", "\\,").replace("/", " > ") for path in product.categories]
        base: Row = {"ID": own, "SKU": product.item_id, "Name": product.title, "Published": 1}
        base |= {"Description": f"<p>{escape(product.description)}</p>", "In stock?": 1}
        base |= {"Categories": ", ".join(paths), "Images": ", ".join(product.images)}
        base |= {"Attribute 1 name": "Color", "Attribute 1 value(s)": product.color}
        variants = product.variants() if product.sizes else []
        base["Type"] = "variable" if variants else "simple"
        if not variants:
            base |= {"Regular price": product.price, "In stock?": int(product.in_stock)}
        rows.append(base)
        for sku, size in variants:
            row: Row = {"ID": next(numbers), "Type": "variation", "SKU": sku, "Published": 1}
            row |= {"Name": f"{product.title} - {size}", "Parent": f"id:{own}"}
            row |= {"Regular price": product.price, "In stock?": int(product.in_stock)}
            rows.append(row | {"Attribute 1 name": "Size", "Attribute 1 value(s)": size})
    columns = [
        "ID",
        "Type",
        "SKU",
        "Name",
        "Published",
        "Description",
        "In stock?",
        "Sale price",
        "Regular price",
        "Categories",
        "Images",
        "Parent",
        "Attribute 1 name",
        "Attribute 1 value(s)",
    ]
    return write_csv(folder / "woocommerce.csv", columns, rows)


def magento(products: Iterable[Product], folder: Path) -> Path:
    """Write simple products before the configurable that lists them, and a German store view."""
    rows: list[Row] = []
    for product in products:
        first, *more = product.images
        base: Row = {"attribute_set_code": "Top", "price": f"{product.price:.4f}"}
        base |= {
            "base_image": f"/{first}",
            "additional_images": ",".join(f"/{path}" for path in more),
        }
        base["categories"] = ",".join(
            f"Default Category/{path.replace(',', '')}" for path in product.categories
        )
        base |= {"description": f"<p>{escape(product.description)}</p>", "name": product.title}
        base |= {"is_in_stock": int(product.in_stock), "qty": 100, "product_online": 1}
        variants = product.variants() if product.sizes else []
        for sku, size in variants:
            more_values = f"color={product.color},size={size}"
            rows.append(base | {"sku": sku, "product_type": "simple",
                                "additional_attributes": more_values})  # fmt: skip
        own = base | {"sku": product.item_id, "product_type": "simple"}
        if variants:
            listed = "|".join(f"sku={sku},size={size}" for sku, size in variants)
            own |= {"product_type": "configurable", "configurable_variations": listed}
        rows.append(own)
        rows.append(
            {"sku": product.item_id, "store_view_code": "de", "name": f"{product.title} DE"}
        )
    columns = [
        "sku",
        "store_view_code",
        "attribute_set_code",
        "product_type",
        "categories",
        "name",
        "description",
        "price",
        "special_price",
        "product_online",
        "base_image",
        "additional_images",
        "additional_attributes",
        "qty",
        "is_in_stock",
        "configurable_variations",
    ]
    return write_csv(folder / "magento.csv", columns, rows)


def google_table(products: Iterable[Product], folder: Path) -> Path:
    """Write the feed of Google Merchant Center with tabs."""
    columns = [
        "id",
        "title",
        "description",
        "link",
        "image_link",
        "additional_image_link",
        "availability",
        "price",
        "item_group_id",
        "product_type",
        "brand",
        "size",
        "color",
    ]
    rows = []
    for row in _google_rows(products):
        more = ",".join(row.pop("additional_image_link"))
        rows.append(row | {"additional_image_link": more})
    return write_csv(folder / "google.tsv", columns, rows, delimiter="\t")


def google_xml(products: Iterable[Product], folder: Path) -> Path:
    """Write the feed of Google Merchant Center as RSS."""
    path = folder / "google.xml"
    with path.open("w", encoding="utf-8") as file:
        file.write('<?xml version="1.0"?>\n<rss version="2.0" ')
        file.write('xmlns:g="http://base.google.com/ns/1.0"><channel><title>Shop</title>\n')
        for row in _google_rows(products):
            file.write("<item>")
            for name, value in row.items():
                tag = name if name in ("title", "description", "link") else f"g:{name}"
                for part in value if isinstance(value, list) else [value]:
                    file.write(f"<{tag}>{escape(str(part))}</{tag}>")
            file.write("</item>\n")
        file.write("</channel></rss>\n")
    return path


def nested_json(products: Iterable[Product], folder: Path) -> Path:
    """Write JSON lines with texts in languages, and pictures and categories as objects."""
    path = folder / "nested.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for product in products:
            for sku, size in product.variants():
                record = {
                    "id": sku,
                    "product_id": product.item_id,
                    "title": {"de": f"{product.title} DE", "en": product.title},
                    "description": product.description,
                    "price": {"amount": f"{product.price:.2f}", "currency": "USD"},
                    "categories": [{"id": 1, "name": name} for name in product.categories],
                    "images": [{"src": image, "alt": ""} for image in product.images],
                    "in_stock": product.in_stock,
                    "attributes": [{"name": "Size", "value": size}] if size else [],
                }
                file.write(json.dumps(record) + "\n")
    return path


def json_ld(products: Iterable[Product], folder: Path) -> Path:
    """Write a JSON-LD graph of products and groups of variants."""
    graph = []
    for product in products:
        stock = "InStock" if product.in_stock else "OutOfStock"
        offer = {"@type": "Offer", "price": f"{product.price:.2f}", "priceCurrency": "USD"}
        offer["availability"] = f"https://schema.org/{stock}"
        own: Row = {"name": product.title, "image": product.images, "category": product.categories}
        if not product.sizes:
            graph.append({"@type": "Product", "sku": product.item_id, "offers": offer, **own})
            continue
        variants = [
            {"@type": "Product", "sku": sku, "size": size, "offers": offer}
            for sku, size in product.variants()
        ]
        group = {"@type": "ProductGroup", "productGroupID": product.item_id, "hasVariant": variants}
        graph.append({**group, **own})
    path = folder / "products.jsonld"
    text = json.dumps({"@context": "https://schema.org", "@graph": graph})
    path.write_text(text, encoding="utf-8")
    return path


def xlsx(products: Iterable[Product], folder: Path) -> Path:
    """Write a spreadsheet with a line above the header, as people make them."""
    columns = ["id", "product_id", "title", "categories", "price", "in_stock", "images", "size"]
    rows: list[list[Any]] = [["Products of the shop"], [], list(columns)]
    for product in products:
        stock = "yes" if product.in_stock else "no"
        for sku, size in product.variants():
            cells: list[Any] = [sku, product.item_id, product.title, ";".join(product.categories)]
            rows.append([*cells, product.price, stock, "; ".join(product.images), size])
    return write_xlsx(folder / "shop.xlsx", rows)


EXPORTS: dict[str, Callable[[Iterable[Product], Path], Path]] = {
    "shopify": shopify,
    "woocommerce": woocommerce,
    "magento": magento,
    "google table": google_table,
    "google xml": google_xml,
    "nested json": nested_json,
    "json-ld": json_ld,
    "xlsx": xlsx,
    "shopify bulk": shopify_bulk,
    "wix": wix,
    "bigcommerce": bigcommerce,
    "shopware": shopware,
}


def expected_items(name: str, products: Iterable[Product]) -> int:
    """Return how many items an export has: variants, and with some formats their parents."""
    with_parents = name in ("woocommerce", "magento", "shopware")
    return sum(
        len(product.variants()) + (with_parents and bool(product.sizes)) for product in products
    )


def _google_rows(products: Iterable[Product]) -> Iterable[Row]:
    for product in products:
        for sku, size in product.variants():
            yield {
                "id": sku,
                "title": product.title,
                "description": f"<p>{escape(product.description)}</p>",
                "link": f"https://shop.example/{sku}",
                "image_link": product.images[0],
                "additional_image_link": product.images[1:],
                "availability": "in_stock" if product.in_stock else "out_of_stock",
                "price": f"{product.price:.2f} USD",
                "item_group_id": product.item_id,
                "product_type": " > ".join(product.categories[:1]).replace("/", " > "),
                "brand": "Acme",
                "size": size,
                "color": product.color,
            }
