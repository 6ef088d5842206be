"""``vitrine generations``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.console import human_bytes, json_option, print_json, print_table, shop_option
from service.cli.terminal import note

if TYPE_CHECKING:
    from indexer.shop.listing import GenerationInfo

_COLORS = {"current": "bold green", "candidate": "cyan", "damaged": "bold red", "kept": ""}


@click.command("generations")
@shop_option
@json_option
def command(shop: Path, as_json: bool) -> None:
    """List the built indexes of a shop, newest first: which serves, which wait, which are damaged.

    Sizes are compared with the manifests; 'vitrine check' compares every byte.
    """
    from indexer.shop.folder import ShopFolder
    from indexer.shop.listing import generations

    found = generations(ShopFolder(shop))
    if as_json:
        print_json(found)
    else:
        _tell(found)


def _encoder(info: GenerationInfo) -> str:
    return f"{info.encoder} ({info.weights})" if info.weights else info.encoder


def _tell(found: list[GenerationInfo]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("generation", "state", "created", "encoder", "recipe"):
        table.add_column(name)
    for name in ("items", "images", "size"):
        table.add_column(name, justify="right")
    for one in found:
        color = _COLORS[one.state]
        state = f"[{color}]{one.state}[/]" if color else one.state
        counts = (str(one.items), str(one.rows), human_bytes(one.bytes)) if one.encoder else ()
        table.add_row(one.name, state, one.created, Text(_encoder(one)), one.recipe, *counts)
    print_table(table)
    for one in found:
        if one.problem:
            note(f"{one.name}: {one.problem}")
