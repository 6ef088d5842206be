"""``vitrine train-encoder``."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.errors import EncoderNotFound
from service.cli.console import (
    human_seconds,
    json_option,
    print_json,
    print_table,
    shop_option,
    stage_bar,
)
from service.cli.onnx_out import check_onnx_out
from service.cli.terminal import note, say
from service.cli.threads_option import threads_option
from service.exitcodes import FAILED

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from indexer.training.adapted import Adapted
    from indexer.training.dataset import Dataset
    from search.quality.metrics import Estimate

_FIGURES = ("recall@1", "recall@5")


@click.command("train-encoder")
@shop_option
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="The .onnx file to write."
)
@click.option(
    "--pairs",
    type=click.Path(path_type=Path),
    help="CSV with the columns image and item_id: photos of shoppers, and the items they show.",
)
@click.option(
    "--from",
    "start",
    type=click.Path(path_type=Path),
    help="Weights to start from: an .onnx file of this command. Default: the bundled ones.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(0, min_open=True),
    default=20.0,
    show_default=True,
    help="Longest time to train.",
)
@click.option(
    "--steps",
    type=click.IntRange(1),
    default=1500,
    show_default=True,
    help="Most training steps; stops early if there is no more improvement.",
)
@click.option(
    "--quick",
    is_flag=True,
    help="Only fit a linear map in closed form, in seconds and without torch.",
)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@threads_option
@json_option
def command(
    shop: Path,
    out: Path,
    pairs: Path | None,
    start: Path | None,
    minutes: float,
    steps: int,
    quick: bool,
    force: bool,
    as_json: bool,
) -> int:
    """Adapt the bundled encoder to the pictures of a shop, and to photos of its shoppers.

    First fits a linear map in closed form, in seconds, then fine-tunes. Some pictures are held out
    as a test. If the new weights do not answer more of these than the old ones, nothing is
    written, and the exit status is 1. Use the file with 'vitrine migrate --encoder onnx:FILE'.
    """
    check_onnx_out(out, force, out.with_suffix(".json"))
    _check_packages(("onnx",) if quick else ("torch", "onnx"))
    from indexer.encoders.bundled import newest_file
    from indexer.encoders.onnxfile import read_encoder_settings
    from indexer.shop.folder import ShopFolder
    from indexer.store.store import Store
    from indexer.training.dataset import read_dataset, read_pairs

    photos = read_pairs(pairs) if pairs else []
    folder = ShopFolder(shop)
    begin = start or newest_file()
    with stage_bar({"read": "pictures", "train": "training"}) as show:
        with Store(folder.store) as store:
            dataset = read_dataset(
                store,
                photos,
                trim=read_encoder_settings(begin).trim,
                progress=lambda done, total: show("read", done, total, 0),
            )
        done = _train(
            begin,
            dataset,
            out,
            None if quick else (minutes, steps),
            lambda at: show("train", at, 1000, 0),
        )
    figures = {
        when: {name: _estimate(outcomes[:, at]) for at, name in enumerate(_FIGURES)}
        for when, outcomes in (("before", done.before), ("after", done.after))
    }
    if as_json:
        print_json(
            {
                **figures,
                "questions": len(done.before),
                "how": dataset.task,
                "written": str(out) if done.written else None,
                "steps": done.steps,
                "seconds": round(done.seconds, 1),
                "mix": done.mix,
                "skipped": dataset.skipped,
                "notes": dataset.notes,
            }
        )
    else:
        _print_report(dataset, done, figures, out)
    if not done.written:
        note(
            f"nothing was written: of {len(done.before)} held-out queries, "
            f"{int(done.before[:, 0].sum())} were answered before and "
            f"{int(done.after[:, 0].sum())} after; at least two more are needed"
        )
    return 0 if done.written else FAILED


def _train(
    begin: Path,
    dataset: Dataset,
    out: Path,
    params: tuple[float, int] | None,
    report: Callable[[int], None],
) -> Adapted:
    """Fit a linear map, then fine-tune for ``params`` (minutes, steps), unless that is None."""
    from indexer.training.closed_form import adapt_head

    first = adapt_head(begin, dataset, out)
    if params is None:
        return first
    # Imported late, because torch takes seconds to import and the input may be invalid.
    import indexer.training.adapt as training

    minutes, steps = params
    second = training.adapt(
        out if first.written else begin,
        dataset,
        out,
        training.AdaptHyperparameters(minutes=minutes, steps=steps, workers=_workers()),
        name=f"{begin.stem}, adapted",
        report=lambda at, _total, _share: report(at),
    )
    if second.written or not first.written:
        return replace(second, before=first.before)
    return replace(first, steps=second.steps, seconds=first.seconds + second.seconds)


def _workers() -> int:
    """Return how many threads train: two, or fewer if the operator limits threads."""
    from indexer.threads import THREADS

    return min(2, THREADS.limit or 2)


def _check_packages(names: tuple[str, ...]) -> None:
    """Raise EncoderNotFound if a package is missing, before minutes of reading."""
    for name in names:
        if find_spec(name) is None:
            raise EncoderNotFound(
                f"training needs the package {name}: pip install 'vitrine[train]'"
            )


def _estimate(outcomes: NDArray[np.float64]) -> Estimate:
    from search.quality.metrics import estimate

    return estimate(outcomes)


def _print_report(
    dataset: Dataset, done: Adapted, figures: dict[str, dict[str, Estimate]], out: Path
) -> None:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("", *_FIGURES):
        table.add_column(name, justify="left" if not name else "right")
    for when, values in figures.items():
        cells = (
            f"{figure.value:.3f} [dim]({figure.low:.2f}-{figure.high:.2f})[/dim]"
            for figure in values.values()
        )
        table.add_row(when, *cells)
    print_table(table)
    learned = int((~dataset.held_out).sum())
    note(f"{len(done.before)} queries: {dataset.task}; trained on {learned} pictures")
    if not done.steps:
        note(f"fitted a linear map of the vectors in {human_seconds(done.seconds)}")
    else:
        took = human_seconds(done.seconds)
        note(f"{done.steps} steps in {took}; {done.mix:.0%} of the new weights")
    for remark in dataset.notes:
        note(remark)
    if dataset.skipped:
        first = dataset.skipped[0]
        note(f"{len(dataset.skipped)} pictures skipped, such as {first.image}: {first.reason}")
    if done.written:
        say(f"wrote {out}; use it with --encoder onnx:{out}")
