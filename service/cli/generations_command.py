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
    """List the generations of a shop, newest first, with their states.

    A generation is damaged if the size of a file differs from its manifest; 'vitrine check'
    also compares the contents.
    """
    from indexer.shop.folder import ShopFolder
    from indexer.shop.listing import generations

    found = generations(ShopFolder(shop))
    if as_json:
        print_json(found)
    else:
        _print_report(found)


def _encoder(info: GenerationInfo) -> str:
    return f"{info.encoder} ({info.weights})" if info.weights else info.encoder


def _print_report(found: list[GenerationInfo]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("generation", "state", "created", "encoder", "recipe"):
        table.add_column(name)
    for name in ("items", "images", "size"):
        table.add_column(name, justify="right")
    for generation in found:
        color = _COLORS[generation.state]
        state = f"[{color}]{generation.state}[/]" if color else generation.state
        counts = (
            (str(generation.items), str(generation.rows), human_bytes(generation.bytes))
            if generation.encoder
            else ()
        )
        table.add_row(
            generation.name,
            state,
            generation.created,
            Text(_encoder(generation)),
            generation.recipe,
            *counts,
        )
    print_table(table)
    for generation in found:
        if generation.problem:
            note(f"{generation.name}: {generation.problem}")
