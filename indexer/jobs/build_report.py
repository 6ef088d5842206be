"""The report of a build: what it found, changed and left out, and the index that it made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from indexer.fetching.fetcher import FetchCounts
from indexer.items import Skipped
from indexer.shop.manifest import StyleCount
from indexer.writing.renditions import Rendered
from indexer.writing.suspects import Suspect

if TYPE_CHECKING:
    from indexer.jobs.publishing import Published
    from indexer.writing.changes import Changes
    from indexer.writing.embed_catalog import EmbeddedCatalog


class BuildReport(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a build. ``seconds`` are by stage; ``decode`` is the sum of all its threads.

    ``published`` is False if nothing had changed; then the old generation still serves. ``kept``
    are the items that were left unchanged because their row or images could not be read.
    ``promise`` is a sentence on how the index was chosen, and its measured recall and speed.
    ``styles`` counts the renditions of the shop, ``rendered`` those that this build made.
    ``suspects`` are pictures that probably show no product. ``fetched`` counts the pictures behind
    URLs; None if none were to be fetched.
    """

    generation: str
    published: bool
    encoder: str
    items: int
    products: int
    rows: int
    encoded: int
    reused: int
    added: int
    changed: int
    removed: int
    kept: list[str]
    skipped: list[Skipped]
    seconds: dict[str, float]
    recipe: str
    promise: str
    styles: list[StyleCount]
    rendered: Rendered
    suspects: list[Suspect] = []
    fetched: FetchCounts | None = None


def report_of(
    published: Published,
    done: EmbeddedCatalog,
    changes: Changes,
    rendered: Rendered,
    suspects: list[Suspect],
    fetched: FetchCounts | None,
    seconds: dict[str, float],
    *,
    encoder: str,
) -> BuildReport:
    """Return the report of a build that has ended, from the results of its steps."""
    manifest = published.manifest
    return BuildReport(
        generation=published.name,
        published=published.is_new,
        encoder=encoder,
        items=manifest.items,
        products=manifest.products,
        rows=manifest.rows,
        encoded=done.encoded,
        reused=done.reused,
        added=len(changes.added),
        changed=len(changes.changed),
        removed=len(changes.removed),
        kept=changes.kept,
        skipped=changes.skipped,
        seconds=seconds,
        recipe=manifest.recipe,
        promise=manifest.contract.note,
        styles=manifest.styles,
        rendered=rendered,
        suspects=suspects,
        fetched=fetched,
    )
