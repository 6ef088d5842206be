"""``vitrine migrate``."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from service.cli.console import (
    human_bytes,
    human_seconds,
    json_option,
    print_json,
    shop_option,
    stage_bar,
)
from service.cli.interrupt import exit_on_interrupt
from service.cli.limits_option import limits_option
from service.cli.terminal import note, say
from service.cli.threads_option import threads_option

if TYPE_CHECKING:
    from indexer.imaging.images import ImageLimits
    from indexer.jobs.migrate import MigrationReport
    from indexer.jobs.migration_plan import MigrationPlan
    from indexer.shop.folder import ShopFolder

_INTERRUPTED = (
    "interrupted; finished embeddings are kept. Run the same command again to continue, or "
    "'vitrine migrate --stop' to cancel the migration."
)
_NICENESS = 10  # out of 19, so that searches get the cores first
_SOURCES = {"original": "stored originals", "file": "the catalog's files", "display": "copies"}


@click.command("migrate")
@shop_option
@click.option("--encoder", metavar="ID", help="The encoder to change to.")
@click.option(
    "--share",
    type=click.FloatRange(0.01, 1),
    default=1.0,
    show_default=True,
    help="Share of the time to work; it pauses for the rest.",
)
@limits_option
@threads_option
@click.option("--plan", "only_plan", is_flag=True, help="Print the plan only.")
@click.option("--stop", is_flag=True, help="Cancel the open migration.")
@json_option
def command(
    shop: Path,
    encoder: str | None,
    share: float,
    limits: ImageLimits,
    only_plan: bool,
    stop: bool,
    as_json: bool,
) -> None:
    """Embed a shop with another encoder and build a candidate, while the old one serves.

    First prints a plan: where the pictures come from, the time, and the disk space. Runs at low
    priority, and may be killed and started again at any time. While the migration is open, every
    write is embedded with both encoders. Then compare both with 'vitrine compare', and use 'vitrine
    promote' or 'vitrine drop'. --stop cancels the migration.
    """
    from indexer.shop.folder import ShopFolder

    if stop == (encoder is not None):
        raise click.UsageError("give either --encoder ID to migrate, or --stop to cancel")
    if stop and only_plan:
        raise click.UsageError("--plan needs --encoder ID and cannot be used with --stop")
    folder = ShopFolder(shop)
    folder.current()  # raises if this is not a shop
    if encoder is None:
        _stop(folder, as_json)
    else:
        _migrate(folder, encoder, share, limits, only_plan, as_json)


def _stop(folder: ShopFolder, as_json: bool) -> None:
    from indexer.jobs.migrate import stop_migration

    done = stop_migration(folder)
    if as_json:
        print_json(done)
        return
    dropped = f"; dropped {', '.join(done.dropped)}" if done.dropped else ""
    say(f"canceled the migration to {', '.join(done.encoders)}{dropped}")
    note(f"'vitrine gc --shop {folder.path}' deletes its embeddings")


def _migrate(
    folder: ShopFolder,
    encoder: str,
    share: float,
    limits: ImageLimits,
    only_plan: bool,
    as_json: bool,
) -> None:
    from indexer.encoders.registry import load_encoder
    from indexer.jobs.migrate import migrate
    from indexer.jobs.migration_plan import plan_migration

    loaded = load_encoder(encoder)
    with suppress(OSError, AttributeError):  # not every system has os.nice
        os.nice(_NICENESS)
    with exit_on_interrupt(_INTERRUPTED):
        try:
            plan = plan_migration(folder, loaded, share=share)
            if only_plan:
                _print_plan(plan, as_json)
                return
            for line in _plan_lines(plan):
                note(line)
            plan.check_room(folder)
            with stage_bar({"migrate": "images", "publish": "index"}) as progress:
                done = migrate(folder, loaded, share=share, limits=limits, progress=progress)
        except KeyboardInterrupt:
            note(_INTERRUPTED)
            raise
    if as_json:
        print_json({**msgspec.structs.asdict(done), "plan": plan})
    else:
        _print_report(done, folder.current(), folder.path)


def _print_plan(plan: MigrationPlan, as_json: bool) -> None:
    if as_json:
        print_json(plan)
    else:
        for line in _plan_lines(plan):
            say(line)


def _plan_lines(plan: MigrationPlan) -> list[str]:
    parts = [f"{count} from {_SOURCES[source]}" for source, count in plan.sources.items()]
    time = (
        f"{human_seconds(plan.seconds)} at {plan.images_per_second:.0f} images/s, measured on some "
        "of them; then the index is built"
    )
    room = "" if plan.fits else ", which is not enough"
    lines = {
        "encoder": f"{plan.encoder}, {plan.dim} dimensions",
        "pictures": f"{plan.images}, of which {plan.known} are embedded already",
        "to embed": ", ".join(parts) or "nothing",
        "time": time if parts else "only to build the index",
        "disk": f"{human_bytes(plan.disk_bytes)}, of {human_bytes(plan.free_bytes)} free{room}",
    }
    if plan.embedding_only:
        lines["left out"] = f"{plan.embedding_only} images that have an embedding and no picture"
    if plan.lost:
        named = ", ".join(plan.lost_names)
        lines["lost"] = f"{plan.lost} images that no longer have a picture, such as {named}"
    return [f"{name:>10}  {value}" for name, value in lines.items()]


def _print_report(done: MigrationReport, serving: str, shop: Path) -> None:
    parts = [f"{count} from {_SOURCES[source]}" for source, count in done.sources.items()]
    how = f" ({', '.join(parts)})" if parts else ""
    say(
        f"candidate {done.generation} of encoder {done.encoder}: {done.encoded} images embedded"
        f"{how}, {done.reused} known already"
    )
    if done.lost:
        say(f"{done.lost} images no longer have a picture; {done.encoder} cannot find them")
    say(
        f"next: vitrine compare {serving} {done.generation} --shop {shop}, then vitrine promote "
        f"{done.generation} --shop {shop} (or drop)"
    )
