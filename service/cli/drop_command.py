"""``vitrine drop``."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli.console import json_option, print_json, shop_option
from service.cli.terminal import say


@click.command("drop")
@click.argument("name")
@shop_option
@json_option
def command(name: str, shop: Path, as_json: bool) -> None:
    """Delete the generation NAME, such as a candidate that was not better.

    The serving generation cannot be dropped. If this was the last generation of its encoder, the
    next 'vitrine gc' deletes the encoder's embeddings.
    """
    from indexer.shop.folder import ShopFolder
    from indexer.shop.promotion import drop

    drop(ShopFolder(shop), name)
    if as_json:
        print_json({"dropped": name})
    else:
        say(f"generation {name} dropped")
