"""Contact sheets of wrong answers: the query, the answer, and the right answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import encoder_contests as contests
import numpy as np
from encoder_contests import Contest
from encoder_tasks import Bench
from numpy.typing import NDArray
from PIL import Image

from indexer.imaging.images import decode, read_image_file
from service.cli.contact_sheet import SheetCell, save_sheet

MOST = 40
"""Wrong answers on one sheet."""

_SIDE = 128
_ABREAST = 4  # queries per row of the sheet

SHEETS: dict[str, Callable[[Path], Contest]] = {
    "things": contests.things,
    "grocery": contests.grocery_catalog,
    "clothing": contests.clothing_kinds,
    "magento": contests.magento_views,
}
"""Set -> the search whose wrong answers are drawn."""


def draw_failures(bench: Bench, contest: Contest, path: Path) -> tuple[int, int]:
    """Draw up to `MOST` wrong answers, evenly spaced; return the number of wrong and of all.

    For each: the query, the nearest photo of the answer, the nearest photo of the right label.
    Nothing is written if every answer is right.
    """
    likeness = contest.likeness(bench)  # (q, n)
    answers = contest.answers(likeness)
    wrong = np.flatnonzero(answers != contest.wanted)
    chosen = wrong[np.linspace(0, len(wrong) - 1, min(MOST, len(wrong))).round().astype(int)]
    cells = []
    for query in chosen.tolist():
        wanted, answer = str(contest.wanted[query]), str(answers[query])
        cells.append(
            [
                SheetCell(_picture(contest.queries[query]), wanted, "query"),
                _nearest(contest, likeness[query], answer, right=False),
                _nearest(contest, likeness[query], wanted, right=True),
            ]
        )
    rows = [
        [cell for three in cells[start : start + _ABREAST] for cell in three]
        for start in range(0, len(cells), _ABREAST)
    ]
    if rows:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_sheet(path, rows)
    return len(wrong), len(contest.wanted)


def _nearest(
    contest: Contest, likeness: NDArray[np.float32], label: str, *, right: bool
) -> SheetCell:
    """Return the gallery photo of a label that is most similar to a query, or an empty cell."""
    places = np.flatnonzero(contest.labels == label)
    if not len(places):
        return SheetCell(None, label, "no picture of it", right)
    best = places[likeness[places].argmax()]
    return SheetCell(_picture(contest.gallery[best]), label, f"{likeness[best]:.3f}", right)


def _picture(path: Path) -> Image.Image:
    return Image.fromarray(decode(read_image_file(path), side=_SIDE))
