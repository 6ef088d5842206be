"""Read the records of JSON lines, and of a JSON document that holds a list of objects."""

from __future__ import annotations

import codecs
import re
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import msgspec

from indexer.catalog.item_parser import BrokenRow, NumberedRow, Record
from indexer.catalog.jsonapi import is_jsonapi, jsonapi_records
from indexer.catalog.jsonwrappers import is_named, is_product, unwrapped
from indexer.errors import BadCatalog
from indexer.jsonbytes import decode_json, decode_json_as

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FIRST_FIELD = re.compile(rb'\s*\{\s*("(?:[^"\\]|\\.)*")\s*:\s*("(?:[^"\\]|\\.)*"|-?\d+(?=[\s,}]))')
_MAX_LINE: Final = 32_000_000  # bytes of a record
_DEEPEST: Final = 4  # objects around a list of products
_FIRST_BYTES: Final = 10_000  # of a line that is too long, for its id
# Where documents of shops keep their products.
_LISTS: Final = (
    "products", "items", "@graph", "itemListElement", "data", "results", "offers", "nodes",
    "edges", "_embedded", "product", "objects", "listings", "records", "hits",
    "entries", "resources", "articles", "documents", "docs", "rows", "content", "value", "d",
)  # fmt: skip


def json_lines(path: Path) -> Iterator[NumberedRow]:
    """Yield the object on each line; a line that is not one is a BrokenRow."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(iter(partial(file.readline, _MAX_LINE), b""), start=1):
                if number == 1:
                    line = line.removeprefix(codecs.BOM_UTF8)
                if len(line) >= _MAX_LINE - 3 and not line.endswith(b"\n"):
                    _pass_line(file)
                    reason = f"has more than {_MAX_LINE:,} bytes, the largest line that is read"
                    yield f"line {number}", BrokenRow(reason, _first_field(line[:_FIRST_BYTES]))
                elif line.strip():
                    yield f"line {number}", _decoded(line)
    except OSError as error:
        raise BadCatalog(f"cannot read {path}: {error.strerror or error}") from error


def json_document(path: Path) -> Iterator[NumberedRow]:
    """Yield the objects of a JSON document: a list, or an object with a list of products.

    The whole document is held in memory. A file of JSON lines is read as that. Raise BadCatalog if
    the file is neither.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadCatalog(f"cannot read {path}: {error.strerror or error}") from error
    text = data.removeprefix(codecs.BOM_UTF8)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = data.decode("utf-16", "replace").encode()
    try:
        document = decode_json(text)
    except msgspec.DecodeError as error:
        if not isinstance(_decoded(text.lstrip().partition(b"\n")[0]), BrokenRow):
            yield from json_lines(path)
            return
        raise BadCatalog(f"{path} is not JSON: {error}") from error
    found = jsonapi_records(document) if is_jsonapi(document) else products_in(document)
    if found is None:
        kind = type(document).__name__
        raise BadCatalog(f"{path}: expected a list of objects, or an object with one; got {kind}")
    for number, record in enumerate(found, start=1):
        if isinstance(record, dict):
            yield f"object {number}", unwrapped(record)
        else:
            reason = f"expected an object, got {type(record).__name__}"
            yield f"object {number}", BrokenRow(reason, {})


def products_in(document: Any) -> list[Any] | None:
    """Return the list of products in a document; None if it has no such list.

    An object that is a product itself is a list of one.
    """
    if isinstance(document, list):
        return document
    if not isinstance(document, dict):
        return None
    for name in _LISTS:
        inner = document.get(name)
        if name == "offers" and "name" in document:
            continue  # a product of schema.org
        if isinstance(inner, list):
            return [_node(part) for part in inner] if name == "edges" else inner
        if isinstance(inner, dict):
            nested = products_in(inner)
            if nested is not None and nested != [inner]:
                return nested
    parts = list(document.values())
    if len(parts) > 1 and all(isinstance(part, dict) and is_product(part) for part in parts):
        return [{"id": name, **part} for name, part in document.items()]  # by their ids
    if not is_product(document) and len(inner := _longest_list(document, 0)) > 1:
        return inner
    return [document]


def _longest_list(value: Any, depth: int) -> list[Any]:
    """Return the longest list of objects with a name or an id in a document, or []."""
    if isinstance(value, list):
        return value if all(isinstance(part, dict) and is_named(part) for part in value) else []
    if not isinstance(value, dict) or depth > _DEEPEST:
        return []
    return max((_longest_list(part, depth + 1) for part in value.values()), key=len, default=[])


def _node(edge: Any) -> Any:
    """Return the node of an edge of GraphQL, else the value."""
    return edge["node"] if isinstance(edge, dict) and "node" in edge else edge


def _decoded(line: bytes) -> Record | BrokenRow:
    try:
        record = decode_json(line)
    except msgspec.DecodeError as error:
        return BrokenRow(f"not JSON: {error}", _first_field(line))
    if isinstance(record, dict):
        return unwrapped(record)
    return BrokenRow(f"expected an object, got {type(record).__name__}", {})


def _pass_line(file: BinaryIO) -> None:
    """Read the rest of a line, piece by piece."""
    while (piece := file.readline(_MAX_LINE)) and not piece.endswith(b"\n"):
        pass


def _first_field(line: bytes) -> Record:
    """Return the first name and value of a broken line, or {} if they are incomplete."""
    match = _FIRST_FIELD.match(line)
    if match is None:
        return {}
    try:
        return {decode_json_as(match[1], str): decode_json(match[2])}
    except msgspec.DecodeError:
        return {}
