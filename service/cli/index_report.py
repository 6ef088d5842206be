"""The reports of ``vitrine index``: what a build did, or what it would do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from indexer.errors import CannotWrite, first_names
from indexer.items import Remark, Skipped
from service.cli.console import human_seconds, print_json, style_text
from service.cli.fetch_options import fetched_text
from service.cli.terminal import printable_json, say

if TYPE_CHECKING:
    from indexer.jobs.build import BuildReport
    from indexer.jobs.preview import Preview
    from indexer.writing.suspects import Suspect

_TOO_LARGE = re.compile(r"too large: .* = ([\d.]+) megapixels")
_SHOWN = 5
_LISTED = 20


def report_build(done: BuildReport, shop: Path, path: Path | None, as_json: bool) -> None:
    """Print what a build did, and keep it for the operator's page.

    What was skipped also goes to the file ``path``, if one is given. Raises CannotWrite.
    """
    from indexer.writing.suspects import remarks_on
    from service.lastreports import keep_report

    keep_report(shop, "index", done)
    if path is not None:
        write_report(path, [*done.skipped, *remarks_on(done.suspects)])
    if as_json:
        print_json(done)
    else:
        _print_build(done, path)


def report_preview(seen: Preview, path: Path | None, as_json: bool) -> None:
    """Print what a build would do. What it would skip also goes to ``path``. Raises CannotWrite."""
    if path is not None:
        write_report(path, seen.skipped)
    if as_json:
        print_json(seen)
    else:
        _print_preview(seen, path)


def write_report(path: Path, skipped: list[Skipped]) -> None:
    """Write skipped rows, images and fields to a file, as JSON lines. Raises CannotWrite."""
    lines = [printable_json(msgspec.json.encode(entry).decode()) + "\n" for entry in skipped]
    try:
        path.write_text("".join(lines), encoding="utf-8")
    except OSError as error:
        raise CannotWrite(f"cannot write the report {path}: {error.strerror or error}") from error


def _print_build(done: BuildReport, report: Path | None) -> None:
    laps = ("scan", "ingest", "merge", "style", "publish")
    total = sum(done.seconds.get(lap, 0.0) for lap in laps)
    state = "" if done.published else " (unchanged)"
    say(
        f"generation {done.generation}{state}: {done.items} items, {done.products} products, "
        f"{done.rows} images in {human_seconds(total)} with {done.encoder}"
    )
    say(f"{done.encoded} images encoded, {done.reused} known already, {done.removed} items removed")
    if done.fetched is not None:
        say(fetched_text(done.fetched))
    if done.kept:
        say(f"kept {len(done.kept)} items that could not be read: {first_names(done.kept)}")
    for style in done.styles:
        say(f"style {style_text(style)}")
    say(f"index {done.recipe}: {done.promise}")
    _print_suspects(done.suspects)
    _print_skipped(done.skipped, report, _SHOWN)


def _print_suspects(suspects: list[Suspect]) -> None:
    if not suspects:
        return
    say(f"{len(suspects)} pictures may show no product (--leave-out-placeholders):")
    for suspect in suspects[:_SHOWN]:
        say(f"  {suspect.image}: {suspect.reason}")
    if len(suspects) > _SHOWN:
        say(f"  ... and {len(suspects) - _SHOWN} more; --json lists all")


def _print_preview(seen: Preview, report: Path | None) -> None:
    say(f"would add {len(seen.added)} items" + _named(seen.added))
    say(f"would change {len(seen.changed)} items{':' if seen.changed else ''}")
    for item in seen.changed[:_LISTED]:
        say(f"  {item.item_id}: {', '.join(item.fields)}")
    if len(seen.changed) > _LISTED:
        say(f"  ... and {len(seen.changed) - _LISTED} more; --json lists all")
    say(f"would remove {len(seen.removed)} of {seen.items} items" + _named(seen.removed))
    if seen.kept:
        say(f"would keep {len(seen.kept)} items that could not be read" + _named(seen.kept))
    say(f"would encode {seen.to_encode} images; {seen.unchanged} items would not change")
    _print_skipped(seen.skipped, report, _LISTED)
    if seen.stops:
        say("the build would stop, since it removes so many; --accept removes them")
    say("nothing was changed")


def _named(item_ids: list[str]) -> str:
    return f": {first_names(item_ids, _LISTED)}" if item_ids else ""


def _print_skipped(skipped: list[Skipped], report: Path | None, most: int) -> None:
    from indexer.imaging.imagepath import URL_REASON

    remarks = [entry for entry in skipped if isinstance(entry, Remark)]
    others = [entry for entry in skipped if not isinstance(entry, Remark)]
    for entries, title in ((others, "skipped"), (remarks, "fields or items to look at")):
        if entries:
            say(f"{len(entries)} {title}:")
        for entry in entries[:most]:
            name = " ".join(part for part in (entry.where, entry.item_id, entry.image) if part)
            say(f"  {name}: {entry.reason}")
        if len(entries) > most:
            where = f"all are in {report}" if report else "--report FILE lists all"
            say(f"  ... {where}")
    sizes = [found[1] for entry in skipped if (found := _TOO_LARGE.search(entry.reason))]
    if sizes:
        largest = int(max(map(float, sizes))) + 1  # the reason has it rounded
        say(f"{len(sizes)} pictures are too large: --max-megapixels {largest} reads them")
    if urls := sum(entry.reason.startswith(URL_REASON) for entry in skipped):
        say(f"{urls} images that are URLs were not fetched: --fetch fetches them")
