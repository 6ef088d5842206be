"""``vitrine eval``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.console import (
    count_bar,
    json_option,
    note,
    print_json,
    print_table,
    shop_option,
)

if TYPE_CHECKING:
    from search.engine import SearchEngine
    from search.evaluate import Evaluation, Slice

_SHEET_ROWS = 40


@click.command("eval")
@shop_option
@click.option(
    "--queries",
    required=True,
    type=click.Path(path_type=Path),
    help="CSV with the columns image and item_id (or category).",
)
@click.option(
    "--sheet",
    type=click.Path(path_type=Path),
    help="Draw queries and hits, right and wrong marked, into a picture.",
)
@json_option
def command(shop: Path, queries: Path, sheet: Path | None, as_json: bool) -> None:
    """Measure how often photos with a known answer find it, with 95 % intervals."""
    from search.engine import SearchEngine
    from search.evaluate import evaluate, read_truths

    truths = read_truths(queries)
    with SearchEngine.open(shop) as engine:
        with count_bar("queries") as progress:
            result = evaluate(engine, truths, progress=progress)
        if sheet is not None:
            _draw(engine, result, sheet)
    if as_json:
        print_json(
            {
                **result.figures,
                "queries": result.queries,
                "encoder": result.encoder,
                "generation": result.generation,
                "per_category": {
                    name: {"queries": slice_.queries, **slice_.figures}
                    for name, slice_ in result.per_category.items()
                },
                "skipped": result.skipped,
            }
        )
    else:
        _tell(result)


def _tell(result: Evaluation) -> None:
    from rich.table import Table

    from search.evaluate import NAMES

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("")
    table.add_column("queries", justify="right")
    for name in NAMES:
        table.add_column(name, justify="right")
    slices: dict[str, Evaluation | Slice] = {"all": result, **result.per_category}
    for label, slice_ in slices.items():
        cells = [str(slice_.queries)]
        for name in NAMES:
            one = slice_.figures[name]
            cells.append(f"{one.value:.3f} [dim]({one.low:.2f}-{one.high:.2f})[/dim]")
        table.add_row(label, *cells, end_section=label == "all")
    print_table(table)
    note(f"encoder {result.encoder}, generation {result.generation}; 95 % bootstrap intervals")
    if result.skipped:
        first = result.skipped[0]
        note(f"{len(result.skipped)} queries skipped, such as {first.image}: {first.reason}")


def _draw(engine: SearchEngine, result: Evaluation, path: Path) -> None:
    """Wrong answers first: they are what one opens a sheet for; then right ones."""
    from service.cli.sheet import save_sheet, sheet_row

    wrong = [one for one in result.judged if not one.right or not one.right[0]]
    fine = [one for one in result.judged if one.right and one.right[0]]
    half = _SHEET_ROWS // 2
    chosen = [*wrong[:: max(1, len(wrong) // half)][:half]]
    rest = _SHEET_ROWS - len(chosen)
    chosen += fine[:: max(1, len(fine) // rest)][:rest]
    rows = [
        sheet_row(engine, Path(one.image), one.answer, one.hits, right=one.right) for one in chosen
    ]
    save_sheet(path, rows)
    note(
        f"wrote {path}: {len(rows)} of {result.queries} queries, wrong first hits before right ones"
    )
