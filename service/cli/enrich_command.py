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
    from indexer.progress import Progress
    from indexer.shop.folder import ShopFolder
    from search.recognition.picture_suggestions import PictureEvidence

_SHOWN = 20  # items


@click.command("enrich")
@click.argument("catalog", required=False, type=click.Path(path_type=Path))
@click.option(
    "--shop", type=click.Path(path_type=Path), help="A shop: store the suggestions in it."
)
@click.option(
    "--accept-above",
    type=click.FloatRange(0, 1),
    metavar="P",
    help="Accept values of missing attributes from this confidence on.",
)
@click.option(
    "--pictures/--no-pictures",
    default=True,
    help="Whether the pictures of the shop are judged too, in some hundredths of a second each.",
)
@click.option(
    "--meaning",
    is_flag=True,
    help="Read colors that no list has by what their names mean; needs the extra words.",
)
@json_option
def command(
    catalog: Path | None,
    shop: Path | None,
    accept_above: float | None,
    pictures: bool,
    meaning: bool,
    as_json: bool,
) -> None:
    """Suggest attributes of the items of CATALOG or of a shop from their texts and pictures.

    Each comes with the words it was read from. The catalog stays as it is: suggestions are
    stored beside the items, and only with --shop. Accepted values can be filtered by at once, as
    suggested.NAME, also in a running service. With --json, a line for each item.
    """
    from indexer.enrichment.suggesting import items_of, suggest_all
    from indexer.shop.folder import ShopFolder
    from indexer.words.sentences import UniversalSentenceEncoder
    from service.enriching import store_suggestions

    if (catalog is None) == (shop is None):
        raise click.UsageError("give either CATALOG or --shop")
    encoder = UniversalSentenceEncoder() if meaning else None
    folder = None
    if shop is not None:
        folder = ShopFolder(shop)
        folder.current()
        items = items_of(folder.store)
    else:
        assert catalog is not None
        items = _items(catalog)
    with stage_bar({"pictures": "pictures", "enrich": "items"}) as progress:
        evidence = _evidence(folder, progress) if folder is not None and pictures else None
        found = list(suggest_all(items, accept_above, progress, pictures=evidence, encoder=encoder))
    if folder is not None:
        store_suggestions(folder, found)
    _print(found, len(items), as_json)


def _evidence(folder: ShopFolder, progress: Progress) -> PictureEvidence:
    """Judge the pictures of a shop with the encoder of the generation that serves."""
    from indexer.shop.encoderfiles import open_encoder
    from indexer.shop.shelf import Shelf
    from indexer.store.store import Store
    from search.recognition.picture_suggestions import PictureEvidence

    shelf = Shelf.read(folder)
    manifest = shelf.first_readable(shelf.serving_order()).manifest
    encoder = open_encoder(folder, manifest.model)
    with Store(folder.store) as store:
        return PictureEvidence.read(store, encoder, progress)


def _items(catalog: Path) -> list[Item]:
    """Read the items of a catalog, and report the rows that cannot be read."""
    from indexer.catalog.sources import Entry, open_catalog
    from indexer.items import Remark, Skipped

    items: list[Item] = []
    unread = 0
    for entry in open_catalog(catalog):
        if isinstance(entry, Entry):
            items.append(entry.item)
        elif isinstance(entry, Skipped) and not (isinstance(entry, Remark) or entry.image):
            unread += 1
            if unread <= _SHOWN:
                note(printable(f"{entry.where}: {entry.reason}"))
    if unread > _SHOWN:
        note(f"and {unread - _SHOWN} rows more that cannot be read")
    return items


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
