"""``vitrine restore``."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli.console import byte_bar, json_option, print_json, shop_option
from service.cli.terminal import note, say


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
@shop_option
@click.option("--force", is_flag=True, help="Replace the shop that is there; it must be at rest.")
@json_option
def command(file: Path, shop: Path, force: bool, as_json: bool) -> None:
    """Make the shop that the snapshot FILE holds, on this or any other machine.

    A file that was cut short or changed is refused before it is read, and the shop appears
    whole or not at all.
    """
    from indexer.errors import EncoderNotFound
    from indexer.shop.encoderfiles import open_encoder
    from indexer.shop.folder import ShopFolder
    from indexer.shop.restore import restore_snapshot

    folder = ShopFolder(shop)
    with byte_bar({"check": "checksum", "restore": "restore"}) as progress:
        about = restore_snapshot(file, folder, force=force, progress=progress)
    if as_json:
        print_json({"shop": str(shop), "snapshot": about})
    else:
        say(
            f"{shop}: {about.items} items, {about.rows} images, generation {about.generation} of "
            f"encoder {about.encoder}, as of {about.created}"
        )
    try:
        manifest = folder.manifest(about.generation)
        open_encoder(folder, manifest.model)
    except EncoderNotFound as error:  # one that a shop does not keep
        note(f"before it can serve, this machine needs its encoder: {error}")
