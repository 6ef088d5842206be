"""``vitrine exposure``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.console import json_option, print_json, print_table, shop_option
from service.cli.terminal import note, printable
from service.cli.threads_option import threads_option

if TYPE_CHECKING:
    from search.quality.exposure import ExposureReport


@click.command("exposure")
@shop_option
@click.option(
    "--field", required=True, metavar="NAME", help="category, price, or an attribute such as brand."
)
@click.option("--users", default=500, show_default=True, help="How many users to make lists for.")
@click.option(
    "-k", "--limit", "limit", default=12, show_default=True, help="How long the lists are."
)
@threads_option
@json_option
def command(shop: Path, field: str, users: int, limit: int, as_json: bool) -> None:
    """Compare how often items of each group are recommended with how often users find them.

    To give a group a minimum share of the places, set a floor in the shop's recommend.json.
    """
    from indexer.layout import RULES
    from search.engine import SearchEngine
    from search.personal.rules import read_rules
    from search.quality.exposure import exposure
    from service.runtime.blas import use_one_thread_each

    use_one_thread_each()
    if (shop / RULES).exists():
        read_rules(shop / RULES)
    with SearchEngine.open(shop) as engine:
        found = exposure(engine, field, users=users, limit=limit)
    if as_json:
        print_json(found)
    else:
        _print_report(found)


def _print_report(found: ExposureReport) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(found.field)
    for name in ("items", "exposure", "relevance", "ratio"):
        table.add_column(name, justify="right")
    for group in found.groups:
        ratio = "" if group.ratio is None else f"{group.ratio:.2f}"
        shares = (group.items, group.exposure, group.relevance)
        table.add_row(Text(printable(group.value)), *(f"{share:.1%}" for share in shares), ratio)
    print_table(table)
    note(f"from the lists of {found.users} users; the place at rank r counts 1 / log2(r + 1)")
