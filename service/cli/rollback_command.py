"""``vitrine rollback``."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli.console import json_option, print_json, shop_option
from service.cli.fill_option import fill_callback, fill_option
from service.cli.terminal import say
from service.cli.threads_option import threads_option


@click.command("rollback")
@shop_option
@click.option("--to", metavar="NAME", help="Go back to this one. Default: what served before.")
@fill_option
@threads_option
@json_option
def command(shop: Path, to: str | None, fill: bool, as_json: bool) -> None:
    """Go back to an earlier index; what was written since is kept and searched beside it.

    This undoes an index or a model, not a catalog: items are as they were last written.
    """
    from indexer.shop.folder import ShopFolder
    from indexer.shop.promotion import rollback

    folder = ShopFolder(shop)
    name = rollback(folder, to, fill=fill_callback(folder, fill))
    manifest = folder.manifest(name)
    if as_json:
        print_json({"generation": name, "encoder": manifest.encoder})
    else:
        say(f"back at generation {name} of encoder {manifest.encoder}")
