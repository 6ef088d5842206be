"""Options and output that commands share: JSON and tables on stdout, progress on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from indexer.progress import no_progress
from service.cli.terminal import printable, printable_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.progress import Progress as Bars
    from rich.progress import TaskID
    from rich.table import Table

    from indexer.progress import Progress
    from indexer.shop.manifest import StyleCount

shop_option = click.option(
    "--shop",
    required=True,
    type=click.Path(path_type=Path),
    envvar="VITRINE_SHOP",
    show_envvar=True,
    help="The shop's folder.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
map_option = click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="FIELD=COLUMN",
    help="Read FIELD from the column COLUMN; may be repeated.",
)


def parse_mapping(pairs: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return ``--map`` options as a mapping; a field that is repeated has several columns.

    Raises BadParameter for a pair without ``=``.
    """
    mapping: dict[str, tuple[str, ...]] = {}
    for pair in pairs:
        field, equals, column = pair.partition("=")
        if not equals or not field or not column:
            raise click.BadParameter(f"expected FIELD=COLUMN, got {pair!r}", param_hint="--map")
        name = field.strip()
        mapping[name] = tuple(dict.fromkeys((*mapping.get(name, ()), column.strip())))
    return mapping


def parse_single_mapping(pairs: tuple[str, ...]) -> dict[str, str]:
    """Return ``--map`` options as a mapping. Raises BadParameter for a field that is repeated."""
    mapping = parse_mapping(pairs)
    for field, columns in mapping.items():
        if len(columns) > 1:
            raise click.BadParameter(
                f"{field!r} is read from one column, got {' and '.join(columns)}",
                param_hint="--map",
            )
    return {field: columns[0] for field, columns in mapping.items()}


def print_json(value: Any) -> None:
    """Print a JSON document, indented, on stdout."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2)
    sys.stdout.write(printable_json(text.decode()) + "\n")


def print_table(table: Table) -> None:
    """Print a table on stdout, without shortening cells unless stdout is a terminal.

    Cells from a catalog must be ``Text``: then their control characters are escaped.
    """
    from rich.console import Console
    from rich.text import Text

    for column in table.columns:
        for cell in column.cells:
            if isinstance(cell, Text):
                cell.plain = printable(cell.plain)
    Console(width=None if sys.stdout.isatty() else 1000, highlight=False).print(table)


def human_bytes(count: float) -> str:
    """Return a size such as ``12.3 MB``, in powers of 1000."""
    for name in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.0f} {name}" if name == "B" else f"{count:.1f} {name}"
        count /= 1000
    return f"{count:.1f} TB"


def human_seconds(seconds: float) -> str:
    """Return a duration such as ``0.8 s``, ``42 s``, ``3 min 20 s`` or ``2 h 05 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


@contextmanager
def stage_bar(names: dict[str, str]) -> Iterator[Progress]:
    """Show a bar for each stage of a job, with rate, time left and skips; ``names`` labels them."""
    listener = _listener()
    with _stopped_at_end(_bars()) as bars:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int, skipped: int = 0) -> None:
            listener(stage, done, total, skipped)
            if stage not in tasks:
                bars.start()
                tasks[stage] = bars.add_task(names.get(stage, stage), total=total, note="")
            text = f"[yellow]{skipped} skipped" if skipped else ""
            bars.update(tasks[stage], completed=done, total=total, note=text)

        yield show


def style_text(count: StyleCount) -> str:
    """Return how many renditions a style has, for people."""
    less = f", {count.weakened} of them weaker" if count.weakened else ""
    out = f", {count.left_out} left out" if count.left_out else ""
    return f"{count.name} {count.indexed} images{less}{out}"


@contextmanager
def byte_bar(names: dict[str, str]) -> Iterator[Progress]:
    """Show a bar in bytes for each stage of a job that copies; ``names`` labels them."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    progress = Progress(
        TextColumn("{task.description:>10}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    listener = _listener()
    with _stopped_at_end(progress) as bars:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int, _skipped: int = 0) -> None:
            listener(stage, done, total)
            if stage not in tasks:
                bars.start()
                tasks[stage] = bars.add_task(names.get(stage, stage), total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield show


@contextmanager
def count_bar(name: str) -> Iterator[Callable[[int, int], None]]:
    """Show one bar with the label ``name``."""
    with stage_bar({}) as show:
        yield lambda done, total: show(name, done, total, 0)


def _listener() -> Progress:
    """Return the job that runs this command, which notes the progress too; otherwise a no-op."""
    context = click.get_current_context(silent=True)
    found: Progress | None = context.find_root().obj if context else None
    return found or no_progress


@contextmanager
def _stopped_at_end(bars: Bars) -> Iterator[Bars]:
    """Stop the bars at the end, if one was started: an early error then prints no empty line."""
    try:
        yield bars
    finally:
        if bars.tasks:
            bars.stop()


def _bars() -> Bars:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        """Steps per second."""

        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:.0f}/s" if speed and task.total and task.total > 1 else "")

    return Progress(
        TextColumn("{task.description:>10}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=Console(stderr=True),
    )
