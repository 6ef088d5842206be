"""``vitrine check``."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli.console import json_option, print_json, shop_option, stage_bar
from service.cli.terminal import note, say
from service.exitcodes import FAILED


@click.command("check")
@shop_option
@json_option
def command(shop: Path, as_json: bool) -> int:
    """Verify a whole shop: checksums, the store, and the serving index against the store.

    Looks for vectors of zeros, for pictures that are lost, and notes what is of other weights.
    Reads everything, changes nothing, and may run while the shop is served. The exit status is 0
    when all is well and 1 when anything is not, for monitoring.
    """
    from indexer.shop.checkup import check_shop
    from indexer.shop.folder import ShopFolder

    with stage_bar({"rows": "images"}) as progress:
        found = check_shop(ShopFolder(shop), progress=progress)
    if as_json:
        print_json(found)
    else:
        for problem in found.problems:
            say(problem)
        for remark in found.notes:
            note(remark)
        looked = (
            f"{len(found.generations)} generations, {found.items} items, {found.rows} images, "
            f"{found.embeddings} embeddings"
        )
        count = len(found.problems)
        verdict = f"{count} problem{'s' * (count > 1)}" if count else "all well"
        say(f"{looked}: {verdict}")
    return FAILED if found.problems else 0
