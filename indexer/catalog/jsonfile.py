"""Read the records of JSON lines, and of a JSON document that holds a list of objects."""

from __future__ import annotations

import codecs
import re
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec

from indexer.catalog.categorytree import path_in_tree
from indexer.catalog.item_parser import BrokenRow, NumberedRow, Record
from indexer.catalog.jsonapi import is_jsonapi, jsonapi_records
from indexer.catalog.jsonwrappers import is_named, is_product, unwrapped
from indexer.catalog.nested import first_of, text_of
from indexer.catalog.shopformat import text_cell
from indexer.errors import BadCatalog
from indexer.jsonbytes import decode_json, decode_json_as

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_FIRST_FIELD = re.compile(rb'\s*\{\s*("(?:[^"\\]|\\.)*")\s*:\s*("(?:[^"\\]|\\.)*"|-?\d+(?=[\s,}]))')
_MAX_LINE: Final = 32_000_000  # bytes of a record
_MOST_VALUES: Final = 1_000_000  # of a record, or commas in its texts
_DEEPEST: Final = 4  # objects around a list of products
_FIRST_BYTES: Final = 10_000  # of a line that is too long, for its id
# Where documents of shops keep their products.
_LISTS: Final = (
    "products", "items", "@graph", "itemListElement", "data", "results", "offers", "nodes",
    "edges", "_embedded", "product", "objects", "listings", "records", "hits",
    "entries", "resources", "articles", "documents", "docs", "rows", "content", "value", "d",
    "result", "productVariations", "payload", "goods",
)  # fmt: skip
_TITLES: Final = ("name", "title")
_ABOVE: Final = ("parent_id", "parentId", "parent_category_id", "parent")
_NUMBERED: Final = ("categories", "category_ids", "categoryIds", "category_id", "categoryId",
                    "category")  # fmt: skip
"""The fields of a product that may hold the numbers of categories."""
_ROOT: Final = "root of the categories"


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

    The text of the document is held in memory, its objects one at a time. A file of JSON lines is
    read as that. Raise BadCatalog if the file is neither.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadCatalog(f"cannot read {path}: {error.strerror or error}") from error
    text = data.removeprefix(codecs.BOM_UTF8)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = data.decode("utf-16", "replace").encode()
    try:
        found = _products_in(msgspec.Raw(text.strip()))
    except msgspec.DecodeError as error:
        if not isinstance(_decoded(text.lstrip().partition(b"\n")[0]), BrokenRow):
            yield from json_lines(path)
            return
        raise BadCatalog(f"{path} is not JSON: {error}") from error
    if found is None:
        raise BadCatalog(f"{path}: expected a list of objects, or an object with one")
    tree = _categories_in(text)
    for number, part in enumerate(found, start=1):
        record = _decoded(part) if isinstance(part, msgspec.Raw) else unwrapped(part)
        if tree and isinstance(record, dict):
            record = _with_paths(record, tree)
        yield f"object {number}", record


def _categories_in(text: bytes) -> dict[str, tuple[str, str]]:
    """Return the categories that a document lists beside its products, for ``path_in_tree``."""
    document = msgspec.Raw(text.strip())
    listed = decode_json_as(document, dict[str, msgspec.Raw]) if _is_object(document) else {}
    raw = listed.get("categories")
    parts = decode_json(raw) if raw is not None and _is_list(raw) else []
    categories = [part for part in parts if isinstance(part, dict) and first_of(part, _TITLES)]
    tree = {_ROOT: ("", "")}
    for part in categories:
        above = text_cell(first_of(part, _ABOVE))
        name = text_of(first_of(part, _TITLES))
        tree[text_cell(part.get("id"))] = (name, _ROOT if above in ("", "0") else above)
    for part in categories:
        below = part.get("subcategories")
        for child in map(text_cell, below if isinstance(below, list) else []):
            if child in tree:
                tree[child] = (tree[child][0], text_cell(part.get("id")))
    return tree if len(tree) > 1 else {}


