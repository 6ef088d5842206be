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
    """Verify a shop: checksums, the store, and the serving index against the store.

    Also finds vectors of zeros and lost pictures, and notes what was embedded with other weights.
    Reads everything and changes nothing, also while the shop is served. The exit status is 0 if
    there are no problems, and 1 otherwise.
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
        counts = (
            f"{len(found.generations)} generations, {found.items} items, {found.rows} images, "
            f"{found.embeddings} embeddings"
        )
        count = len(found.problems)
        verdict = f"{count} problem{'s' * (count > 1)}" if count else "all well"
        say(f"{counts}: {verdict}")
    return FAILED if found.problems else 0
