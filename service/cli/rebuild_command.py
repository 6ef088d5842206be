"""``vitrine rebuild``."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli.console import human_seconds, json_option, print_json, shop_option, stage_bar


@click.command("rebuild")
@shop_option
@json_option
def command(shop: Path, as_json: bool) -> None:
    """Build a new index from what the shop's store holds, live writes included.

    No catalog and no images are needed. Searches and writes go on meanwhile.
    """
    from indexer.encoders.registry import load_encoder
    from indexer.generation import ShopFolder
    from indexer.rebuild import rebuild_index

    folder = ShopFolder(shop)
    encoder = load_encoder(folder.manifest(folder.current()).encoder)
    with stage_bar({"publish": "index"}) as progress:
        done = rebuild_index(folder, encoder, progress=progress)
    if as_json:
        print_json(done)
        return
    state = "" if done.published else " (unchanged)"
    click.echo(
        f"generation {done.generation}{state}: {done.items} items, {done.products} products, "
        f"{done.rows} images in {human_seconds(done.seconds)} with {done.encoder}"
    )
