"""``vitrine eval-rec``."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from service.cli.console import (
    count_bar,
    json_option,
    map_option,
    parse_single_mapping,
    print_json,
    print_table,
    stage_bar,
)
from service.cli.terminal import note
from service.cli.threads_option import threads_option

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from indexer.arrays import Vectors
    from search.personal.event import Event
    from search.quality.eval_recommend import RecommendEvaluation
    from search.quality.ratings import RatingEvaluation

_COLUMNS = (
    "recall@10", "recall@20", "ndcg@10", "mrr", "cold_recall@20", "warm_user_ndcg@10",
    "coverage@20", "gini@20", "novelty@20",
)  # fmt: skip


@click.command("eval-rec")
@click.option(
    "--items",
    type=click.Path(path_type=Path),
    help="The catalog. Its pictures are encoded for this run, unless --shop has them.",
)
@click.option(
    "--shop", type=click.Path(path_type=Path), help="A shop with these items, instead of --items."
)
@click.option(
    "--events",
    required=True,
    type=click.Path(path_type=Path),
    help="CSV, JSON lines or Parquet, as for 'vitrine events import'.",
)
@map_option
@click.option("--encoder", default="builtin", show_default=True, help="The encoder for --items.")
@click.option(
    "--test", default=0.1, show_default=True, help="Share of the events that are predicted."
)
@threads_option
@json_option
def command(
    items: Path | None,
    shop: Path | None,
    events: Path,
    mapping: tuple[str, ...],
    encoder: str,
    test: float,
    as_json: bool,
) -> None:
    """Compare recommenders on logged events, split by time.

    Every model is tuned with the same budget on the tenth of the events before the test, then
    predicts each test event from the user's earlier events, ranking all items. If the events have
    ratings, models that predict their stars are compared too.
    """
    from search.quality.eval_recommend import evaluate_recommenders
    from search.quality.interactions import interactions_of
    from service.runtime.blas import use_one_thread_each

    use_one_thread_each()
    if (items is None) == (shop is None):
        raise click.UsageError("give either --items or --shop")
    if not 0.01 <= test <= 0.5:
        raise click.BadParameter(f"must be from 0.01 to 0.5, got {test}", param_hint="--test")
    given = _events(events, parse_single_mapping(mapping))
    with tempfile.TemporaryDirectory(prefix="vitrine-eval-rec-") as folder:
        sides = _sides(shop or _index(items or Path(), Path(folder) / "shop", encoder))
    ids, vectors, facts = sides
    log = interactions_of(given, ids)
    known = set(ids)
    unknown = len({event.item_id for event in given} - known)
    with count_bar("models") as show:
        result = evaluate_recommenders(
            log,
            vectors,
            facts=facts,
            unknown_items=unknown,
            test=test,
            progress=lambda _, done, total, __=0: show(done, total),
        )
    if as_json:
        print_json(result)
    else:
        _print_report(result)


def _events(path: Path, mapping: dict[str, str]) -> list[Event]:
    """Return the valid events of a file; note how many rows are invalid."""
    from search.personal.event_file import BadRow, read_events

    found: list[Event] = []
    bad: list[BadRow] = []
    for entry in read_events(path, now=time.time(), mapping=mapping):
        if isinstance(entry, BadRow):
            bad.append(entry)
        else:
            found.append(entry)
    if bad:
        note(f"rows that are not events: {len(bad)}, such as {bad[0].where}: {bad[0].reason}")
    return found


def _index(catalog: Path, shop: Path, encoder_id: str) -> Path:
    """Index a catalog into a new shop, and return it."""
    from indexer.catalog.sources import open_catalog
    from indexer.encoders.registry import load_encoder
    from indexer.jobs.build import build_index
    from indexer.shop.folder import ShopFolder

    with stage_bar({"encode": "images"}) as progress:
        build_index(
            open_catalog(catalog),
            ShopFolder(shop),
            load_encoder(encoder_id),
            keep_images="paths",
            progress=progress,
        )
    return shop


def _sides(shop: Path) -> tuple[list[str], Vectors, NDArray[np.float32]]:
    """Return the ids of a shop's items, the vectors of their main images, and their facts."""
    from search.engine import SearchEngine

    with SearchEngine.open(shop) as engine:
        return *engine.item_vectors(), engine.item_facts()[1]


def _print_ratings(found: RatingEvaluation) -> None:
    from rich.table import Table

    note(
        f"{found.ratings} ratings of the test, predicted from the user's earlier ones; "
        f"{found.cold} of items with fewer than five ratings before"
    )
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("model of ratings")
    for name in ("rmse", "mae", "cold_rmse", "better_by"):
        table.add_column(name, justify="right")
    for name, figures in found.models.items():
        gap = figures.better_by
        table.add_row(
            name,
            f"{figures.rmse:.3f}",
            f"{figures.mae:.3f}",
            f"{figures.cold_rmse:.3f}",
            f"{gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]",
        )
    print_table(table)


def _print_report(result: RecommendEvaluation) -> None:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("model")
    for name in _COLUMNS:
        table.add_column(name, justify="right")
    for name, figures in result.models.items():
        values = msgspec.to_builtins(figures)
        mark = " *" if name == result.best_baseline else ""
        table.add_row(name + mark, *(f"{values[column]:.3f}" for column in _COLUMNS))
    print_table(table)
    audit = result.audit
    note(
        f"{audit.test_events} test events from {audit.test_from} on ({result.split['targets']} "
        f"targets, all {audit.items} items ranked); {audit.cold_items:.1%} of cold items, "
        f"{audit.new_users:.1%} of new users; * is the best baseline by ndcg@10"
    )
    for rule in result.models[result.best_baseline].one_target:
        gains = [f"{name} {found.one_target[rule]:.3f}" for name, found in result.models.items()]
        note(f"ndcg@10 over the {rule} target of each user: {', '.join(gains)}")
    for name in ("vitrine", "vitrine-trained"):
        gap = result.models[name].difference
        if gap is None:
            continue
        note(
            f"ndcg@10 of {name} minus that of {result.best_baseline}: {gap.value:+.4f} "
            f"[{gap.low:+.4f}, {gap.high:+.4f}], by resampled users"
        )
    if result.ratings is not None:
        _print_ratings(result.ratings)
