"""``vitrine audit``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.console import json_option, print_json, print_table, shop_option, stage_bar
from service.cli.terminal import note, printable, say
from service.cli.threads_option import threads_option

if TYPE_CHECKING:
    from indexer.store.store import Store
    from search.audit.finding import AuditReport, Finding, PictureRef
    from service.cli.contact_sheet import SheetCell

_SHEET_ROWS = 40


@click.command("audit")
@shop_option
@click.option(
    "--min-confidence",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Leave out findings that are less sure.",
)
@click.option(
    "--sheet",
    type=click.Path(path_type=Path),
    help="Draw the findings into a picture file, their pictures side by side.",
)
@threads_option
@json_option
def command(shop: Path, min_confidence: float, sheet: Path | None, as_json: bool) -> None:
    """Find items whose pictures contradict the catalog, repeat each other, or show nothing.

    Nothing is changed.
    """
    from indexer.shop.encoderfiles import open_encoder
    from indexer.shop.folder import ShopFolder
    from indexer.shop.shelf import Shelf
    from indexer.store.store import Store
    from search.audit.audit import audit_shop
    from service.lastreports import keep_report

    folder = ShopFolder(shop)
    shelf = Shelf.read(folder)
    manifest = shelf.first_readable(shelf.serving_order()).manifest
    encoder = open_encoder(folder, manifest.model)
    with Store(folder.store) as store:
        with stage_bar({}) as progress:
            report = audit_shop(store, encoder, min_confidence=min_confidence, progress=progress)
        if sheet is not None and report.findings:
            _draw(store, report.findings, sheet)
        elif sheet is not None:
            note(f"nothing found, so {sheet} was not written")
    keep_report(shop, "audit", report)
    if as_json:
        print_json(report)
    else:
        _print_report(report)


def _print_report(report: AuditReport) -> None:
    from rich.table import Table
    from rich.text import Text

    if report.findings:
        table = Table(box=None, header_style="bold", pad_edge=False)
        for name in ("what", "sure", "items", "reason"):
            table.add_column(name, justify="right" if name == "sure" else "left")
        for finding in report.findings:
            more = f" and {len(finding.items) - 3} more" if len(finding.items) > 3 else ""
            items = ", ".join(finding.items[:3]) + more
            cells = [finding.kind, f"{finding.confidence:.0%}", items, finding.reason]
            table.add_row(*(Text(printable(cell)) for cell in cells))
        print_table(table)
    counts = Counter(finding.kind for finding in report.findings)
    found = ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "nothing found"
    say(f"{found} in {report.items} items with {report.pictures} pictures; nothing was changed")
    for text in report.notes:
        note(text)


def _draw(store: Store, findings: list[Finding], path: Path) -> None:
    """Draw findings of every kind in turn, at most 40."""
    from service.cli.contact_sheet import save_groups

    kinds: dict[str, list[Finding]] = {}
    for finding in findings:
        kinds.setdefault(finding.kind, []).append(finding)
    turns = [
        of_kind[turn]
        for turn in range(max(map(len, kinds.values())))
        for of_kind in kinds.values()
        if turn < len(of_kind)
    ]
    chosen = [finding for finding in findings if finding in turns[:_SHEET_ROWS]]
    save_groups(path, [_cells(store, finding) for finding in chosen])
    note(f"wrote {path}: {len(chosen)} of {len(findings)} findings")


def _cells(store: Store, finding: Finding) -> list[SheetCell]:
    """Return the pictures of a finding; the first one says what was found."""
    from service.cli.contact_sheet import SheetCell, cell_of

    labels = (
        f" {' / '.join(labels_apart(finding.given, finding.suggested))}?" if finding.given else ""
    )
    cells = []
    for at, picture in enumerate(finding.pictures):
        text = picture.path if at else f"{finding.confidence:.0%}{labels or f' {finding.kind}'}"
        jpeg = _jpeg(store, picture)
        if jpeg is None:
            cells.append(SheetCell(None, picture.item_id, text))
        else:
            cells.append(cell_of(jpeg, picture.item_id)._replace(note=text))
    return cells


def labels_apart(given: str, suggested: str) -> tuple[str, str]:
    """Return the last step of each label, or the first that differs if these are equal."""
    ours, theirs = given.split("/"), suggested.split("/")
    if ours[-1] != theirs[-1]:
        return ours[-1], theirs[-1]
    if len(ours) != len(theirs):
        return given, suggested
    return next(pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1])


def _jpeg(store: Store, picture: PictureRef) -> bytes | None:
    from indexer.store.pictures import display_copy
    from indexer.store.records import PictureKey

    with store.read() as reader:
        record = reader.item(picture.item_id)
        if record is None or picture.image_index >= len(record.images):
            return None
        image = record.images[picture.image_index]
        return display_copy(reader, PictureKey(image.content), image.path)
