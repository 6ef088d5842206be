"""``vitrine sample``."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli.console import json_option, print_json, stage_bar
from service.cli.terminal import say


@click.command("sample")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@json_option
def command(folder: Path, as_json: bool) -> None:
    """Draw a sample shop into DIR: catalog.csv, product pictures, shopper photos, queries.csv."""
    from indexer.sample.shop import write_shop

    with stage_bar({}) as show:
        shop = write_shop(folder, progress=show)
    if as_json:
        print_json(
            {
                "catalog": str(shop.catalog),
                "queries": str(shop.queries),
                "items": shop.items,
                "images": shop.images,
                "photos": shop.photos,
            }
        )
    else:
        say(
            f"{shop.items} items with {shop.images} pictures in {shop.catalog}, {shop.photos} "
            f"shopper photos in {shop.queries}"
        )
