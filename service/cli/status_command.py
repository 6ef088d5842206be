"""``vitrine status``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.console import human_bytes, json_option, print_json, shop_option, style_text
from service.cli.terminal import say

if TYPE_CHECKING:
    from indexer.shop.status import RecallStatus
    from indexer.store.replica import ReplicaNote


@click.command("status")
@shop_option
@json_option
def command(shop: Path, as_json: bool) -> None:
    """Show what a shop folder contains."""
    from indexer.shop.folder import ShopFolder
    from indexer.shop.status import shop_status

    status = shop_status(ShopFolder(shop))
    if as_json:
        print_json(status)
        return
    shown = [
        ("generation", f"{status.generation}, built {status.created}"),
        ("encoder", f"{status.encoder}, {status.dim} dimensions"),
        ("items", f"{status.items} in {status.products} products"),
        ("images", f"{status.rows} searched, {status.skipped} skipped at the last build"),
        ("index", f"{status.recipe}: {status.promise}" if status.promise else status.recipe),
        ("recall", _recall(status.recall)),
        ("disk", human_bytes(status.bytes)),
        ("catalog", status.catalog),
    ]
    if status.styles:
        shown.insert(4, ("styles", "; ".join(map(style_text, status.styles))))
    if status.encoder_upgrade:
        shown.insert(2, ("upgrade", status.encoder_upgrade))
    if status.replica:
        shown.insert(1, ("replica", _replica(status.replica)))
    for name, value in shown:
        say(f"{name:>10}  {value}")


def _replica(found: ReplicaNote) -> str:
    state = f"of {found.primary}, with its changes up to {found.sequence}"
    if found.seen:
        state += f", last asked {found.seen}"
    return f"{state}; does not follow now: {found.problem}" if found.problem else state


def _recall(recall: RecallStatus) -> str:
    if recall.promised >= 1:
        return "every search is exact"
    return (
        f"{recall.promised:g} promised, {recall.measured:.4f} measured at the build; for that of "
        "real queries, see /v1/status or /metrics of the service"
    )
