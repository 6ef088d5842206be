"""``vitrine compare``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from indexer.errors import IndexNotFound
from service.cli.console import count_bar, json_option, print_json, print_table, shop_option
from service.cli.terminal import note
from service.cli.threads_option import threads_option

if TYPE_CHECKING:
    from indexer.shop.folder import ShopFolder
    from search.engine import SearchEngine
    from search.quality.compare import Comparison, Pair
    from search.quality.metrics import Estimate
    from service.cli.contact_sheet import SheetCell

_SHEET_PAIRS = 20


@click.command("compare")
@click.argument("first", required=False)
@click.argument("second", required=False)
@shop_option
@click.option(
    "--queries",
    type=click.Path(path_type=Path),
    help="CSV with the columns image and item_id (or category). Default: items of the shop.",
)
@click.option(
    "--sheet",
    type=click.Path(path_type=Path),
    help="Draw the most different answers into a picture file.",
)
@threads_option
@json_option
def command(
    first: str | None,
    second: str | None,
    shop: Path,
    queries: Path | None,
    sheet: Path | None,
    as_json: bool,
) -> None:
    """Compare the answers of the generations FIRST and SECOND to the same queries.

    By default, FIRST is the serving generation and SECOND the newest candidate.
    """
    from indexer.shop.folder import ShopFolder
    from search.engine import SearchEngine
    from search.quality.compare import compare
    from search.quality.evaluate import read_truths
    from service.lastreports import keep_report

    folder = ShopFolder(shop)
    names = (first or folder.current(), second or _candidate(folder))
    truths = read_truths(queries) if queries else []
    with (
        SearchEngine.open(shop, generation=names[0]) as engine,
        SearchEngine.open(shop, generation=names[1]) as challenger,
    ):
        with count_bar("queries") as progress:
            result = compare(engine, challenger, truths, progress=progress)
        if sheet is not None:
            _draw(engine, result, sheet)
    fields = msgspec.structs.asdict(result)
    del fields["pairs"]
    keep_report(shop, "compare", fields)
    if as_json:
        print_json(fields)
    else:
        _print_report(result)


def _candidate(folder: ShopFolder) -> str:
    from indexer.shop.shelf import Shelf

    candidates = Shelf.read(folder).candidates()
    if candidates:
        return candidates[-1].name
    raise IndexNotFound(
        f"{folder.path} has no candidate; create one with 'vitrine migrate --shop {folder.path} "
        "--encoder ID', or name two generations"
    )


def _print_report(result: Comparison) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("")
    for side in (result.first, result.second):
        table.add_column(Text(f"{side.generation}\n{side.encoder}"), justify="right")
    table.add_column("gain", justify="right")
    for name in result.first.figures:
        gain = result.gain.get(name)
        table.add_row(
            name,
            _figure(result.first.figures[name]),
            _figure(result.second.figures[name]),
            _gain(gain) if gain else "",
        )
    for name in ("p50_ms", "p95_ms"):
        low, high = (getattr(side, name) for side in (result.first, result.second))
        table.add_row(f"{name[:3]} of a photo", f"{low:.1f} ms", f"{high:.1f} ms", "")
    print_table(table)
    kind = "photos" if result.gain else "items"
    note(
        f"{result.queries} {kind}: {_figure(result.overlap)} of the first ten hits are the same, "
        f"{_figure(result.same_first)} begin with the same; 95 % bootstrap intervals"
    )
    if result.skipped:
        skipped = result.skipped[0]
        note(
            f"{len(result.skipped)} queries skipped, such as {skipped.image or skipped.item_id}: "
            f"{skipped.reason}"
        )


def _figure(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} ({estimate.low:.2f} to {estimate.high:.2f})"


def _gain(estimate: Estimate) -> str:
    color = "green" if estimate.low > 0 else "red" if estimate.high < 0 else ""
    text = f"{estimate.value:+.3f} ({estimate.low:+.2f} to {estimate.high:+.2f})"
    return f"[{color}]{text}[/]" if color else text


def _draw(engine: SearchEngine, result: Comparison, path: Path) -> None:
    """Draw a row for each generation and query, the queries with the smallest overlap first."""
    from service.cli.contact_sheet import save_sheet

    chosen = sorted(result.pairs, key=lambda pair: pair.overlap)[:_SHEET_PAIRS]
    rows = []
    for pair in chosen:
        rows.append(_row(engine, pair, result.first.generation, first=True))
        rows.append(_row(engine, pair, result.second.generation, first=False))
    save_sheet(path, rows)
    note(f"wrote {path}: {len(chosen)} of {result.queries} queries, most different first")


def _row(engine: SearchEngine, pair: Pair, generation: str, *, first: bool) -> list[SheetCell]:
    from service.cli.contact_sheet import cell_of, sheet_row

    hits = pair.first if first else pair.second
    right = pair.first_right if first else pair.second_right
    photo = None if pair.is_item else Path(pair.photo)
    query, *cells = sheet_row(engine, photo, pair.answer or pair.photo, hits, right=right)
    if pair.is_item:
        query = cell_of(engine.thumbnail(pair.photo), pair.photo)
    return [query._replace(note=generation), *cells]
