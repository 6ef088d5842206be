"""``vitrine migrate``."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.console import json_option, note, print_json, shop_option, stage_bar

if TYPE_CHECKING:
    from indexer.generation import ShopFolder
    from indexer.migrate import Migrated

_NICE = 10  # of the lowest priority, 19: searches go first
_SOURCES = {"original": "stored originals", "file": "the catalog's files", "display": "copies"}


@click.command("migrate")
@shop_option
@click.option("--encoder", metavar="ID", help="The model to change to.")
@click.option(
    "--share",
    type=click.FloatRange(0.01, 1),
    default=1.0,
    show_default=True,
    help="How much of the time to work; the rest is left to searches.",
)
@click.option("--threads", type=click.IntRange(1), help="Cores to use. Default: all.")
@click.option("--stop", is_flag=True, help="End the migration that was begun, for good.")
@json_option
def command(
    shop: Path, encoder: str | None, share: float, threads: int | None, stop: bool, as_json: bool
) -> None:
    """Embed a shop by another model and build a candidate of it, while the old one serves.

    Runs at low priority; kill it and run it again at will. Until it has ended, every write is
    embedded by both models. Afterwards 'vitrine compare' puts both to the test, and 'vitrine
    promote' or 'vitrine drop' decides; --stop gives up before that.
    """
    from indexer.generation import ShopFolder

    if stop == (encoder is not None):
        raise click.UsageError("give either --encoder ID to migrate, or --stop")
    folder = ShopFolder(shop)
    folder.current()  # a wrong folder is told now
    if encoder is None:
        _stop(folder, as_json)
    else:
        _migrate(folder, encoder, share, threads, as_json)


def _stop(folder: ShopFolder, as_json: bool) -> None:
    from indexer.migrate import stop_migration

    done = stop_migration(folder)
    if as_json:
        print_json(done)
        return
    dropped = f"; dropped {', '.join(done.dropped)}" if done.dropped else ""
    click.echo(f"the migration to {', '.join(done.encoders)} has ended{dropped}")
    note(f"its embeddings stay until 'vitrine gc --shop {folder.path}'")


def _migrate(
    folder: ShopFolder, encoder: str, share: float, threads: int | None, as_json: bool
) -> None:
    from indexer.encoders.registry import load_encoder
    from indexer.migrate import migrate

    loaded = load_encoder(encoder, threads=threads)
    with suppress(OSError, AttributeError):  # where the system has no such thing
        os.nice(_NICE)
    with stage_bar({"migrate": "images", "publish": "index"}) as progress:
        try:
            done = migrate(folder, loaded, share=share, progress=progress)
        except KeyboardInterrupt:
            note(
                "interrupted; what was embedded is kept. Run the same command to go on, or "
                "'vitrine migrate --stop' to give up."
            )
            raise
    if as_json:
        print_json(done)
    else:
        _tell(done, folder.current(), folder.path)


def _tell(done: Migrated, serving: str, shop: Path) -> None:
    parts = [f"{count} from {_SOURCES[source]}" for source, count in done.sources.items()]
    how = f" ({', '.join(parts)})" if parts else ""
    click.echo(
        f"candidate {done.generation} of encoder {done.encoder}: {done.encoded} images embedded"
        f"{how}, {done.reused} known already"
    )
    if done.lost:
        click.echo(f"{done.lost} images have no picture any more; {done.encoder} cannot find them")
    click.echo(
        f"next: vitrine compare {serving} {done.generation} --shop {shop}, then vitrine promote "
        f"{done.generation} --shop {shop} (or drop)"
    )
