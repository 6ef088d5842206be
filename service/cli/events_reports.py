"""The commands of ``vitrine events`` that report on all events."""

from __future__ import annotations

import time
from pathlib import Path

import click

from service.cli.console import json_option, print_json, shop_option
from service.cli.terminal import note, say

_DAY_S = 86_400.0


@click.command("publish")
@shop_option
@click.option("--days", default=30.0, show_default=True, help="Count events of so many days.")
@click.option(
    "--min-users",
    default=3,
    show_default=True,
    type=click.IntRange(min=3),
    help="Leave out what fewer users did.",
)
@click.option(
    "--epsilon",
    type=click.FloatRange(min=0, min_open=True),
    help="Add Laplace noise, so that each list is differentially private with this epsilon.",
)
def publish_counts(shop: Path, days: float, min_users: int, epsilon: float | None) -> None:
    """Print how many users met each item and bought each pair of items, as JSON."""
    from indexer.layout import EVENTS
    from indexer.shop.folder import ShopFolder
    from search.personal.event_log import EventLog
    from search.personal.publication import publish

    folder = ShopFolder(shop)
    folder.current()
    since = time.time() - days * _DAY_S
    with EventLog(folder.path / EVENTS, create=True) as log, log.read() as reader:
        print_json(publish(reader, since=since, min_users=min_users, epsilon=epsilon))


@click.command("interleaved")
@shop_option
@click.option("--days", default=30.0, show_default=True, help="Count events of so many days.")
@json_option
def report_interleaving(shop: Path, days: float, as_json: bool) -> None:
    """Report which of two interleaved rankers users reacted to; see recommend.json."""
    from indexer.layout import EVENTS
    from indexer.shop.folder import ShopFolder
    from search.personal.event_log import EventLog
    from search.personal.interleaving import report

    folder = ShopFolder(shop)
    folder.current()
    since = time.time() - days * _DAY_S
    with EventLog(folder.path / EVENTS, create=True) as log, log.read() as reader:
        found = report(reader.all(), since)
    if as_json:
        print_json(found)
        return
    if not found.users:
        note(
            "no click, cart or purchase has a surface of a ranker, such as recommended/a: set "
            "'interleave' in recommend.json, and send each item's surface with the events on it"
        )
    say(
        f"{found.users} users reacted: {found.a_wins} more to a, {found.b_wins} more to b, "
        f"{found.ties} to both alike (p = {found.p_value:.3g}, sign test)"
    )
