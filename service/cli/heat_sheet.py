"""Sheets of heat maps: which parts of the query and of each hit make the score."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from indexer.errors import UnknownItem
from indexer.imaging.images import WHOLE, Box
from indexer.imaging.photos import Photo
from search.recognition.explain import draw_heat, explain
from service.cli.contact_sheet import SheetCell, save_sheet

if TYPE_CHECKING:
    from search.engine import SearchEngine
    from search.hits import Hit
    from search.recognition.explain import HeatMap

MOST_EXPLAINED = 6  # hits: each takes as long as encoding 50 photos


def save_heat_sheet(
    engine: SearchEngine, query: bytes, hits: list[Hit], path: Path, box: Box = WHOLE
) -> int:
    """Draw the query and the first hits, with and without their heat; return how many hits.

    ``box`` is the region of the query that was searched with. Raises BadImage, CannotWrite.
    """
    pictures = {}
    for hit in hits[:MOST_EXPLAINED]:
        try:
            pictures[hit.item_id] = engine.thumbnail(hit.item_id, hit.image_index, hit.variant)
        except UnknownItem:  # without a stored picture, such as an item with embeddings only
            continue
    shown = [hit for hit in hits if hit.item_id in pictures]
    found = explain(engine.encoder, query, list(pictures.values()), box)
    rows = []
    for hit, explained in zip(shown, found, strict=True):
        picture = pictures[hit.item_id]
        rows.append(
            [
                _cell(query, None, "query", ""),
                _cell(query, explained.query, "", "in the query"),
                _cell(picture, None, hit.title or hit.item_id, f"{hit.score:.3f}"),
                _cell(picture, explained.hit, "", "in the hit"),
            ]
        )
    if rows:
        save_sheet(path, rows)
    return len(rows)


def _cell(data: bytes, heat: HeatMap | None, title: str, note: str) -> SheetCell:
    pixels = Photo(data).cut(side=256)
    return SheetCell(
        Image.fromarray(pixels if heat is None else draw_heat(pixels, heat)), title, note
    )
