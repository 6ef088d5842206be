"""``vitrine enrich``."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from service.cli.console import json_option, stage_bar
from service.cli.terminal import note, printable, printable_json, say

if TYPE_CHECKING:
    from indexer.enrichment.suggestionlog import ItemSuggestions
    from indexer.items import Item

_SHOWN = 20  # items


@click.command("enrich")
@click.argument("catalog", required=False, type=click.Path(path_type=Path))
@click.option("--shop", type=click.Path(path_type=Path), help="Store the suggestions in this shop.")
@click.option(
    "--accept-above",
    type=click.FloatRange(0, 1),
    metavar="P",
    help="Accept values of missing attributes from this confidence on.",
)
@json_option
def command(
    catalog: Path | None, shop: Path | None, accept_above: float | None, as_json: bool
) -> None:
    """Suggest attributes of the items of CATALOG or of a shop from their titles and descriptions.

    Each suggestion comes with the words it was read from. The catalog does not change: suggestions
    are stored beside the items, and only with --shop. With --json, a line for each item.
    """
    from indexer.enrichment.suggestionlog import SuggestionLog, items_of, suggest_all
    from indexer.shop.folder import ShopFolder

    if (catalog is None) == (shop is None):
        raise click.UsageError("give either CATALOG or --shop")
    folder = None
    if shop is not None:
        folder = ShopFolder(shop)
        folder.current()
        items = items_of(folder.store)
    else:
        assert catalog is not None
        items = _items(catalog)
    with stage_bar({"enrich": "items"}) as progress:
        found = list(suggest_all(items, accept_above, progress))
    if folder is not None:
        with SuggestionLog(folder.path, create=True) as log:
            log.replace(found)
    _print(found, len(items), as_json)


def _items(catalog: Path) -> list[Item]:
    from indexer.catalog.sources import Entry, open_catalog

    return [entry.item for entry in open_catalog(catalog) if isinstance(entry, Entry)]


def _print(found: list[ItemSuggestions], items: int, as_json: bool) -> None:
    if as_json:
        for item in found:
            line = msgspec.json.encode(item).decode()
            sys.stdout.write(printable_json(line) + "\n")
        return
    for item in found[:_SHOWN]:
        values = ", ".join(
            f"{part.suggestion.attribute} {part.suggestion.value} "
            f"{part.suggestion.confidence:.0%}{' accepted' if part.accepted else ''}"
            for part in item.suggestions
        )
        say(printable(f"{item.item_id}  {values}"))
    if len(found) > _SHOWN:
        note(f"and {len(found) - _SHOWN} items more; --json lists all")
    counts = Counter(part.suggestion.attribute for item in found for part in item.suggestions)
    accepted = sum(part.accepted for item in found for part in item.suggestions)
    texts = ", ".join(f"{count} {name}" for name, count in counts.most_common()) or "nothing"
    say(f"suggested for {len(found)} of {items} items: {texts}; {accepted} accepted")
