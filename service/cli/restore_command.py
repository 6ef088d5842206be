"""``vitrine restore``."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli.console import byte_bar, json_option, print_json, shop_option
from service.cli.terminal import note, say


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
@shop_option
@click.option(
    "--force",
    is_flag=True,
    help="Replace an existing shop, which no process may use; its keys and events stay.",
)
@json_option
def command(file: Path, shop: Path, force: bool, as_json: bool) -> None:
    """Create a shop from the snapshot FILE, on this or another machine.

    Refuses a file that is incomplete or was changed. The shop appears complete or not at all.
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
    except EncoderNotFound as error:  # a shop stores only some kinds of encoders
        note(f"to serve this shop, the machine needs its encoder: {error}")
