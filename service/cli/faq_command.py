"""``vitrine faq``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.console import (
    json_option,
    map_option,
    parse_single_mapping,
    print_json,
    shop_option,
)
from service.cli.terminal import note, printable, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.enrichment.faqlog import FaqEntry, StoredEntry

_SHOWN = 10  # refused rows


@click.group("faq")
def command() -> None:
    """Store and list the questions and answers of a shop, and its policies."""


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@shop_option
@map_option
@click.option("--replace", is_flag=True, help="Remove all other entries.")
@click.option(
    "--meaning/--no-meaning",
    default=True,
    help="Whether to find questions by their meaning; needs the extra words. Default: yes, "
    "if it is installed.",
)
@json_option
def import_faq(
    file: Path, shop: Path, mapping: tuple[str, ...], replace: bool, meaning: bool, as_json: bool
) -> None:
    """Store the questions and answers of FILE, a table or a text with headings (.md).

    An entry replaces the stored entry with the same question.
    """
    from indexer.enrichment.faqfile import read_faq
    from indexer.enrichment.faqlog import FaqLog
    from indexer.enrichment.reviewfile import SkippedRow
    from indexer.shop.folder import ShopFolder

    folder = ShopFolder(shop)
    folder.current()
    rows = list(read_faq(file, parse_single_mapping(mapping)))
    refused = [row for row in rows if isinstance(row, SkippedRow)]
    entries = [row for row in rows if not isinstance(row, SkippedRow)]
    with FaqLog(folder.path, create=True) as log:
        count = log.put(_stored(entries, meaning=meaning), replace=replace)
    if as_json:
        listed = [{"where": row.where, "reason": row.reason} for row in refused]
        print_json({"stored": len(entries), "entries": count, "refused": listed})
        return
    stored = "1 entry" if len(entries) == 1 else f"{len(entries)} entries"
    left_out = "1 row" if len(refused) == 1 else f"{len(refused)} rows"
    say(f"{stored} stored, {count} in all, {left_out} refused")
    for row in refused[:_SHOWN]:
        note(printable(f"{row.where}: {row.reason}"))


@command.command("list")
@shop_option
@json_option
def list_faq(shop: Path, as_json: bool) -> None:
    """List the questions and answers of a shop."""
    from indexer.enrichment.faqlog import open_if_exists
    from indexer.shop.folder import ShopFolder

    folder = ShopFolder(shop)
    folder.current()
    log = open_if_exists(folder.path)
    found = []
    if log is not None:
        with log:
            found = [stored.entry for stored in log.entries()]
    if as_json:
        print_json(found)
        return
    for entry in found:
        say(printable(f"{entry.question}\n    {entry.answer}"))
    say(f"{len(found)} entries")


def _stored(entries: Sequence[FaqEntry], *, meaning: bool) -> list[StoredEntry]:
    """Return the entries, with vectors if the extra is installed."""
    import numpy as np

    from indexer.enrichment.faqlog import StoredEntry
    from search.asking.opening import installed_encoder

    encoder = installed_encoder() if meaning else None
    if encoder is None:
        return [StoredEntry(entry=entry) for entry in entries]
    questions = encoder.encode([entry.question for entry in entries])
    whole = encoder.encode([f"{entry.question} {entry.answer}" for entry in entries])
    vectors = np.stack([questions, whole], axis=1).astype("float16")  # (entries, 2, DIM)
    return [
        StoredEntry(entry=entry, model=encoder.model, vector=vector.tobytes())
        for entry, vector in zip(entries, vectors, strict=True)
    ]
