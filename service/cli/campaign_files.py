"""The files of a campaign: a picture of each item in each size, a table, and a contact sheet."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from PIL import Image

from indexer.drafting.draft import tagline
from indexer.durable import draft_of
from indexer.errors import BadImage, CannotWrite, UnknownItem
from indexer.imaging.photos import Photo
from indexer.items import Skipped
from service.adverts import advert_of
from style.campaign.poster import Look, draw_poster
from style.errors import BadFont

if TYPE_CHECKING:
    from indexer.arrays import Pixels
    from indexer.drafting.draft import Draft
    from indexer.items import Item
    from style.campaign.poster import Poster

_CELL = 320  # height of a picture on the sheet
_ACROSS = 5  # squares in a row of the sheet
_ON_SHEET = 40
_GAP = 12
# As the catalogs of Google Merchant Center and of Meta name them.
_COLUMNS = (
    "id", "title", "description", "availability", "price", "sale_price", "image", "width", "height",
    "style",
)  # fmt: skip


class WrittenPicture(msgspec.Struct, frozen=True, kw_only=True):
    """A picture that was written, and what a person should check of it."""

    item_id: str
    image: str
    width: int
    height: int
    contrast: float
    cut_out: bool
    shortened: bool
    missing: str


class Campaign:
    """Draws the pictures of items into a folder, one after the other."""

    def __init__(
        self,
        folder: Path,
        look: Look,
        sizes: Sequence[tuple[int, int]],
        write: Callable[[Item], Draft] | None = None,
    ) -> None:
        """Make the folder. ``write`` drafts the text of an item. Raises CannotWrite."""
        self._write = write
        self.made: list[WrittenPicture] = []
        self.skipped: list[Skipped] = []
        self._folder, self._look, self._sizes = folder, look, sizes
        self._rows: list[dict[str, object]] = []
        self._cells: list[Image.Image] = []
        self._names: set[str] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotWrite(f"{folder}: {error.strerror or error}") from error

    def add(self, item: Item, picture: Callable[[str], bytes]) -> None:
        """Draw an item in all sizes; ``picture`` returns its photo, encoded.

        An item without a readable photo, or with a title that no font can write, is skipped, with
        the reason. Raises CannotWrite.
        """
        try:
            photo = Photo(picture(item.item_id)).cut(side=max(map(max, self._sizes)))
        except (BadImage, UnknownItem) as error:
            self.skipped.append(Skipped(item.item_id, str(error)))
            return
        draft = None if self._write is None else self._write(item)
        text = item.description if draft is None else draft.text or item.description
        line = "" if draft is None else tagline(draft)
        advert = advert_of(item, self._look.template.old_price, line)
        stem = self._stem(item.item_id)
        for width, height in self._sizes:
            try:
                poster = draw_poster(photo, advert, width, height, self._look)
            except BadFont as error:
                self.skipped.append(Skipped(item.item_id, str(error)))
                return
            name = f"{stem}-{width}x{height}.jpg"
            self._save(poster.pixels, name)
            self._note(item, text, poster, name, advert.old_price)

    def finish(self) -> None:
        """Write the table and the sheet. Raises CannotWrite."""
        path = self._folder / "campaign.csv"
        try:
            with path.open("w", newline="", encoding="utf-8") as file:
                table = csv.DictWriter(file, _COLUMNS)
                table.writeheader()
                table.writerows(self._rows)
        except OSError as error:
            raise CannotWrite(f"cannot write {path}: {error.strerror or error}") from error
        if self._cells:
            self._save(_sheet(self._cells), "sheet.jpg", quality=85)

    def _note(self, item: Item, text: str, poster: Poster, name: str, old: float | None) -> None:
        """Keep what the table, the sheet and the report say about a picture."""
        height, width = poster.pixels.shape[:2]
        self.made.append(
            WrittenPicture(
                item_id=item.item_id, image=name, width=width, height=height,
                contrast=round(poster.contrast, 2), cut_out=poster.cut_out,
                shortened=poster.shortened, missing=poster.missing,
            )
        )  # fmt: skip
        lower = old is not None and item.price is not None and item.price < old
        self._rows.append(
            {
                "id": item.item_id, "title": item.title, "description": text,
                "availability": "in stock" if item.in_stock else "out of stock",
                "price": _money(old if lower else item.price, item.currency),
                "sale_price": _money(item.price, item.currency) if lower else "",
                "image": name, "width": width, "height": height,
                "style": self._look.style.info.name if self._look.style else "",
            }
        )  # fmt: skip
        if len(self._cells) < _ON_SHEET:
            small = Image.fromarray(poster.pixels)
            size = (max(1, round(width * _CELL / height)), _CELL)
            self._cells.append(small.resize(size, Image.Resampling.LANCZOS))

    def _stem(self, item_id: str) -> str:
        """Return a file name for an item: safe on all systems, and different for each item."""
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", item_id).strip("-.")[:80] or "item"
        name, number = plain, 2
        while name.lower() in self._names:
            name, number = f"{plain}-{number}", number + 1
        self._names.add(name.lower())
        return name

    def _save(self, pixels: Pixels, name: str, quality: int = 92) -> None:
        with draft_of(self._folder / name) as draft:
            Image.fromarray(pixels).save(draft, "JPEG", quality=quality, subsampling=0)


def _money(price: float | None, currency: str) -> str:
    return "" if price is None else f"{price:.2f} {currency}".strip()


def _sheet(cells: Sequence[Image.Image]) -> Pixels:
    """Lay pictures of one height in rows, those of each width together, in their order."""
    widths = dict.fromkeys(cell.width for cell in cells)
    room = _ACROSS * (_CELL + _GAP)
    rows: list[list[Image.Image]] = []
    for width in widths:
        alike = [cell for cell in cells if cell.width == width]
        across = max(1, room // (width + _GAP))
        rows += [alike[at : at + across] for at in range(0, len(alike), across)]
    most = max(len(row) * (row[0].width + _GAP) for row in rows) + _GAP
    sheet = Image.new("RGB", (most, len(rows) * (_CELL + _GAP) + _GAP), (226, 226, 224))
    for r, row in enumerate(rows):
        for c, cell in enumerate(row):
            place = (_GAP + c * (cell.width + _GAP), _GAP + r * (_CELL + _GAP))
            sheet.paste(cell, place)
    return np.asarray(sheet)
