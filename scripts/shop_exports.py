"""Write a catalog as the exports of shop programs, and index each without losing a product.

    python scripts/shop_exports.py CATALOG.jsonl --out DIR [--products 2000] [--index | --read]

CATALOG is JSON lines with the fields of Vitrine, such as a real shop; ``sizes`` are variants. Each
product is written in every format of ``EXPORTS``. With ``--index`` each export is indexed with the
encoder ``color``, and a line of the result is printed; the exit status is 1 if a product is lost.
With ``--read`` it is only read, as ``vitrine plan`` does: pictures are looked for, and not decoded.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click
from export_formats import EXPORTS, Product, expected_items, read_products


@click.command()
@click.argument("catalog", type=click.Path(path_type=Path, exists=True))
@click.option("--out", required=True, type=click.Path(path_type=Path))
@click.option("--products", "count", default=2000, show_default=True)
@click.option("--index", is_flag=True, help="Index each export, and count the products.")
@click.option("--read", is_flag=True, help="Read each export, and count the products.")
def main(catalog: Path, out: Path, count: int, index: bool, read: bool) -> None:
    """Write CATALOG in every format; the pictures are a link to the catalog's."""
    products = read_products(catalog, count)
    out.mkdir(parents=True, exist_ok=True)
    for entry in catalog.parent.iterdir():
        if entry.is_dir() and not (out / entry.name).exists():
            (out / entry.name).symlink_to(entry.resolve())
    lost = 0
    for name, write in EXPORTS.items():
        path = write(products, out)
        if index:
            lost += _index(name, path, out / f"shop-{path.name}", products)
        elif read:
            lost += _read(name, path, products)
        else:
            print(f"{name}: {path}")
    sys.exit(1 if lost else 0)


def _index(name: str, path: Path, shop: Path, products: list[Product]) -> int:
    """Index an export and print a line; return how many products are not in the shop."""
    from indexer.catalog.sources import open_catalog
    from indexer.encoders.color import ColorEncoder
    from indexer.jobs.build import build_index
    from indexer.shop.folder import ShopFolder

    start = time.perf_counter()
    report = build_index(open_catalog(path), ShopFolder(shop), ColorEncoder())
    seconds = time.perf_counter() - start
    wanted = expected_items(name, products)
    lost = len(products) - report.products
    print(
        f"{name}: {report.items} of {wanted} items, {report.products} of {len(products)} products, "
        f"{report.rows} images, {len(report.skipped)} in the report, {seconds:.0f} s",
        flush=True,
    )
    return lost + (wanted - report.items)


def _read(name: str, path: Path, products: list[Product]) -> int:
    """Read an export and print a line; return how many products and items are not read."""
    from indexer.catalog.sources import open_catalog
    from indexer.items import Skipped

    start = time.process_time()
    entries = list(open_catalog(path))
    items = [entry.item for entry in entries if not isinstance(entry, Skipped)]
    seconds = time.process_time() - start
    known = {item.product_id for item in items}
    images = [image for item in items for image in item.images]
    there = sum((path.parent / image).exists() for image in images)
    wanted = expected_items(name, products)
    print(
        f"{name}: {len(items)} of {wanted} items, {len(known)} of {len(products)} products, "
        f"{there} of {len(images)} images, {len(entries) - len(items)} in the report, "
        f"{seconds:.1f} s of CPU time",
        flush=True,
    )
    return len(products) - len(known) + wanted - len(items) + len(images) - there


if __name__ == "__main__":
    main()
