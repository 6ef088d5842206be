"""``vitrine eval``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.console import count_bar, json_option, print_json, print_table, shop_option
from service.cli.terminal import note, printable, say
from service.cli.threads_option import threads_option

if TYPE_CHECKING:
    from search.engine import SearchEngine
    from search.quality.evaluate import Evaluation, Slice
    from search.quality.reliability import Reliability

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
@click.option(
    "--unsold",
    type=click.Path(path_type=Path),
    help="Folder of photos of things the shop does not sell: is that noticed?",
)
@threads_option
@json_option
def command(
    shop: Path, queries: Path, sheet: Path | None, unsold: Path | None, as_json: bool
) -> None:
    """Measure how often photos with a known answer find it, with 95 % intervals.

    Also whether confidences mean what they say, and what answering only the surest would give.
    """
    from search.engine import SearchEngine
    from search.quality.evaluate import evaluate, read_truths

    truths = read_truths(queries)
    strange = _pictures(unsold) if unsold else []
    with SearchEngine.open(shop) as engine:
        with count_bar("queries") as progress:
            result = evaluate(engine, truths, unsold=strange, progress=progress)
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
                "reliability": result.reliability,
                "unsold": result.unsold,
                "skipped": result.skipped,
            }
        )
    else:
        _print_report(result)


def _print_report(result: Evaluation) -> None:
    from rich.table import Table
    from rich.text import Text

    from search.quality.evaluate import NAMES

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("")
    table.add_column("queries", justify="right")
    for name in NAMES:
        table.add_column(name, justify="right")
    slices: list[tuple[str, Evaluation | Slice]] = [("all", result), *result.per_category.items()]
    for label, slice_ in slices:
        cells = [str(slice_.queries)]
        for name in NAMES:
            figure = slice_.figures[name]
            cells.append(f"{figure.value:.3f} [dim]({figure.low:.2f}-{figure.high:.2f})[/dim]")
        table.add_row(Text(printable(label)), *cells, end_section=slice_ is result)
    print_table(table)
    if result.reliability is not None:
        _print_reliability(result.reliability)
    if result.unsold is not None:
        strange = result.unsold
        say(
            f"{strange.photos} photos of things not sold: AUROC {strange.auroc:.3f}; no close "
            f"match said of {strange.refused:.0%} of them, of {strange.refused_wrongly:.0%} of the "
            "queries"
        )
    note(f"encoder {result.encoder}, generation {result.generation}; 95 % bootstrap intervals")
    if result.skipped:
        first = result.skipped[0]
        note(f"{len(result.skipped)} queries skipped, such as {first.image}: {first.reason}")


def _print_reliability(reliability: Reliability) -> None:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("confidence", "queries", "said", "right"):
        table.add_column(name, justify="right")
    for bin_ in reliability.bins:
        table.add_row(
            f"{bin_.low:.1f}-{bin_.high:.1f}",
            str(bin_.queries),
            f"{bin_.confidence:.2f}",
            f"{bin_.right:.2f}",
        )
    print_table(table)
    say(f"calibration error {reliability.calibration_error:.3f} (first hits, by product)")
    curve = ", ".join(f"{cut.answered:.0%}: {cut.precision:.2f}" for cut in reliability.curve)
    say(f"precision when only the surest are answered: {curve}")
    reached = "none" if reliability.at_90 is None else f"{reliability.at_90.answered:.0%}"
    say(
        f"at 90 % precision {reached} can be answered; {reliability.possible:.0%} would be possible"
    )


def _pictures(folder: Path) -> list[Path]:
    """Return the files of a folder, in order. BadCatalog when there is none."""
    from indexer.errors import BadCatalog

    try:
        files = sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise BadCatalog(f"cannot read {folder}: {error.strerror or error}") from error
    if not files:
        raise BadCatalog(f"{folder} holds no photos of things not sold")
    return files


def _draw(engine: SearchEngine, result: Evaluation, path: Path) -> None:
    """Draw wrong answers first, which are what a sheet is opened for; then right ones."""
    from service.cli.contact_sheet import save_sheet, sheet_row

    wrong = [judged for judged in result.judged if not judged.right or not judged.right[0]]
    fine = [judged for judged in result.judged if judged.right and judged.right[0]]
    half = _SHEET_ROWS // 2
    chosen = [*wrong[:: max(1, len(wrong) // half)][:half]]
    rest = _SHEET_ROWS - len(chosen)
    chosen += fine[:: max(1, len(fine) // rest)][:rest]
    rows = [
        sheet_row(engine, Path(judged.image), judged.answer, judged.hits, right=judged.right)
        for judged in chosen
    ]
    save_sheet(path, rows)
    note(
        f"wrote {path}: {len(rows)} of {result.queries} queries, wrong first hits before right ones"
    )
