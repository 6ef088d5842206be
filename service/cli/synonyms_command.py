"""``vitrine synonyms``."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli.console import json_option, print_json, shop_option
from service.cli.terminal import note, printable, say


@click.command("synonyms")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@shop_option
@click.option("--remove", is_flag=True, help="Remove all synonyms of the shop.")
@json_option
def command(file: Path | None, shop: Path, remove: bool, as_json: bool) -> None:
    """List the synonyms of a shop, or replace them by those of FILE.

    A line of FILE is "sofa, couch, settee" (all find each other) or "trainers => sneakers" (only
    from left to right). # begins a comment. Searches use them at once, also in a running service.
    """
    from indexer.shop.folder import ShopFolder
    from indexer.store.store import Store
    from indexer.words.synonyms import SYNONYMS, Synonyms

    if file is not None and remove:
        raise click.UsageError("give FILE or --remove, not both")
    with Store(ShopFolder(shop).store) as store:
        if file is not None or remove:
            text = "" if file is None else _read(file)
            with store.write() as writer:
                writer.put_meta(SYNONYMS, text)
        with store.read() as reader:
            synonyms = Synonyms.parse(reader.meta(SYNONYMS, ""))
    if as_json:
        lines = [{"typed": line.typed, "found": line.found} for line in synonyms.lines]
        print_json({"synonyms": lines})
        return
    for line in synonyms.lines:
        left = ", ".join(line.typed)
        say(printable(left if line.typed == line.found else f"{left} => {', '.join(line.found)}"))
    note(f"{len(synonyms)} lines of synonyms")


def _read(file: Path) -> str:
    """Read the lines of a file. Raises BadCatalog if they are not synonyms in UTF-8."""
    from indexer.errors import BadCatalog
    from indexer.regularfile import open_regular
    from indexer.words.synonyms import MAX_BYTES, Synonyms

    try:
        with open_regular(file) as opened:
            text = opened.read(MAX_BYTES + 1).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadCatalog(f"{file} cannot be read as UTF-8 text: {error}") from error
    Synonyms.parse(text, str(file)).check_size(str(file))
    return text
