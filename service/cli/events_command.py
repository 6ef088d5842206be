"""``vitrine events``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from service.cli.console import (
    json_option,
    map_option,
    parse_single_mapping,
    print_json,
    shop_option,
)
from service.cli.estimate_command import estimate_other_weights
from service.cli.events_reports import publish_counts, report_interleaving
from service.cli.terminal import note, printable, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from search.personal.event import Event
    from search.personal.event_file import BadRow
    from search.personal.event_log import Stored
    from search.personal.learning import Pictures

_BATCH = 2_000  # events of one transaction
_SHOWN = 10  # bad rows
_DAY_S = 86_400.0


class BadEventRow(msgspec.Struct, frozen=True):
    """A row that is not an event, and why."""

    where: str
    reason: str


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """The outcomes of the rows of a file of events.

    ``unknown_items`` counts the events of items that the shop does not have, such as
    ``unknown_item``; None if the shop's items could not be read.
    """

    stored: int
    repeated: int
    no_consent: int
    unknown_items: int | None
    unknown_item: str
    refused: list[BadEventRow]


@click.group("events")
def command() -> None:
    """Import and export what users did, learn from it, or erase a user."""
    from service.runtime.blas import use_one_thread_each

    use_one_thread_each()


command.add_command(publish_counts)
command.add_command(report_interleaving)
command.add_command(estimate_other_weights)


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@shop_option
@map_option
@click.option("--encoding", help="The encoding of a CSV file. Default: its mark, or UTF-8.")
@json_option
def import_events(
    file: Path, shop: Path, mapping: tuple[str, ...], encoding: str | None, as_json: bool
) -> None:
    """Store the events of FILE (CSV, JSON lines or Parquet), each once; report invalid rows.

    Columns are event_id, user_id, item_id, type, time, value, surface, position, rendition,
    propensity and consent, or common other names such as customerId; types are view, click, cart,
    purchase, hide and rating, or others such as add_to_cart. Run it again after an interruption:
    with ids, or with times, no event is stored twice.
    """
    from indexer.layout import EVENTS
    from indexer.shop.folder import ShopFolder
    from indexer.store.replica import refuse_replica
    from search.personal.event_file import read_events
    from search.personal.event_log import EventLog
    from search.personal.learning import learn

    folder = ShopFolder(shop)
    folder.current()
    refuse_replica(folder.path)
    fields = parse_single_mapping(mapping)
    events = read_events(file, now=time.time(), mapping=fields, encoding=encoding)
    pictures = _pictures(folder.path)
    with EventLog(folder.path / EVENTS, create=True) as log:
        report = _store(log.add, events, None if pictures is None else pictures.ids)
        note("learning which items are met together")
        learn(log, pictures)
    if as_json:
        print_json(report)
        return
    say(
        f"{report.stored} events stored, {report.repeated} known already, "
        f"{report.no_consent} without consent, {len(report.refused)} invalid rows"
    )
    if report.unknown_items:
        note(
            f"events of items that the shop does not have: {report.unknown_items}, such as "
            f"{printable(report.unknown_item)}. They count once it has them. If the ids of its "
            "items are in another column, use --map item_id=COLUMN"
        )
    for row in report.refused[:_SHOWN]:
        note(printable(f"{row.where}: {row.reason}"))
    if len(report.refused) > _SHOWN:
        note(f"and {len(report.refused) - _SHOWN} more; --json lists all")


@command.command("learn")
@shop_option
@json_option
def learn_from_events(shop: Path, as_json: bool) -> None:
    """Learn from all events which items are met and bought together; run it every night.

    Recommendations follow a user's own events at once. What other users did is learned here.
    """
    from indexer.layout import EVENTS
    from indexer.shop.folder import ShopFolder
    from indexer.store.replica import refuse_replica
    from search.personal.event_log import EventLog
    from search.personal.learning import learn

    folder = ShopFolder(shop)
    folder.current()
    refuse_replica(folder.path)
    with EventLog(folder.path / EVENTS, create=True) as log:
        learned = learn(log, _pictures(folder.path))
    if as_json:
        print_json(learned)
        return
    say(
        f"{learned.events} events of {learned.users} users: {learned.items_with_neighbors} items "
        f"are met with others, {learned.items_bought_together} are bought with others"
    )


@command.command("export")
@shop_option
@click.option("--user", metavar="ID", help="Only the events of this user, with the id.")
def export_events(shop: Path, user: str | None) -> None:
    """Print all events as JSON lines.

    Without --user, users are shown by hashes: their ids are not stored.
    """
    import sys

    from indexer.shop.folder import ShopFolder
    from search.personal.event_log import open_if_exists

    folder = ShopFolder(shop)
    folder.current()
    log = open_if_exists(folder.path)
    if log is None:
        return
    with log, log.read() as reader:
        if user is not None:
            _write(sys.stdout.buffer, (event.event(user) for event in reader.of_user(user)))
        else:
            logged = reader.since(0)
            _write(sys.stdout.buffer, (entry.event.event(entry.user.hex()) for entry in logged))


@command.command("erase")
@click.argument("user")
@shop_option
@json_option
def erase_user(user: str, shop: Path, as_json: bool) -> None:
    """Delete all events of USER, as DELETE /v1/users/{id} does."""
    from indexer.shop.folder import ShopFolder
    from indexer.store.replica import refuse_replica
    from search.personal.event_log import open_if_exists

    folder = ShopFolder(shop)
    folder.current()
    refuse_replica(folder.path)
    log = open_if_exists(folder.path)
    count = 0
    if log is not None:
        with log:
            count = log.delete_user(user)
    if as_json:
        print_json({"user_id": user, "events": count})
    else:
        say(printable(f"{count} events of user {user!r} deleted"))


@command.command("expire")
@shop_option
@click.option("--days", type=click.FloatRange(min=0), help="Default: VITRINE_KEEP_EVENTS_DAYS.")
@json_option
def expire_events(shop: Path, days: float | None, as_json: bool) -> None:
    """Delete all events older than so many days; run it every night, before 'events learn'."""
    from indexer.shop.folder import ShopFolder
    from indexer.store.replica import refuse_replica
    from search.personal.event_log import open_if_exists
    from service.processsettings import process_settings

    folder = ShopFolder(shop)
    folder.current()
    kept = process_settings().keep_events_days if days is None else days
    if not kept:
        raise click.UsageError("give --days, or set VITRINE_KEEP_EVENTS_DAYS")
    refuse_replica(folder.path)
    log = open_if_exists(folder.path)
    count = 0
    if log is not None:
        with log:
            count = log.delete_before(time.time() - kept * _DAY_S)
    if as_json:
        print_json({"days": kept, "events": count})
    else:
        say(f"{count} events older than {kept:g} days deleted")


@command.command("compact")
@shop_option
@json_option
def compact_events(shop: Path, as_json: bool) -> None:
    """Rewrite the files of events, so that no byte of erased events is left in them.

    First learns from the events again, except on a replica. A running service continues; events
    that arrive meanwhile wait a few seconds until this is done.
    """
    from indexer.shop.folder import ShopFolder
    from indexer.store.replica import read_note
    from search.personal.event_compaction import Compacted, compact
    from search.personal.event_log import open_if_exists
    from search.personal.learning import learn

    folder = ShopFolder(shop)
    folder.current()
    log = open_if_exists(folder.path)
    if log is None:
        done = Compacted(bytes_before=0, bytes_after=0)
    else:
        with log:
            if read_note(folder.path) is None:
                learn(log, _pictures(folder.path))
            done = compact(log)
    if as_json:
        print_json(done)
    else:
        say(f"{done.bytes_before / 1e6:.1f} MB before, {done.bytes_after / 1e6:.1f} MB after")


def _pictures(shop: Path) -> Pictures | None:
    """Return the vectors of a shop's items; None if its encoder cannot be loaded."""
    from indexer.errors import EncoderNotFound
    from search.engine import SearchEngine
    from search.personal.learning import Pictures

    try:
        with SearchEngine.open(shop) as engine:
            return Pictures(*engine.item_vectors(), engine.model.key, *engine.item_facts())
    except EncoderNotFound as error:
        note(f"new items are not recommended by their pictures: {error}")
        return None


def _store(
    add: Callable[[list[Event]], list[Stored]],
    events: Iterator[Event | BadRow],
    items: list[str] | None,
) -> ImportReport:
    """Store events batch by batch, and count the outcomes. ``items`` are the shop's, if known."""
    from collections import Counter

    from search.personal.event_file import BadRow

    counts: Counter[str] = Counter()
    refused: list[BadEventRow] = []
    batch: list[Event] = []
    known = set(items or ())
    unknown, example = 0, ""
    for entry in events:
        if isinstance(entry, BadRow):
            refused.append(BadEventRow(entry.where, entry.reason))
            continue
        if entry.item_id not in known:
            unknown, example = unknown + 1, entry.item_id
        batch.append(entry)
        if len(batch) == _BATCH:
            counts.update(add(batch))
            batch.clear()
    counts.update(add(batch))
    return ImportReport(
        stored=counts["stored"],
        repeated=counts["repeated"],
        no_consent=counts["no_consent"],
        unknown_items=None if items is None else unknown,
        unknown_item="" if items is None else example,
        refused=refused,
    )


def _write(out: BinaryIO, events: Iterator[Event]) -> None:
    for event in events:
        out.write(msgspec.json.encode(event) + b"\n")
