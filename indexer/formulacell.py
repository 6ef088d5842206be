"""Cells of CSV files that a spreadsheet would run as formulas, and how they are written as text.

A cell that begins with an apostrophe is text to a spreadsheet. Shop programs export such cells too,
and spreadsheets write numbers that are text as ``="0012"``.
"""

from __future__ import annotations

import re
from typing import Final

_TEXT_MARKS: Final = ('="', "'")
_FORMULA_MARKS: Final = ("=", "+", "-", "@", "\t", "\r")
_TEXT: Final = re.compile(r'="(.*)"|\'(\'*(?:[-=+@\t\r].*|\d[\d.,]*))', re.DOTALL)
_NUMBER: Final = re.compile(r"[-+]?\d[\d.,]*")


def without_formula(text: str) -> str:
    """Return the cell of a text that no spreadsheet runs; ``text_of_cell`` returns the text."""
    is_formula = text.startswith(_FORMULA_MARKS) and not _NUMBER.fullmatch(text)
    return f"'{text}" if is_formula or _TEXT.fullmatch(text) else text


def text_of_cell(cell: str) -> str:
    """Return the text of a cell, without the marks that make a spreadsheet take it as text."""
    if cell.startswith(_TEXT_MARKS) and (match := _TEXT.fullmatch(cell)):
        return match[1] or match[2] or ""
    return cell
