"""``vitrine rebuild``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.console import human_seconds, json_option, print_json, shop_option, stage_bar
from service.cli.interrupt import exit_on_interrupt
from service.cli.target_options import target_options
from service.cli.terminal import note, say
from service.cli.threads_option import threads_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.vectors.contract import BuildTargets, Targets


_INTERRUPTED = "interrupted; the shop has not changed."


@click.command("rebuild")
@shop_option
@click.option(
    "--meaning/--no-meaning",
    default=None,
    help="Find items by the meaning of words too, in 16 languages; needs the extra words. "
    "Default: as before, or no.",
)
@target_options
@threads_option
@json_option
def command(
    shop: Path,
    meaning: bool | None,
    targets: Callable[[Targets | None], BuildTargets],
    as_json: bool,
) -> None:
    """Build a new index from the items stored in the shop, including live writes.

    Needs neither a catalog nor image files. Searches and writes continue meanwhile.
    """
    from indexer.jobs.rebuild import rebuild_index
    from indexer.shop.encoderfiles import open_encoder
    from indexer.shop.folder import ShopFolder
    from indexer.shop.shelf import Shelf

    folder = ShopFolder(shop)
    shelf = Shelf.read(folder)
    serving = shelf.first_readable(shelf.serving_order())
    encoder = open_encoder(folder, serving.model)
    wanted = targets(serving.manifest.contract.targets)
    with exit_on_interrupt(_INTERRUPTED), stage_bar({"publish": "index"}) as progress:
        try:
            done = rebuild_index(
                folder, encoder, targets=wanted, meaning=meaning, progress=progress
            )
        except KeyboardInterrupt:
            note(_INTERRUPTED)
            raise
    if as_json:
        print_json(done)
        return
    state = "" if done.published else " (unchanged)"
    say(
        f"generation {done.generation}{state}: {done.items} items, {done.products} products, "
        f"{done.rows} images in {human_seconds(done.seconds)} with {done.encoder}"
    )
