"""``vitrine events estimate``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from service.cli.console import (
    count_bar,
    json_option,
    map_option,
    parse_single_mapping,
    print_json,
    shop_option,
)
from service.cli.terminal import note, printable, say
from service.cli.threads_option import threads_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from search.personal.event import Event
    from search.personal.event_file import BadRow
    from search.quality.estimate_ranker import RankerEstimate
    from search.quality.off_policy import OffPolicyEstimate

_FEW_PLACES = 30


@click.command("estimate")
@click.argument("shown", type=click.Path(path_type=Path))
@shop_option
@click.option(
    "--weights",
    required=True,
    type=click.Path(path_type=Path),
    help='JSON with weights of features, such as {"following": 100}; the others count 0.',
)
@click.option(
    "--hours",
    default=24.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="Within which a reaction counts for a list, if SHOWN has no values.",
)
@map_option
@threads_option
@json_option
def estimate_other_weights(
    shown: Path,
    shop: Path,
    weights: Path,
    hours: float,
    mapping: tuple[str, ...],
    as_json: bool,
) -> None:
    """Estimate what recommendations would earn with other weights, without showing them.

    SHOWN (CSV, JSON lines or Parquet) has a row for each place of each list that was shown:
    user_id, item_id, time, position, and the propensity of the reply. Rows of one user and time
    are one list. The value is what the place earned; without it, a place earns 1 if the user
    clicked on the item, put it into the cart or bought it, by the events of the shop. The lists
    must have been made with 'explore' in recommend.json.
    """
    from search.engine import SearchEngine
    from search.personal.event_file import BadRow, read_events
    from search.personal.rules import read_weights
    from search.quality.estimate_ranker import estimate_ranker

    other = read_weights(weights)
    refused: list[BadRow] = []

    def places(rows: Iterator[Event | BadRow]) -> Iterator[Event]:
        for row in rows:
            if isinstance(row, BadRow):
                refused.append(row)
            else:
                yield row

    rows = read_events(shown, now=time.time(), mapping=parse_single_mapping(mapping))
    with SearchEngine.open(shop) as engine, count_bar("lists") as show:
        found = estimate_ranker(
            engine.recommender,
            places(rows),
            other,
            hours=hours,
            progress=lambda _, done, total, __=0: show(done, total),
        )
    if refused:
        note(printable(f"{len(refused)} invalid rows, such as {refused[0].where}: "
                       f"{refused[0].reason}"))  # fmt: skip
    if as_json:
        print_json({**msgspec.to_builtins(found), "refused": len(refused)})
    else:
        _print_report(found)


def _print_report(found: RankerEstimate) -> None:
    say(
        f"{found.lists} lists of {found.users} users; of {found.places} places that were drawn, "
        f"{found.agreeing} show what the other weights would"
    )
    _print_line("as shown", found.logged)
    _print_line("other weights, SNIPS", found.snips)
    _print_line("other weights, doubly robust", found.doubly_robust)
    say(f"the estimates rest on {found.snips.effective:.0f} effective places")
    if found.snips.effective < _FEW_PLACES:
        note("these are too few to decide by: log more lists, raise 'explore', or interleave")
    if found.left_out:
        note(f"{found.left_out} rows are left out: after gaps, of doubled places or of gone items")


def _print_line(name: str, estimate: OffPolicyEstimate) -> None:
    say(
        f"{name:30}{estimate.value:.4f} [{estimate.low:.4f}, {estimate.high:.4f}] earned at a place"
    )
