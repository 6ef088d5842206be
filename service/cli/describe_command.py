"""``vitrine describe``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from indexer.errors import UnknownItem
from service.cli.console import json_option, shop_option, stage_bar
from service.cli.draft_options import LANGUAGES, TONES, language_model, llm_option, model_option
from service.cli.terminal import note, printable, printable_json, say

if TYPE_CHECKING:
    from indexer.drafting.draft import Draft
    from indexer.drafting.planfile import Tone
    from indexer.enrichment.language import Language
    from indexer.items import Item

_SHOWN = 9  # words that no fact supports


@click.command("describe")
@shop_option
@click.option("--item", "items", metavar="ID", multiple=True, help="An item; may be repeated.")
@click.option("--tone", type=TONES, default="plain", show_default=True)
@click.option(
    "--length",
    type=click.IntRange(0, 500),
    default=0,
    metavar="N",
    help="Most words, or characters in Chinese. Default: 40 words, 80 characters.",
)
@click.option("--language", type=LANGUAGES, default="en", show_default=True)
@click.option("--seed", type=click.IntRange(0, 2**32), default=0, show_default=True)
@llm_option
@model_option
@json_option
def command(
    shop: Path,
    items: tuple[str, ...],
    tone: Tone,
    length: int,
    language: Language,
    seed: int,
    llm: str | None,
    model: str | None,
    as_json: bool,
) -> None:
    """Draft texts of all items, or of some, from their own facts.

    A draft contains no number, color, material or other claim that is not in the shop's own fields.
    Nothing is stored. With --json, prints a line for each item: the text, its sentences, and the
    facts in each sentence.
    """
    from indexer.drafting.draft import write_draft
    from indexer.drafting.languagemodel import draft_with

    written_by = language_model(llm, model)
    chosen = _items(shop, items)
    with stage_bar({"draft": "drafts"}) as progress:
        for number, item in enumerate(chosen, 1):
            if written_by is None:
                draft = write_draft(item, language, tone, length, seed)
            else:
                draft = draft_with(written_by, item, language, tone, length, seed)
            _print(draft, as_json)
            progress("draft", number, len(chosen))


def _items(shop: Path, ids: tuple[str, ...]) -> list[Item]:
    from indexer.enrichment.suggesting import items_of
    from indexer.shop.folder import ShopFolder

    folder = ShopFolder(shop)
    folder.current()
    found = items_of(folder.store)
    if not ids:
        return found
    known = {item.item_id: item for item in found}
    for item_id in ids:
        if item_id not in known:
            raise UnknownItem(f"no item {item_id[:80]!r} in {shop}", param="item")
    return [known[item_id] for item_id in ids]


def _print(draft: Draft, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(printable_json(msgspec.json.encode(draft).decode()) + "\n")
        return
    say(printable(f"{draft.item_id}  {draft.text or '(no draft: only its name is known)'}"))
    for refusal in draft.refused:
        words = sorted({part.text for sentence in refusal.sentences for part in sentence.problems})
        note(printable(f"  refused a text: {refusal.reason}: {', '.join(words[:_SHOWN])}"))
