"""Contact sheets: each row shows a query and its hits; right and wrong hits are marked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image, ImageDraw, ImageFont

from indexer.errors import CannotWrite, UnknownItem
from indexer.imaging.images import read_image_file
from indexer.imaging.photos import Photo

if TYPE_CHECKING:
    from search.engine import SearchEngine
    from search.hits import Hit

_CELL = 128
_GAP = 10
_TEXT = 34
_PAPER, _INK, _QUIET = (255, 255, 255), (30, 32, 36), (120, 124, 130)
_RULE = (222, 224, 228)
_RIGHT, _WRONG = (28, 140, 74), (196, 52, 44)
_PER_ROW = 10
_APART = 3 * _GAP  # between two groups of one row


class SheetCell(NamedTuple):
    """A picture above two lines of text, in a green or red frame if ``right`` is not None."""

    picture: Image.Image | None
    title: str
    note: str
    right: bool | None = None


def sheet_row(
    engine: SearchEngine,
    photo: Path | None,
    title: str,
    hits: list[Hit],
    *,
    right: list[bool] | None = None,
) -> list[SheetCell]:
    """Return the cells of a query: its photo, or an empty cell, and its first ten hits.

    A hit without a stored picture, such as an item with embeddings only, has an empty cell.
    """
    picture = None
    if photo is not None:
        picture = Image.fromarray(Photo(read_image_file(photo)).cut(side=_CELL))
    cells = [SheetCell(picture, title or (photo.name if photo else ""), "query")]
    for at, hit in enumerate(hits[:_PER_ROW]):
        price = "" if hit.price is None else f"  {hit.price:.2f} {hit.currency}"
        cells.append(
            SheetCell(
                hit_picture(engine, hit),
                hit.title or hit.item_id,
                f"{hit.score:.3f}{price}",
                right[at] if right is not None else None,
            )
        )
    return cells


def hit_picture(engine: SearchEngine, hit: Hit) -> Image.Image | None:
    """Return the picture of a hit, or None if none is stored."""
    try:
        return _opened(engine.thumbnail(hit.item_id, hit.image_index))
    except UnknownItem:
        return None


def cell_of(jpeg: bytes, title: str) -> SheetCell:
    """Return the cell of a query by an item, whose picture is ``jpeg``."""
    return SheetCell(_opened(jpeg), title, "query")


def _opened(jpeg: bytes) -> Image.Image:
    return Image.fromarray(Photo(jpeg).cut())


def save_sheet(path: Path, rows: list[list[SheetCell]]) -> None:
    """Draw the rows into a file; its ending names the format. Raises CannotWrite."""
    save_picture(path, draw_sheet(rows))


def save_picture(path: Path, sheet: Image.Image) -> None:
    """Write a sheet; the ending of the file names the format. Raises CannotWrite."""
    try:
        sheet.save(path)
    except (OSError, ValueError) as error:
        raise CannotWrite(f"cannot write the sheet {path}: {error}") from error


def draw_sheet(rows: list[list[SheetCell]]) -> Image.Image:
    """Draw the rows, of which there is at least one."""
    columns = max(len(row) for row in rows)
    width = _GAP + columns * (_CELL + _GAP) + _GAP
    height = _GAP + len(rows) * (_CELL + _TEXT + _GAP)
    sheet = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(11)
    for r, row in enumerate(rows):
        top = _GAP + r * (_CELL + _TEXT + _GAP)
        for c, cell in enumerate(row):
            left = _GAP + c * (_CELL + _GAP) + (_GAP if c else 0)
            _draw_cell(sheet, draw, font, cell, left, top)
    return sheet


def save_groups(path: Path, groups: list[list[SheetCell]]) -> None:
    """Draw groups of at most ten cells side by side, as many as fit in a row. Raises CannotWrite.

    A sheet of many small groups is as wide as one of ten cells, and not as high as many rows.
    """
    save_picture(path, _draw_groups(groups))


def _draw_groups(groups: list[list[SheetCell]]) -> Image.Image:
    widest = _GAP + _PER_ROW * (_CELL + _GAP)
    places: list[tuple[int, int]] = []  # of the groups: left, row
    left, row = _GAP, 0
    for group in groups:
        width = len(group) * (_CELL + _GAP)
        if left > _GAP and left + width > widest:
            left, row = _GAP, row + 1
        places.append((left, row))
        left += width + _APART - _GAP
    high = _CELL + _TEXT + _GAP
    width = max(
        at + len(group) * (_CELL + _GAP) for (at, _), group in zip(places, groups, strict=True)
    )
    sheet = Image.new("RGB", (width, _GAP + (row + 1) * high), _PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(11)
    for (left, row), group in zip(places, groups, strict=True):
        top = _GAP + row * high
        for c, cell in enumerate(group):
            _draw_cell(sheet, draw, font, cell, left + c * (_CELL + _GAP), top)
        if left > _GAP:
            line = left - _APART // 2
            draw.line((line, top, line, top + _CELL), _RULE)
    return sheet


def _draw_cell(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    cell: SheetCell,
    left: int,
    top: int,
) -> None:
    box = (left, top, left + _CELL - 1, top + _CELL - 1)
    if cell.picture is None:
        draw.rectangle(box, outline=_QUIET)
    else:
        picture = cell.picture.convert("RGB")
        picture.thumbnail((_CELL, _CELL), Image.Resampling.LANCZOS)
        at = (left + (_CELL - picture.width) // 2, top + (_CELL - picture.height) // 2)
        sheet.paste(picture, at)
    if cell.right is not None:
        draw.rectangle(box, outline=_RIGHT if cell.right else _WRONG, width=3)
    draw.text((left, top + _CELL + 3), _cut(draw, font, cell.title), _INK, font)
    draw.text((left, top + _CELL + 17), _cut(draw, font, cell.note), _QUIET, font)


def _cut(
    draw: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, text: str
) -> str:
    """Return the text, shortened to the width of a picture."""
    text = " ".join(text.split())
    if draw.textlength(text, font) <= _CELL:
        return text
    while text and draw.textlength(text + "...", font) > _CELL:
        text = text[:-1]
    return text + "..."
