"""The last report of each command that examines a shop, kept in its folder for operators."""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import msgspec

from indexer.jsonbytes import decode_json_as
from indexer.layout import REPORTS
from indexer.regularfile import read_regular
from indexer.shop.manifest import now

__all__ = ["REPORT_KINDS", "ReportKind", "StoredReport", "keep_report", "last_report"]

ReportKind: TypeAlias = Literal["index", "compare", "audit"]
_MOST_BYTES: Final = 64 << 20
REPORT_KINDS: Final[tuple[ReportKind, ...]] = ("index", "compare", "audit")


class StoredReport(msgspec.Struct, frozen=True, kw_only=True):
    """A report as the command prints it with ``--json``, and when it was made (RFC 3339)."""

    kind: ReportKind
    at: str
    report: Any


def keep_report(shop: Path, kind: ReportKind, report: Any) -> None:
    """Store a report in place of the last one of its kind.

    A report that cannot be stored is dropped: the work that it reports is done.
    """
    stored = msgspec.json.encode(StoredReport(kind=kind, at=now(), report=report))
    folder = shop / REPORTS
    new = folder / f".{kind}.{secrets.token_hex(4)}"
    with suppress(OSError):
        folder.mkdir(exist_ok=True)
        try:
            new.write_bytes(stored)
            new.replace(folder / f"{kind}.json")  # readers see the old one or the new one
        finally:
            new.unlink(missing_ok=True)


def last_report(shop: Path, kind: ReportKind) -> StoredReport | None:
    """Return the last report of a kind; None if there is none, or it cannot be read."""
    with suppress(OSError, msgspec.MsgspecError):
        data = read_regular(shop / REPORTS / f"{kind}.json", _MOST_BYTES)
        return decode_json_as(data, StoredReport)
    return None
