"""Read nested values of JSON and XML: prices, pictures and names that are objects."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

import msgspec

from indexer.catalog.item_parser import Cells, is_empty, text_from
from indexer.catalog.texts import in_language, is_translated
from indexer.jsonbytes import decode_json

_POSITIONS: Final = ("position", "sort_order", "sortOrder")  # of pictures, from the first one
_PICTURES: Final = (
    "src", "url", "contentUrl", "href", "file", "path", "url_zoom", "url_fullxfull",
    "imageOriginalUrl", "original_url", "originalUrl", "original", "source", "url_standard",
    "image", "image_url", "imageUrl", "media", "mainMedia", "preview", "link",
)  # fmt: skip
"""Of a picture, the largest first."""
_SIZES: Final = (
    "full", "full_size", "xxl", "xl", "large", "big", "main", "medium", "default", "desktop",
    "small", "thumbnail",
)  # fmt: skip
"""Of an object that has a picture in several sizes."""
_FEW: Final = 20  # names of an object that is one value
_LANGUAGES: Final = ("language", "lang", "locale", "language_code", "id")
_NAMES: Final = (
    "name", "title", "label", "full_name", "html", "path", "value", "text", "#text", "rendered",
    "id",
)  # fmt: skip

_NUMBER: Final = re.compile(r"\d+$")
_QUOTED: Final = re.compile(r"'([^'\\\\]*)'|\"([^\"\\\\]*)\"")


def text_of(value: Any, language: str | None = None) -> str:
    """Return a value as text, never as a Python object.

    A text in several languages is that of ``language``; an object is its name; a list is joined by
    commas. "" for an object without a name.
    """
    if isinstance(value, dict):
        if is_translated(value):
            return text_of(in_language(value, language), language)
        if set(value) == {"language"}:  # of PrestaShop, in XML
            texts = value["language"]
            first = texts[0] if isinstance(texts, list) and texts else texts
            return text_of(first, language)
        if isinstance(value.get("blocks"), list):
            return _text_of_blocks(value["blocks"])
        name = first_of(value, _NAMES)
        return (
            "" if name is None or (isinstance(name, dict) and not name) else text_of(name, language)
        )
    if isinstance(value, list | tuple):
        if (chosen := _in_one_language(value, language)) is not None:
            return chosen
        return ", ".join(text for part in value if (text := text_of(part, language)))
    if isinstance(value, bool):
        return "true" if value else "false"
    return text_from(value)


def _in_one_language(value: Sequence[Any], language: str | None) -> str | None:
    """Return one text of ``[{"language": "en", "value": "Mug"}, ...]``; None if it is no such list.

    PrestaShop numbers languages: then it is the first text.
    """
    texts: dict[str, Any] = {}
    for part in value:
        if not isinstance(part, dict) or len(part) != 2:
            return None
        code, text = first_of(part, _LANGUAGES), first_of(part, ("value", "text", "#text"))
        if code is None or not isinstance(text, str | None):
            return None
        texts[str(code)] = text or ""
    if not texts:
        return None
    return text_from(
        in_language(texts, language) if is_translated(texts) else next(iter(texts.values()))
    )


def _text_of_blocks(blocks: list[Any]) -> str:
    """Return the text of a document of Editor.js, as Saleor writes it: a line for each block."""
    lines: list[str] = []
    for block in blocks:
        data = block.get("data") if isinstance(block, dict) else None
        if isinstance(data, dict):
            items = data.get("items")
            parts = [data.get("text"), *(items if isinstance(items, list) else [])]
            texts = (part.get("content") if isinstance(part, dict) else part for part in parts)
            lines += [text for text in texts if isinstance(text, str)]
    return "\n".join(lines)


def parts_of(value: Any) -> list[Any]:
    """Return the parts of a value: of several cells, the parts of each."""
    if is_empty(value):
        return []
    if isinstance(value, Cells):
        cells = [decoded_cell(cell) for cell in value if not is_empty(cell)]
        return [
            part for cell in cells for part in (cell if isinstance(cell, list | tuple) else [cell])
        ]
    return list(value) if isinstance(value, list | tuple) else [value]


def pictures_of(value: Any) -> list[Any]:
    """Return the pictures in a value; an object that only holds some is a list of them.

    If each states its position, they are in that order.
    ``<images><image url="a.jpg"/><image url="b.jpg"/></images>`` is such an object, and so is
    ``{"main": "a.jpg", "gallery": ["b.jpg"]}``. An object of one picture in several sizes is not.
    """
    parts = parts_of(value)
    for name in _POSITIONS:
        if all(isinstance(part, dict) and type(part.get(name)) is int for part in parts):
            parts = sorted(parts, key=itemgetter(name))
    return [picture for part in parts for picture in _pictures_in(part)]


def _pictures_in(part: Any) -> list[Any]:
    if not isinstance(part, dict) or not part or any(name in _PICTURES for name in part):
        inner = next(iter(part.values())) if isinstance(part, dict) and len(part) == 1 else None
        return pictures_of(inner) if isinstance(inner, list) else [part]
    values = [inner for inner in part.values() if isinstance(inner, list | dict | str)]
    is_list = any(isinstance(inner, list) for inner in values)
    is_numbered = len({_NUMBER.sub("", str(name)) for name in part}) == 1  # img1, img2
    if is_list or len(part) == 1 or is_numbered:
        return [picture for inner in values for picture in pictures_of(inner)]
    return [part]


def picture_of(value: Any, language: str | None = None) -> str:
    """Return the path or URL of a picture that is a text or an object such as ``{"src": ...}``."""
    if isinstance(value, dict):
        found = first_of(value, (*_PICTURES, *_SIZES))
        if isinstance(found, dict | list):
            return picture_of(found, language)
        return text_from(found) if found is not None else text_of(value, language)
    if isinstance(value, list | tuple):
        return picture_of(value[0], language) if value else ""
    return text_from(value)


def first_of(value: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """Return the first value of these names that is not empty, or None.

    Without one of them, names in another case are taken too, such as ``Name``.
    """
    found = (value[name] for name in names if name in value and not is_empty(value[name]))
    if (first := next(found, None)) is not None or len(value) > _FEW:
        return first
    folded = {str(name).casefold(): name for name in value}
    others = (value[folded[key]] for name in names if (key := name.casefold()) in folded)
    return next((part for part in others if not is_empty(part)), None)


def decoded_cell(value: Any) -> Any:
    """Return the list or object that a cell holds as JSON, else the cell.

    A list of texts may also be written as pandas does: ``['a.jpg', 'b.jpg']``.
    """
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "{")):
        return value
    try:
        found = decode_json(value)
    except msgspec.DecodeError:
        if _QUOTED.sub("", value).strip("[], \n"):
            return value
        found = [first or second for first, second in _QUOTED.findall(value)]
    return found if isinstance(found, list | dict) else value
