"""``vitrine plan``."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from service.cli.catalog_options import ReadCatalog, catalog_options
from service.cli.catalog_place import catalog_argument, opened_catalog
from service.cli.console import (
    human_bytes,
    human_seconds,
    json_option,
    print_json,
)
from service.cli.terminal import say
from service.cli.threads_option import threads_option


@click.command("plan")
@catalog_argument
@click.option("--encoder", default="builtin", show_default=True, metavar="ID")
@catalog_options
@threads_option
@json_option
def command(catalog: Path | str, encoder: str, read_catalog: ReadCatalog, as_json: bool) -> None:
    """Estimate counts, time, disk and memory of an index of CATALOG. Writes nothing."""
    from indexer.encoders.registry import load_encoder
    from indexer.items import Remark
    from indexer.jobs.plan import plan_index

    free = shutil.disk_usage(Path.cwd()).free
    with opened_catalog(catalog, None, read_catalog) as source:
        plan = plan_index(source, load_encoder(encoder), free_bytes=free)
    if as_json:
        print_json(plan)
        return
    rate = f"{plan.images_per_second:.0f} images/s with {plan.encoder}"
    for name, value in (
        ("catalog", f"{plan.items} items, {plan.images} images"),
        ("time", f"{human_seconds(plan.seconds)} at {rate}, measured on {plan.sampled} images"),
        ("disk", f"{human_bytes(plan.disk_bytes)}, of {human_bytes(plan.free_bytes)} free here"),
        ("rebuild", f"{human_bytes(plan.generation_bytes)} more while the old index serves"),
        ("memory", f"{human_bytes(plan.memory_bytes)} to serve it"),
    ):
        say(f"{name:>10}  {value}")
    if plan.unreadable:
        say(f"{'unreadable':>10}  {plan.unreadable:.1%} of the sampled images")
    skipped = [entry for entry in plan.skipped if not isinstance(entry, Remark)]
    for entry in skipped[:5]:
        say(f"{'skip':>10}  {entry.where} {entry.item_id}: {entry.reason}")
    if len(skipped) > 5:
        say(f"{'':>10}  and {len(skipped) - 5} more rows that are not items")
