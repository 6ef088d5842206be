"""``vitrine snapshot``."""

from __future__ import annotations

from pathlib import Path

import click

from indexer.errors import Conflict
from service.cli.console import byte_bar, human_bytes, json_option, print_json, shop_option
from service.cli.terminal import say


@click.command("snapshot")
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@shop_option
@click.option("--force", is_flag=True, help="Replace OUT if it exists.")
@json_option
def command(out: Path, shop: Path, force: bool, as_json: bool) -> None:
    """Save a shop, without its events, in the file OUT.

    The shop may be served and written meanwhile. OUT appears once it is complete and on disk. It is
    a ZIP file with a SHA-256 checksum, for 'vitrine restore'.
    """
    from indexer.shop.folder import ShopFolder
    from indexer.shop.snapshot import take_snapshot

    if out.exists() and not force:
        raise Conflict(f"{out} exists already; choose another name, or add --force")
    with byte_bar({"store": "store"}) as progress:
        about = take_snapshot(ShopFolder(shop), out, progress=progress)
    size = out.stat().st_size
    if as_json:
        print_json({"file": str(out), "bytes": size, "snapshot": about})
        return
    say(
        f"{out}: {about.items} items, {about.rows} images, generation {about.generation} of "
        f"encoder {about.encoder}, {human_bytes(size)}"
    )
