"""Read the records of JSON lines, and of a JSON document that holds a list of objects."""

from __future__ import annotations

import codecs
import re
from functools import partial
from itertools import islice
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
_MOST_FIELDS: Final = 1_000_000  # of an object around products, if they are short
_SHORT: Final = 16  # bytes of a value and its comma; an undecoded value takes 80 to 230 bytes
_DEEPEST_PART: Final = 1000  # levels, as msgspec
_STRING: Final = rb'"(?:[^"\\]++|\\.)*+"?'
_FLAT: Final = rb'\[(?:[^][{}"]++|%(s)b)*+\]|\{(?:[^][{}"]++|%(s)b)*+\}' % {b"s": _STRING}
_BETWEEN_BRACKETS = re.compile(rb'(?:[^][{}"]++|%b|%b)*+' % (_STRING, _FLAT), re.DOTALL)
_BETWEEN_COMMAS = re.compile(rb'(?:[^][{},"]++|%b|%b)*+' % (_STRING, _FLAT), re.DOTALL)
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
    try:
        tree = _categories_in(text)
        for number, part in enumerate(found, start=1):
            if isinstance(part, msgspec.Raw):
                record = _decoded(part)
            else:
                record = part if isinstance(part, BrokenRow) else unwrapped(part)
            if tree and not isinstance(record, BrokenRow):
                record = _with_paths(record, tree)
            yield f"object {number}", record
    except msgspec.DecodeError as error:  # of a list that was not read before
        raise BadCatalog(f"{path} is not JSON: {error}") from error


def _categories_in(text: bytes) -> dict[str, tuple[str, str]]:
    """Return the categories that a document lists beside its products, for ``path_in_tree``."""
    document = msgspec.Raw(text.strip())
    raw = _fields(document).get("categories") if _is_object(document) else None
    if raw is None or not _is_list(raw) or _has_short_values(raw):
        return {}
    parts = decode_json(raw)
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


def _products_in(document: msgspec.Raw) -> Iterable[msgspec.Raw | Record | BrokenRow] | None:
    """Return the products in a document, those in a list undecoded; None if it is no container.

    An object that is a product itself is a list of one. Raises msgspec.DecodeError.
    """
    if _is_list(document):
        return _parts(document)
    if not _is_object(document):
        return None
    fields = _fields(document)
    if (data := fields.get("data")) is not None and _is_list(data):
        first = [_decoded(part) for part in islice(_parts(data), 1)]
        if is_jsonapi({"data": first}):
            if _has_short_values(document):
                raise msgspec.DecodeError("JSON:API with millions of short values")
            whole = decode_json(document)
            if is_jsonapi(whole):
                return jsonapi_records(whole)
    found = _listed_in(fields)
    return [document] if found is None else found


def _listed_in(
    fields: dict[str, msgspec.Raw],
) -> Iterable[msgspec.Raw | Record | BrokenRow] | None:
    """Return the products that an object holds in a list, or by their ids; None if it has none."""
    for name in _LISTS:
        inner = fields.get(name)
        if inner is None or (name == "offers" and "name" in fields):
            continue  # a product of schema.org
        if _is_list(inner):
            return map(_node, _parts(inner)) if name == "edges" else _parts(inner)
        if _is_object(inner):
            nested = _listed_in(_fields(inner))
            if nested is not None:
                return nested
    if len(fields) > 1 and all(
        _is_object(part) and is_product(_fields(part)) for part in fields.values()
    ):
        return (_with_id(name, _decoded(part)) for name, part in fields.items())
    if is_product(fields):
        return None
    longest = max((_longest_list(part, 1) for part in fields.values()), key=len, default=[])
    return longest if len(longest) > 1 else None


def _longest_list(value: msgspec.Raw, depth: int) -> list[msgspec.Raw]:
    """Return the longest list of objects with a name or an id in a value, or []."""
    if _is_list(value):
        parts = [] if _has_short_values(value) else decode_json_as(value, list[msgspec.Raw])
        return parts if all(map(_is_named, parts)) else []
    if not _is_object(value) or depth > _DEEPEST:
        return []
    inner = _fields(value).values()
    return max((_longest_list(part, depth + 1) for part in inner), key=len, default=[])


def _with_id(name: str, record: Record | BrokenRow) -> Record | BrokenRow:
    return record if isinstance(record, BrokenRow) else {"id": name, **record}


def _parts(value: msgspec.Raw) -> Iterable[msgspec.Raw]:
    """Return the parts of a list, undecoded; one at a time if all would take too much memory.

    Raises msgspec.DecodeError: of parts one at a time when they have been read.
    """
    if not _has_short_values(value):
        return decode_json_as(value, list[msgspec.Raw])
    text = bytes(value)
    return (msgspec.Raw(text[start:end].strip()) for start, end in _places(text))


def _fields(value: msgspec.Raw) -> dict[str, msgspec.Raw]:
    """Return the fields of an object, undecoded. Raises msgspec.DecodeError."""
    if _has_short_values(value) and any(islice(_places(bytes(value)), _MOST_FIELDS, None)):
        raise msgspec.DecodeError(f"an object has more than {_MOST_FIELDS:,} fields")
    return decode_json_as(value, dict[str, msgspec.Raw])


def _has_short_values(value: msgspec.Raw) -> bool:
    """Return True for millions of values so short that objects for them would fill the memory."""
    size = memoryview(value).nbytes
    if size <= _MOST_VALUES:
        return False
    return bytes(value).count(b",") > max(_MOST_VALUES, size / _SHORT)


def _places(text: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each part of a list or field of an object begins and ends."""
    depth = start = at = 1
    while 0 < depth <= _DEEPEST_PART:
        match = (_BETWEEN_COMMAS if depth == 1 else _BETWEEN_BRACKETS).match(text, at)
        at = match.end() if match else at
        mark = text[at : at + 1]
        if not mark:
            raise msgspec.DecodeError("it ends within a list or an object")
        depth += 1 if mark in b"[{" else -1 if mark in b"]}" else 0
        at += 1
        if depth == 0 or mark == b",":
            yield start, at - 1
            start = at
    if depth:
        raise msgspec.DecodeError("nested too deeply")


def _is_named(value: msgspec.Raw) -> bool:
    return _is_object(value) and is_named(_fields(value))


def _node(edge: msgspec.Raw) -> msgspec.Raw:
    """Return the node of an edge of GraphQL, else the value."""
    try:
        return _fields(edge).get("node", edge)
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
