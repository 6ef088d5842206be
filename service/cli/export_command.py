"""``vitrine export``."""

from __future__ import annotations

from pathlib import Path

import click

from indexer.errors import Conflict
from service.cli.console import human_bytes, json_option, print_json, shop_option, stage_bar
from service.cli.terminal import say


@click.command("export")
@shop_option
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write: .csv, .jsonl or .parquet.",
)
@click.option("--vectors", is_flag=True, help="Add the vector of each image by the encoder in use.")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@json_option
def command(shop: Path, out: Path, vectors: bool, force: bool, as_json: bool) -> None:
    """Write all items of a shop, live writes included, to a file that can be indexed again.

    The shop may be served and written meanwhile. The file appears once it is complete.
    """
    from indexer.shop.export import export_items
    from indexer.shop.folder import ShopFolder

    if out.exists() and not force:
        raise Conflict(f"{out} exists already; choose another name, or add --force")
    folder = ShopFolder(shop)
    folder.current()  # raises IndexNotFound if there is no shop
    with stage_bar({"export": "items"}) as progress:
        report = export_items(folder, out, vectors=vectors, progress=progress)
    if as_json:
        print_json(report)
        return
    with_vectors = f", with the vectors of {report.encoder}" if report.encoder else ""
    size = human_bytes(out.stat().st_size)
    say(f"{out}: {report.items} items, {report.images} images{with_vectors}, {size}")
