"""Read the categories of an item: lists of paths, whose levels are separated in several ways."""

from __future__ import annotations

import re
from typing import Any, Final

from indexer.catalog.item_parser import Cells
from indexer.catalog.nested import first_of, parts_of, text_of
from indexer.catalog.texts import plain_text

# White space is matched from the beginning of its run on only, or a long run takes quadratic time.
_LEVELS: Final = re.compile(
    r"(?:(?<!\s)\s++)?(?:-?>++|[»›→＞／])\s*+|(?<!\s)\s++(?:/|\\|::)\s++|(?<=\w)(?:[\\^]|~~|::)(?=\w)"
)
_COMMA: Final = re.compile(r"(?:(?<!\s)\s++)?(?<!\\)[,，、]\s*+")
_BAR: Final = re.compile(r"(?:(?<!\s)[^\S\n]++)?(?:[;|\n]|&&|##|(?<=\w)@(?=\w))\s*+")
_PATHS: Final = ("pretty_name", "fullName", "full_name", "breadcrumb", "path", "pathName")
_DEEPEST: Final = 10  # levels
_PAGES: Final = ("results", "nodes", "edges", "data", "items")
_OF_LEVEL: Final = re.compile(r"lvl(\d)")  # in Algolia's objects, each with the whole path
_ENUMERATED: Final = re.compile(r"\s(?:&|and|und|et|y|e|en|og|och|i)\s", re.IGNORECASE)


def category_paths(value: Any, language: str | None = None) -> list[str]:
    """Return the paths in a cell, or in a list of texts and objects, each once."""
    paths: list[str] = []
    for part in parts_of(value):
        if isinstance(part, dict) and all(map(_OF_LEVEL.fullmatch, map(str, part))) and part:
            return category_paths(part[max(part)], language)
        if isinstance(part, list):  # the levels of a path, each an object
            part = " > ".join(text_of(level, language) for level in part)
        inner = next(iter(part.values())) if isinstance(part, dict) and len(part) == 1 else None
        if isinstance(part, dict) and inner is None:  # a page of an interface, with its count
            inner = next((part[name] for name in _PAGES if isinstance(part.get(name), list)), None)
        if isinstance(inner, dict | list):  # <categories> that holds a <category>
            paths += category_paths(inner, language)
            continue
        if isinstance(part, dict) and (text := _path_in(part, language)):
            texts = [text]
        else:
            text = plain_text(text_of(part, language))
            is_cell = isinstance(part, str) and isinstance(value, str | Cells)
            texts = _listed(text) if is_cell else [text]
        paths += [category_path(text) for text in texts]
    return list(dict.fromkeys(path for path in paths if path))


def category_path(text: str) -> str:
    """Return a category as a path: ``Clothing > Shirts`` and ``Clothing / Shirts`` have levels."""
    levels = _LEVELS.sub("/", text.replace("\\,", ",").strip()).split("/")
    return "/".join(level.strip() for level in levels if level.strip())


def split_at_commas(text: str) -> list[str]:
    """Return the parts of a list of paths by commas, which also occur in names.

    Where the paths have levels, a part without levels belongs to the next path if that goes on as
    an enumeration, as in ``Food, Beverages & Tobacco > Food Items``, and to the path before if it
    ends one, as in ``Women > Tops, Tees & Shirts``.
    """
    parts = _COMMA.split(text)
    if len(parts) == 1 or not _LEVELS.search(text):
        return parts
    paths: list[str] = []
    waiting: list[str] = []
    for part in parts:
        first, *deeper = _LEVELS.split(part)
        if not deeper:
            waiting.append(part)
            if paths and _ENUMERATED.search(part):
                paths[-1] = ", ".join([paths[-1], *waiting])
                waiting = []
            continue
        if waiting and _ENUMERATED.search(first):
            paths.append(", ".join([*waiting, part]))
        else:
            paths += [*waiting, part]
        waiting = []
    return [*paths, *waiting]


def _listed(text: str) -> list[str]:
    bars = _BAR.split(text)
    return split_at_commas(text) if len(bars) == 1 else bars


def _path_in(category: dict[str, Any], language: str | None, depth: int = 0) -> str:
    """Return the path that an object states besides its name, or that of its parents, or ""."""
    above = category.get("parent")
    if isinstance(above, dict) and depth < _DEEPEST:
        name = text_of(
            {part: text for part, text in category.items() if part != "parent"}, language
        )
        path = _path_in(above, language, depth + 1) or text_of(above, language)
        return f"{path} > {name}" if path and name else name
    found = first_of(category, _PATHS)
    if isinstance(found, list):
        names = [text_of(part, language) for part in found]
        return " > ".join(name for name in names if name)
    return plain_text(found) if isinstance(found, str) and _is_path(found) else ""


def _is_path(text: str) -> bool:
    """Return False for a path of numbers, such as ``1/2/20``, and for that of a page."""
    return bool(_LEVELS.search(text)) or (
        "/" in text and not text.startswith("/") and re.search(r"[^\W\d_]", text) is not None
    )
