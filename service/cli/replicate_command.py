"""``vitrine replicate``."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.console import shop_option, stage_bar
from service.cli.terminal import note, say

if TYPE_CHECKING:
    from indexer.shop.folder import ShopFolder


@click.command("replicate")
@click.argument("url", required=False)
@shop_option
@click.option("--once", is_flag=True, help="Copy what is new, and end.")
@click.option(
    "--interval",
    type=click.FloatRange(0.05, 3600),
    default=1.0,
    show_default=True,
    help="Seconds between two questions for changes.",
)
@click.option(
    "--anew",
    is_flag=True,
    help="Copy another primary, or one that was restored. Pictures that are there are not copied "
    "again. Needs the service of this copy stopped.",
)
@click.option(
    "--leave",
    is_flag=True,
    help="Make the copy a shop of its own, which takes writes; for example if its primary is lost.",
)
def command(
    url: str | None, shop: Path, once: bool, interval: float, anew: bool, leave: bool
) -> None:
    """Copy the shop of the service at URL to this machine, and follow its changes.

    The copy can be served as soon as it is complete, with 'vitrine serve --shop'. It takes no
    writes. Runs until it is stopped, and goes on where it was when it is started again. The key of
    the primary, of the scope admin, is VITRINE_PRIMARY_KEY.
    """
    from indexer.shop.folder import ShopFolder

    if leave == bool(url):
        raise click.UsageError("give either the URL of the primary, or --leave")
    folder = ShopFolder(shop)
    if leave:
        _leave(folder)
    else:
        _replicate(folder, url or "", once=once, interval=interval, anew=anew)


def _leave(folder: ShopFolder) -> None:
    from indexer.errors import Conflict
    from indexer.layout import REPLICA
    from indexer.shop.joblock import job_lock
    from indexer.store.replica import read_note

    if (found := read_note(folder.path)) is None:
        raise Conflict(f"{folder.path} is not a replica")
    with job_lock(folder.path, "vitrine replicate --leave"):
        (folder.path / REPLICA).unlink()
    say(
        f"{folder.path} is a shop of its own now, with the changes of {found.primary} up to "
        f"{found.sequence}; it takes writes"
    )


def _replicate(folder: ShopFolder, url: str, *, once: bool, interval: float, anew: bool) -> None:
    from indexer.replication.following import Following
    from indexer.replication.http_primary import HttpPrimary
    from indexer.replication.replica import Replica
    from indexer.shop.joblock import job_lock
    from indexer.store.store import Store
    from indexer.vectors.remote.access import ACCESS
    from search.personal.event_copy import EventCopy, ReplicaWithEvents
    from search.personal.http_events import HttpEvents
    from service.processsettings import primary_access, process_settings, server_access

    # The collections of a vector server belong to the primary.
    ACCESS.use(lambda: server_access(process_settings())._replace(read_only=True))
    access = primary_access()
    primary = HttpPrimary(url, access.key, access.ca_file)
    stopped = threading.Event()
    _make_folder(folder.path)
    with (
        job_lock(folder.path, "vitrine replicate"),
        Store(folder.store, create=True, replicates=True) as store,
        stage_bar(
            {"items": "items", "generation": "index", "embeddings": "embeddings"}
        ) as progress,
    ):
        replica = Replica(folder, store, primary, progress=progress)
        if anew:
            replica.start_anew()
        replica.check()
        events = EventCopy(folder.path, HttpEvents(primary))
        following = Following(ReplicaWithEvents(replica, events), folder.path, primary.url, note)
        try:
            if once:
                step = following.catch_up()
            else:
                signal.signal(signal.SIGTERM, lambda *_: stopped.set())
                following.run(stopped, interval)
        finally:
            primary.close()
    if once:
        say(f"{folder.path}: a copy of {primary.url} at change {step.sequence}")


def _make_folder(path: Path) -> None:
    from indexer.errors import CannotWrite

    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(f"cannot make {path}: {error.strerror or error}") from error
