"""``vitrine gc``."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli.console import json_option, print_json, shop_option
from service.cli.terminal import say


@click.command("gc")
@shop_option
@click.option(
    "--keep",
    type=click.IntRange(1, 100),
    help="How many generations to keep, now and after each build. Default: as before, or 3.",
)
@json_option
def command(shop: Path, keep: int | None, as_json: bool) -> None:
    """Delete old generations, and embeddings, pictures and encoder files no longer needed.

    Builds do the same at their end. The serving generation, candidates and generations that a
    process has open are kept.
    """
    from indexer.jobs.job import open_job
    from indexer.shop.folder import ShopFolder

    folder = ShopFolder(shop)
    folder.current()  # raises if this is not a shop
    with open_job(folder, "vitrine gc") as job:
        done = job.collect_garbage(keep=keep)
    if as_json:
        print_json(done)
        return
    names = ", ".join(done.generations) or "none"
    say(
        f"removed generations: {names}; {done.embeddings} embeddings of models no longer used, "
        f"{done.contents} embeddings and copies of images no longer there"
    )
    if done.encoder_files:
        say(f"{done.encoder_files} files of encoders no longer used")
