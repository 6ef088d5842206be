"""``vitrine reviews``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from service.cli.console import (
    json_option,
    map_option,
    parse_single_mapping,
    print_json,
    shop_option,
    stage_bar,
)
from service.cli.draft_options import LANGUAGES
from service.cli.terminal import note, printable, printable_json, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexer.enrichment.imports import ReviewImport
    from indexer.enrichment.score import ReviewScorer, ScoredReview
    from indexer.enrichment.sentiment import SentimentModel

_SHOWN = 10  # bad rows
_AT_ONCE = 500  # reviews
_file = click.argument("file", type=click.Path(path_type=Path))
_text_option = click.option(
    "--text",
    "columns",
    multiple=True,
    required=True,
    metavar="COLUMN",
    help="The column of the text; repeat it to join several, such as title and text.",
)


@click.group("reviews")
def command() -> None:
    """Score reviews, store those of a shop, and train a model of moods on them."""


@command.command("score")
@_file
@_text_option
@click.option("--shop", type=click.Path(path_type=Path), help="Use the models of this shop.")
@click.option("--model", type=click.Path(path_type=Path), help="Use this model of a language.")
@json_option
def score(
    file: Path, columns: tuple[str, ...], shop: Path | None, model: Path | None, as_json: bool
) -> None:
    """Print the mood, the language and the aspects of each review of FILE.

    Needs no shop. With --json, a line for each row: row (from 1), positive (the probability that
    its author is happy, or null if that is unclear), language and aspects.
    """
    from indexer.enrichment.reviewfile import SkippedRow, read_texts
    from indexer.enrichment.score import ScoredReview

    scorer = _scorer(shop, model)
    unread = ScoredReview(positive=None, language=None, aspects=[])
    number = 0
    with stage_bar({"score": "reviews"}) as progress:
        for batch in _batches(read_texts(file, columns)):
            texts = [row for row in batch if isinstance(row, str)]
            scores = iter(scorer.score_batch(texts))
            for row in batch:
                number += 1
                if isinstance(row, SkippedRow):
                    note(printable(f"{row.where}: {row.reason}"))
                found = unread if isinstance(row, SkippedRow) else next(scores)
                _print_score(number, found, as_json)
            if not sys.stdout.isatty():  # lines on a terminal show the progress themselves
                progress("score", number, number)


def _batches(rows: Iterator[object]) -> Iterator[list[object]]:
    from itertools import islice

    while batch := list(islice(rows, _AT_ONCE)):
        yield batch


def _scorer(shop: Path | None, model: Path | None) -> ReviewScorer:
    from indexer.enrichment.reviewlog import open_if_exists
    from indexer.enrichment.score import ReviewScorer
    from indexer.enrichment.sentiment import load_model
    from indexer.shop.folder import ShopFolder

    if shop is not None and model is not None:
        raise click.UsageError("give --shop or --model, not both")
    if model is not None:
        loaded = load_model(model)
        return ReviewScorer({loaded.info.language: loaded})
    log = None
    if shop is not None:
        folder = ShopFolder(shop)
        folder.current()
        log = open_if_exists(folder.path)
    if log is None:
        return ReviewScorer()
    with log:
        return log.scorer()


def _print_score(number: int, score: ScoredReview, as_json: bool) -> None:
    if as_json:
        line = msgspec.json.encode({"row": number, **msgspec.structs.asdict(score)})
        sys.stdout.write(printable_json(line.decode()) + "\n")
        return
    mood = "unclear" if score.positive is None else f"{score.positive:.0%} happy"
    parts = (
        f"{part.aspect} {'?' if part.positive is None else format(part.positive, '.0%')}"
        for part in score.aspects
    )
    say(printable(f"{number}  {score.language or '-'}  {mood}  {', '.join(parts)}"))


@command.command("import")
@_file
@shop_option
@map_option
@json_option
def import_reviews(file: Path, shop: Path, mapping: tuple[str, ...], as_json: bool) -> None:
    """Store the reviews of FILE, each once; report invalid rows.

    Columns are item_id or product_id, review (or text), title, stars, time and review_id. A review
    replaces the stored review with the same id. Run it again after an interruption.
    """
    from indexer.enrichment.imports import import_file

    with stage_bar({"read": "reviews"}) as progress:
        report = import_file(shop, file, parse_single_mapping(mapping), progress)
    if as_json:
        print_json(report)
    else:
        _print_import(report)


def _print_import(report: ReviewImport) -> None:
    say(
        f"{report.stored} reviews stored, {report.changed} changed, {report.repeated} known "
        f"already, {len(report.refused)} rows refused"
    )
    for row in report.refused[:_SHOWN]:
        note(printable(f"{row.where}: {row.reason}"))
    if len(report.refused) > _SHOWN:
        note(f"and {len(report.refused) - _SHOWN} more; --json lists all")


@command.command("train")
@_file
@_text_option
@click.option(
    "--label",
    required=True,
    metavar="COLUMN",
    help="1 for happy reviews, else 0.",
)
@click.option("--stars", metavar="COLUMN", help="The stars, to learn more from.")
@click.option("--language", type=LANGUAGES, help="Default: the language of most reviews.")
@click.option("--shop", type=click.Path(path_type=Path), help="Use the model in this shop.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the model to this .npz file.")
@json_option
def train_model(
    file: Path,
    columns: tuple[str, ...],
    label: str,
    stars: str | None,
    language: str | None,
    shop: Path | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Train a model of moods on the labeled reviews of FILE, for a shop or as a file.

    The model is measured by cross-validation. The reviews of the shop are scored again with it.
    Needs the extra reviews.
    """
    from indexer.enrichment.imports import majority_language
    from indexer.enrichment.reviewfile import read_labeled
    from indexer.enrichment.training import train

    if (shop is None) == (out is None):
        raise click.UsageError("give either --shop or --out")
    data = read_labeled(file, columns, label, stars)
    with stage_bar({"fold": "training"}) as progress:
        model = train(
            data,
            majority_language(data.texts, language),
            name=f"own-{file.stem[:40]}",
            trained_on=f"{file.name}: {len(data.texts)} reviews",
            progress=progress,
        )
    rescored = _keep(model, shop, out)
    measured = model.info.measured
    if as_json:
        print_json({"language": model.info.language, "measured": measured, "rescored": rescored})
        return
    say(
        f"trained on {len(data.texts)} reviews ({model.info.language}): macro-F1 "
        f"{measured['macro_f1']:.3f}, F1 of unhappy ones {measured['negative_f1']:.3f}, AUC "
        f"{measured['auc']:.3f}, calibration error {measured['calibration_error']:.3f}; "
        f"{rescored} stored reviews scored again"
    )


def _keep(model: SentimentModel, shop: Path | None, out: Path | None) -> int:
    """Store the model; return how many reviews of the shop were scored again."""
    from indexer.enrichment.itemmoods import store_item_moods
    from indexer.enrichment.reviewlog import ReviewLog
    from indexer.enrichment.sentiment import save_model
    from indexer.shop.folder import ShopFolder

    if out is not None:
        save_model(model, out)
    if shop is None:
        return 0
    folder = ShopFolder(shop)
    folder.current()
    with ReviewLog(folder.path, create=True) as log, stage_bar({"rescore": "reviews"}) as progress:
        log.set_model(model)
        done = log.rescore(log.scorer(), lambda done, total: progress("rescore", done, total))
        store_item_moods(folder, log)
        return done
