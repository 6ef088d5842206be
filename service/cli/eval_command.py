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
    help="Draw queries and hits into a picture file, right and wrong hits marked.",
)
@click.option(
    "--unsold",
    type=click.Path(path_type=Path),
    help="Folder with photos of things that the shop does not sell, to measure no_close_match.",
)
@threads_option
@json_option
def command(
    shop: Path, queries: Path, sheet: Path | None, unsold: Path | None, as_json: bool
) -> None:
    """Measure how often photos find the right item, with 95 % intervals.

    Also measures how well the confidences are calibrated, and the precision that a threshold on
    the confidence would give.
    """
    from search.engine import SearchEngine
    from search.quality.evaluate import evaluate, read_truths

    truths = read_truths(queries)
    unsold_photos = _files(unsold) if unsold else []
    with SearchEngine.open(shop) as engine:
        with count_bar("queries") as progress:
            result = evaluate(engine, truths, unsold=unsold_photos, progress=progress)
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
        unsold = result.unsold
        say(
            f"{unsold.photos} photos of things not sold: AUROC {unsold.auroc:.3f}; no_close_match "
            f"for {unsold.refused:.0%} of them and for {unsold.refused_wrongly:.0%} of the queries"
        )
    note(f"encoder {result.encoder}, generation {result.generation}; 95 % bootstrap intervals")
    if result.skipped:
        first = result.skipped[0]
        note(f"{len(result.skipped)} queries skipped, such as {first.image}: {first.reason}")


def _print_reliability(reliability: Reliability) -> None:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("confidence", "queries", "predicted", "right"):
        table.add_column(name, justify="right")
    for interval in reliability.bins:
        table.add_row(
            f"{interval.low:.1f}-{interval.high:.1f}",
            str(interval.queries),
            f"{interval.confidence:.2f}",
            f"{interval.right:.2f}",
        )
    print_table(table)
    say(f"calibration error {reliability.calibration_error:.3f} (first hits, by product)")
    curve = ", ".join(f"{cut.answered:.0%}: {cut.precision:.2f}" for cut in reliability.curve)
    say(f"precision if only the most confident queries are answered: {curve}")
    answered = "0%" if reliability.at_90 is None else f"{reliability.at_90.answered:.0%}"
    say(
        f"at 90 % precision, {answered} of the queries can be answered; a perfect confidence would "
        f"allow {reliability.possible:.0%}"
    )


def _files(folder: Path) -> list[Path]:
    """Return the files of a folder, in order. Raises BadCatalog if it has none."""
    from indexer.errors import BadCatalog

    try:
        files = sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise BadCatalog(f"cannot read {folder}: {error.strerror or error}") from error
    if not files:
        raise BadCatalog(f"{folder} has no files; --unsold expects a folder with photos")
    return files


def _draw(engine: SearchEngine, result: Evaluation, path: Path) -> None:
    """Draw some wrong answers first, then right ones."""
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
