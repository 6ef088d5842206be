"""``vitrine classify``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from indexer.errors import BadImage
from service.cli.console import json_option, print_json, print_table, shop_option
from service.cli.terminal import note, printable, say
from service.cli.threads_option import threads_option
from service.exitcodes import exit_code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from search.engine import SearchEngine
    from search.recognition.classification import Classification, Label


@click.command("classify")
@click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path))
@shop_option
@click.option(
    "--min-confidence",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Leave out categories and values that are less sure.",
)
@threads_option
@json_option
def command(photos: tuple[Path, ...], shop: Path, min_confidence: float, as_json: bool) -> int:
    """Name the category, the attributes and the colors of each of the PHOTOS.

    The categories and attributes are those of the shop's catalog; they are learned from it.
    """
    from search.engine import SearchEngine

    status = 0
    results: list[dict[str, Any]] = []
    with SearchEngine.open(shop) as engine:
        for photo in photos:
            try:
                found = engine.classify(photo, min_confidence)
            except BadImage as error:
                status = exit_code(error)
                results.append({"photo": str(photo), "error": str(error)})
                note(f"vitrine: {photo}: {error}")
                continue
            results.append(_result(photo, found))
            if not as_json:
                _print_report(photo, found)
        if not as_json:
            _print_source(engine)
    if as_json:
        print_json(results)
    return status


def _result(photo: Path, found: Classification) -> dict[str, Any]:
    result = {
        "photo": str(photo),
        "categories": found.categories,
        "attributes": found.attributes,
        "colors": found.colors,
    }
    return {**result, "note": found.note} if found.note else result


def _print_report(photo: Path, found: Classification) -> None:
    from rich.table import Table
    from rich.text import Text

    say(str(photo))
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2))
    rows = [
        ("category", _texts(found.categories) or "not sure"),
        *((name, _texts(labels)) for name, labels in found.attributes.items()),
        ("measured", ", ".join(f"{color.name} {color.share:.0%}" for color in found.colors)),
    ]
    for name, text in rows:
        table.add_row(Text(printable(f"  {name}")), Text(printable(text)))
    print_table(table)


def _texts(labels: Sequence[Label]) -> str:
    return ", ".join(f"{label.name} {label.confidence:.0%}" for label in labels)


def _print_source(engine: SearchEngine) -> None:
    classifier = engine.classifier.classifier
    names = ", ".join(fitted.field.name for fitted in classifier.fields)
    learned = f"learned from the shop: {names}" if names else classifier.note
    note(f"{learned} (generation {engine.generation}, {engine.encoder.id})")
