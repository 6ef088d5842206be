"""``vitrine status``."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli.console import human_bytes, json_option, print_json, shop_option


@click.command("status")
@shop_option
@json_option
def command(shop: Path, as_json: bool) -> None:
    """Say what a shop folder holds."""
    from indexer.generation import ShopFolder
    from indexer.status import shop_status

    status = shop_status(ShopFolder(shop))
    if as_json:
        print_json(
            {name: getattr(status, name) for name in status.__struct_fields__ if name not in _LATE}
        )
        return
    for name, value in (
        ("generation", f"{status.generation}, built {status.created}"),
        ("encoder", f"{status.encoder}, {status.dim} numbers an image"),
        ("items", f"{status.items} in {status.products} products"),
        ("images", f"{status.rows} indexed, {status.skipped} skipped at the last build"),
        ("disk", human_bytes(status.bytes)),
        ("catalog", status.catalog),
    ):
        click.echo(f"{name:>10}  {value}")


_LATE = ("text", "facets")  # known only to an open engine
