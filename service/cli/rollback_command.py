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
@click.option(
    "--to",
    metavar="NAME",
    help="The generation to go back to. Default: the one that served before.",
)
@fill_option
@threads_option
@json_option
def command(shop: Path, to: str | None, fill: bool, as_json: bool) -> None:
    """Go back to an earlier generation. Later writes are kept, and are searched too.

    A rollback undoes a change of the index or the encoder. It does not undo changes of items.
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