def _with_paths(record: Record, tree: dict[str, tuple[str, str]]) -> Record:
    """Return a record with the paths of its categories in place of their numbers."""
    for name in _NUMBERED:
        value = record.get(name)
        numbers = [text_cell(one) for one in (value if isinstance(value, list) else [value])]
        if paths := [path_in_tree(one, tree) for one in numbers if one in tree]:
            others = {key: part for key, part in record.items() if key != name}
            return {**others, "categories": paths}
    return record


def _products_in(document: msgspec.Raw) -> Iterable[msgspec.Raw | Record] | None:
    """Return the products in a document, those in a list undecoded; None if it is no container.

    An object that is a product itself is a list of one. Raises msgspec.DecodeError.
    """
    if _is_list(document):
        return decode_json_as(document, list[msgspec.Raw])
    if not _is_object(document):
        return None
    fields = decode_json_as(document, dict[str, msgspec.Raw])
    if (data := fields.get("data")) is not None and _is_list(data):
        first = decode_json_as(data, list[msgspec.Raw])[:1]
        if first and is_jsonapi({"data": [decode_json(first[0])]}):
            whole = decode_json(document)
            if is_jsonapi(whole):
                return jsonapi_records(whole)
    found = _listed_in(fields)
    return [document] if found is None else found


def _listed_in(fields: dict[str, msgspec.Raw]) -> Iterable[msgspec.Raw | Record] | None:
    """Return the products that an object holds in a list, or by their ids; None if it has none."""
    for name in _LISTS:
        inner = fields.get(name)
        if inner is None or (name == "offers" and "name" in fields):
            continue  # a product of schema.org
        if _is_list(inner):
            parts = decode_json_as(inner, list[msgspec.Raw])
            return map(_node, parts) if name == "edges" else parts
        if _is_object(inner):
            nested = _listed_in(decode_json_as(inner, dict[str, msgspec.Raw]))
            if nested is not None:
                return nested
    if len(fields) > 1 and all(
        _is_object(part) and is_product(decode_json(part)) for part in fields.values()
    ):
        return ({"id": name, **decode_json(part)} for name, part in fields.items())
    if is_product(fields):
        return None
    longest = max((_longest_list(part, 1) for part in fields.values()), key=len, default=[])
    return longest if len(longest) > 1 else None


def _longest_list(value: msgspec.Raw, depth: int) -> list[msgspec.Raw]:
    """Return the longest list of objects with a name or an id in a value, or []."""
    if _is_list(value):
        parts = decode_json_as(value, list[msgspec.Raw])
        return parts if all(map(_is_named, parts)) else []
    if not _is_object(value) or depth > _DEEPEST:
        return []
    fields = decode_json_as(value, dict[str, msgspec.Raw])
    return max((_longest_list(part, depth + 1) for part in fields.values()), key=len, default=[])


def _is_named(value: msgspec.Raw) -> bool:
    return _is_object(value) and is_named(decode_json_as(value, dict[str, msgspec.Raw]))


def _node(edge: msgspec.Raw) -> msgspec.Raw:
    """Return the node of an edge of GraphQL, else the value."""
    try:
        return decode_json_as(edge, dict[str, msgspec.Raw]).get("node", edge)
    except msgspec.DecodeError:  # no object, or one whose row is reported as broken
        return edge


def _is_list(value: msgspec.Raw) -> bool:
    return bytes(memoryview(value)[:1]) == b"["


def _is_object(value: msgspec.Raw) -> bool:
    return bytes(memoryview(value)[:1]) == b"{"


def _decoded(line: bytes | msgspec.Raw) -> Record | BrokenRow:
    if memoryview(line).nbytes > _MOST_VALUES and bytes(line).count(b",") > _MOST_VALUES:
        reason = f"has more than {_MOST_VALUES:,} values"  # 10 million lists take 1.4 GB
        return BrokenRow(reason, _first_field(bytes(line)[:_FIRST_BYTES]))
    try:
        record = decode_json(line)
    except msgspec.DecodeError as error:
        return BrokenRow(f"not JSON: {error}", _first_field(bytes(line)))
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
