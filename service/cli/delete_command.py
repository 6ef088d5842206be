"""``vitrine delete``."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli.console import json_option, print_json, shop_option
from service.cli.terminal import note, say
from service.exitcodes import FAILED


@click.command("delete")
@click.argument("item_ids", nargs=-1, required=True, metavar="ID...")
@shop_option
@json_option
def command(item_ids: tuple[str, ...], shop: Path, as_json: bool) -> int:
    """Delete items from a shop. A running service stops finding them within a second.

    The exit status is 1 if the shop did not have one of them.
    """
    from indexer.shop.folder import ShopFolder
    from indexer.shop.shelf import Shelf
    from indexer.store.store import Store
    from indexer.writing.writes import delete_items

    folder = ShopFolder(shop)
    Shelf.read(folder).serving_order()  # raises if this is not a shop
    with Store(folder.store) as store:
        outcomes = delete_items(store, item_ids)
    unknown = [outcome.item_id for outcome in outcomes if outcome.status == "unknown"]
    if as_json:
        print_json(outcomes)
    else:
        say(f"{len(outcomes) - len(unknown)} items deleted")
        for item_id in unknown:
            note(f"no item {item_id!r} in this shop")
    return FAILED if unknown else 0
