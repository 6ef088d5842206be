"""Exports whose rows of variants follow, or name, the row of their product.

``export_formats`` writes the others; each function writes one file.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from export_formats import Product

Row: TypeAlias = dict[str, Any]


def shopify_bulk(products: Iterable[Product], folder: Path) -> Path:
    """Write the lines of a bulk operation: products, then their variants and pictures."""
    path = folder / "bulk.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number, product in enumerate(products, start=1):
            own = f"gid://shopify/Product/{number}"
            rows: list[Row] = [
                {
                    "id": own,
                    "title": product.title,
                    "handle": product.item_id,
                    "descriptionHtml": f"<p>{product.description}</p>",
                    "productType": product.categories[0] if product.categories else "",
                    "status": "ACTIVE",
                }
            ]
            for place, (sku, size) in enumerate(product.variants()):
                name = {"name": "Size" if size else "Title", "value": size or "Default Title"}
                rows.append(
                    {
                        "id": f"gid://shopify/ProductVariant/{number}{place:03}",
                        "sku": sku,
                        "price": f"{product.price:.2f}",
                        "availableForSale": product.in_stock,
                        "selectedOptions": [name],
                    }
                )
            rows += [
                {"id": f"gid://shopify/MediaImage/{number}{place:03}", "image": {"url": image}}
                for place, image in enumerate(product.images)
            ]
            for row in rows:
                parent = {} if row["id"] == own else {"__parentId": own}
                file.write(json.dumps({**row, **parent}) + "\n")
    return path


def wix(products: Iterable[Product], folder: Path) -> Path:
    """Write rows of the kinds PRODUCT, VARIANT and MEDIA."""
    columns = [
        *("handle", "fieldType", "name", "visible", "plainDescription", "media", "price"),
        *("inventory", "sku", "productOptionName[1]", "productOptionChoices[1]", "category"),
    ]
    rows: list[Row] = []
    for product in products:
        base: Row = {"handle": product.item_id, "price": product.price, "visible": "TRUE"}
        stock = "IN_STOCK" if product.in_stock else "OUT_OF_STOCK"
        sizes = [size for _, size in product.variants() if size]
        own = {"name": product.title, "plainDescription": product.description}
        own |= {"media": product.images[0], "category": ";".join(product.categories)}
        own |= {"productOptionName[1]": "Size" if sizes else ""}
        own |= {"productOptionChoices[1]": ";".join(sizes)}
        own |= {} if sizes else {"inventory": stock, "sku": product.item_id}
        rows.append({**base, "fieldType": "PRODUCT", **own})
        for sku, size in product.variants() if sizes else []:
            own = {"sku": sku, "inventory": stock, "productOptionName[1]": "Size"}
            rows.append({**base, "fieldType": "VARIANT", **own, "productOptionChoices[1]": size})
        rows += [
            {"handle": product.item_id, "fieldType": "MEDIA", "media": image}
            for image in product.images[1:]
        ]
    return write_csv(folder / "wix.csv", columns, rows)


def bigcommerce(products: Iterable[Product], folder: Path) -> Path:
    """Write rows of the kinds Product, Variant and Image."""
    columns = [
        *("Item", "ID", "Name", "SKU", "Options", "Inventory Tracking", "Current Stock", "Price"),
        *("Categories", "Description", "Is Visible", "Image URL (Import)"),
    ]
    rows: list[Row] = []
    for number, product in enumerate(products, start=1):
        sizes = [size for _, size in product.variants() if size]
        count = 5 if product.in_stock else 0
        row: Row = {"Item": "Product", "ID": number, "Name": product.title}
        row |= {"SKU": product.item_id, "Price": product.price, "Current Stock": count}
        row |= {"Inventory Tracking": "variant" if sizes else "product", "Is Visible": "TRUE"}
        row |= {"Categories": ";".join(product.categories), "Description": product.description}
        rows.append(row)
        for sku, size in product.variants() if sizes else []:
            option = f"Type=Rectangle|Name=Size|Value={size}"
            rows.append({"Item": "Variant", "SKU": sku, "Options": option, "Current Stock": count})
        rows += [{"Item": "Image", "Image URL (Import)": image} for image in product.images]
    return write_csv(folder / "bigcommerce.csv", columns, rows)


def shopware(products: Iterable[Product], folder: Path) -> Path:
    """Write products, and variants that name their parent and have nothing but a number."""
    columns = [
        *("id", "parent_id", "product_number", "active", "stock", "name", "description"),
        *("price_net", "price_gross", "categories", "cover_media_url", "media"),
    ]
    rows: list[Row] = []
    for product in products:
        count = 5 if product.in_stock else 0
        base: Row = {"active": 1, "stock": count}
        own = {"id": product.item_id, "product_number": product.item_id, "name": product.title}
        own |= {"price_net": f"{product.price / 1.19:.2f}", "price_gross": f"{product.price:.2f}"}
        own |= {"categories": "|".join(product.categories), "media": "|".join(product.images[1:])}
        own["cover_media_url"] = product.images[0]
        rows.append({**base, **own, "description": product.description})
        for sku, size in product.variants():
            if size:
                rows.append({**base, "id": sku, "parent_id": product.item_id,
                             "product_number": sku})  # fmt: skip
    return write_csv(folder / "shopware.csv", columns, rows, delimiter=";")


def write_csv(path: Path, columns: list[str], rows: Iterable[Row], delimiter: str = ",") -> Path:
    """Write a table with a header; return its path."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path
