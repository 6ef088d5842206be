"""``vitrine promote``."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli.console import json_option, print_json, shop_option
from service.cli.fill_option import fill_callback, fill_option
from service.cli.terminal import say
from service.cli.threads_option import threads_option


@click.command("promote")
@click.argument("name")
@shop_option
@fill_option
@threads_option
@json_option
def command(name: str, shop: Path, fill: bool, as_json: bool) -> None:
    """Make the generation NAME serve. Running services change to it within a second."""
    from indexer.shop.folder import ShopFolder
    from indexer.shop.promotion import promote

    folder = ShopFolder(shop)
    promote(folder, name, fill=fill_callback(folder, fill))
    manifest = folder.manifest(name)
    if as_json:
        print_json({"generation": name, "encoder": manifest.encoder})
    else:
        say(f"generation {name} of encoder {manifest.encoder} serves")
