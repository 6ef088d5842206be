"""``vitrine recommend``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.items import ORIGINAL
from service.cli.console import json_option, print_json, print_table, shop_option
from service.cli.terminal import note, printable, say
from service.cli.threads_option import threads_option

if TYPE_CHECKING:
    from search.personal.recommendation import Recommendation, Recommendations

_WORDS = {
    "like_recent": "looks like {}, one of the last met",
    "like_liked": "looks like {}",
    "others_took": "people who took {} took it",
    "bought_together": "bought together with {}",
    "like_context": "looks like the item in view",
    "buy_again": "bought again and again, and due",
    "new": "few have met it yet",
    "popular": "popular",
    "assorted": "one of its category",
    "seen_before": "met before; nothing new is left",
}


@click.command("recommend")
@shop_option
@click.option("--user", required=True, metavar="ID", help="The shop's id of the user.")
@click.option(
    "-k", "--limit", "limit", default=12, show_default=True, help="How many distinct products."
)
@click.option(
    "--filter", "filter_text", metavar="F", help="""Such as: category = "Mugs" and price < 20."""
)
@click.option("--item", metavar="ID", help="The item that the user looks at.")
@click.option("--seen", is_flag=True, help="Allow items that the user has met before.")
@click.option(
    "--style",
    metavar="NAME",
    help="The style to show the pictures in. Default: the one that the user reacts to.",
)
@click.option("--explain", is_flag=True, help="Show what each feature adds to the scores.")
@threads_option
@json_option
def command(
    shop: Path,
    user: str,
    limit: int,
    filter_text: str | None,
    item: str | None,
    seen: bool,
    style: str | None,
    explain: bool,
    as_json: bool,
) -> None:
    """Recommend items for a user from the events of the shop, each with a reason."""
    from search.engine import SearchEngine

    with SearchEngine.open(shop) as engine:
        found = engine.recommend(
            user,
            limit,
            filter=filter_text or None,
            context=item,
            seen=seen,
            style=style,
            explain=explain,
        )
    if as_json:
        print_json(found)
    else:
        _print_report(found)


def _print_report(found: Recommendations) -> None:
    from rich.table import Table
    from rich.text import Text

    if not found.items:
        say("no item passes the filter")
        return
    explain = found.items[0].contributions is not None
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("", "score", "item", "title", "why", *(("contributions",) if explain else ())):
        table.add_column(name, justify="right" if name in ("", "score") else "left")
    for rank, item in enumerate(found.items, start=1):
        cells = [str(rank), f"{item.score:.3f}", item.item_id, item.title, _why(item)]
        if explain:
            added = (item.contributions or {}).items()
            cells.append(", ".join(f"{name} {value:+.3f}" for name, value in added if value))
        table.add_row(*(Text(printable(cell)) for cell in cells))
    print_table(table)
    shown = "" if found.style == ORIGINAL else f", to be shown in the style {found.style}"
    note(f"from {found.events} events of the user (generation {found.generation}){shown}")


def _why(item: Recommendation) -> str:
    return _WORDS[item.reason.code].format(item.reason.title or item.reason.item_id)
