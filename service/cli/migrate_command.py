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
from service.cli.interrupt import ends_soon
from service.cli.terminal import note, say
from service.cli.threads_option import threads_option

if TYPE_CHECKING:
    from indexer.jobs.migrate import MigrationReport
    from indexer.jobs.migration_plan import MigrationPlan
    from indexer.shop.folder import ShopFolder

_INTERRUPTED = (
    "interrupted; what was embedded is kept. Run the same command to go on, or "
    "'vitrine migrate --stop' to give up."
)
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
@threads_option
@click.option("--plan", "only_plan", is_flag=True, help="Say what it would take, and do nothing.")
@click.option("--stop", is_flag=True, help="End the migration that was begun, for good.")
@json_option
def command(
    shop: Path,
    encoder: str | None,
    share: float,
    only_plan: bool,
    stop: bool,
    as_json: bool,
) -> None:
    """Embed a shop by another model and build a candidate of it, while the old one serves.

    First it says what that takes: from what the pictures can be embedded, how long, how much disk.
    Runs at low priority; kill it and run it again at will. Until it has ended, every write is
    embedded by both models. Afterwards 'vitrine compare' puts both to the test, and 'vitrine
    promote' or 'vitrine drop' decides; --stop gives up before that.
    """
    from indexer.shop.folder import ShopFolder

    if stop == (encoder is not None):
        raise click.UsageError("give either --encoder ID to migrate, or --stop")
    if stop and only_plan:
        raise click.UsageError("--plan goes with --encoder ID, not with --stop")
    folder = ShopFolder(shop)
    folder.current()  # a wrong folder is told now
    if encoder is None:
        _stop(folder, as_json)
    else:
        _migrate(folder, encoder, share, only_plan, as_json)


def _stop(folder: ShopFolder, as_json: bool) -> None:
    from indexer.jobs.migrate import stop_migration

    done = stop_migration(folder)
    if as_json:
        print_json(done)
        return
    dropped = f"; dropped {', '.join(done.dropped)}" if done.dropped else ""
    say(f"the migration to {', '.join(done.encoders)} has ended{dropped}")
    note(f"its embeddings stay until 'vitrine gc --shop {folder.path}'")


def _migrate(
    folder: ShopFolder,
    encoder: str,
    share: float,
    only_plan: bool,
    as_json: bool,
) -> None:
    from indexer.encoders.registry import load_encoder
    from indexer.jobs.migrate import migrate
    from indexer.jobs.migration_plan import plan_migration

    loaded = load_encoder(encoder)
    with suppress(OSError, AttributeError):  # where the system has no such thing
        os.nice(_NICE)
    with ends_soon(_INTERRUPTED):
        try:
            plan = plan_migration(folder, loaded, share=share)
            if only_plan:
                _print_plan(plan, as_json)
                return
            for line in _lines(plan):
                note(line)
            plan.check_room(folder)
            with stage_bar({"migrate": "images", "publish": "index"}) as progress:
                done = migrate(folder, loaded, share=share, progress=progress)
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
        for line in _lines(plan):
            say(line)


def _lines(plan: MigrationPlan) -> list[str]:
    parts = [f"{count} from {_SOURCES[source]}" for source, count in plan.sources.items()]
    time = (
        f"{human_seconds(plan.seconds)} at {plan.images_per_second:.0f} images/s, measured on some "
        "of them; then the index is built"
    )
    room = "" if plan.fits else ", which is not enough"
    lines = {
        "encoder": f"{plan.encoder}, {plan.dim} numbers an image",
        "pictures": f"{plan.images}, of which {plan.known} are embedded already",
        "to embed": ", ".join(parts) or "nothing",
        "time": time if parts else "only that of building the index",
        "disk": f"{human_bytes(plan.disk_bytes)}, of {human_bytes(plan.free_bytes)} free{room}",
    }
    if plan.embedding_only:
        lines["left out"] = f"{plan.embedding_only} that came with an embedding and no picture"
    if plan.lost:
        named = ", ".join(plan.lost_names)
        lines["lost"] = f"{plan.lost} have no picture any more, such as {named}"
    return [f"{name:>10}  {value}" for name, value in lines.items()]


def _print_report(done: MigrationReport, serving: str, shop: Path) -> None:
    parts = [f"{count} from {_SOURCES[source]}" for source, count in done.sources.items()]
    how = f" ({', '.join(parts)})" if parts else ""
    say(
        f"candidate {done.generation} of encoder {done.encoder}: {done.encoded} images embedded"
        f"{how}, {done.reused} known already"
    )
    if done.lost:
        say(f"{done.lost} images have no picture any more; {done.encoder} cannot find them")
    say(
        f"next: vitrine compare {serving} {done.generation} --shop {shop}, then vitrine promote "
        f"{done.generation} --shop {shop} (or drop)"
    )
