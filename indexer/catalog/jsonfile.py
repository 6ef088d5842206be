"""Read the records of JSON lines, and of a JSON document that holds a list of objects."""

from __future__ import annotations

import codecs
import re
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec

from indexer.catalog.categorytree import tree_of, with_paths
from indexer.catalog.item_parser import BrokenRow, NumberedRow, Record
from indexer.catalog.jsonapi import is_jsonapi, jsonapi_records
from indexer.catalog.jsonwrappers import is_named, is_product, unwrapped
from indexer.catalog.objectvariants import VARIANTS
from indexer.catalog.rawjson import (
    MOST_VALUES,
    has_short_values,
    is_list,
    is_object,
    raw_fields,
    raw_parts,
)
from indexer.errors import BadCatalog
from indexer.jsonbytes import decode_json, decode_json_as

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
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
    "result", "productVariations", "payload", "goods", "hydra:member", "member",
)  # fmt: skip
_VARIANTS: Final = frozenset({*VARIANTS, "product_configs", "product_simples"})


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
                record = with_paths(record, tree)
            yield f"object {number}", record
    except msgspec.DecodeError as error:  # of a list that was not read before
        raise BadCatalog(f"{path} is not JSON: {error}") from error


def _categories_in(text: bytes) -> dict[str, tuple[str, str]]:
    """Return the categories that a document lists beside its products, for ``path_in_tree``."""
    document = msgspec.Raw(text.strip())
    raw = raw_fields(document).get("categories") if is_object(document) else None
    return (
        {}
        if raw is None or not is_list(raw) or has_short_values(raw)
        else tree_of(decode_json(raw))
    )


def _products_in(document: msgspec.Raw) -> Iterable[msgspec.Raw | Record | BrokenRow] | None:
    """Return the products in a document, those in a list undecoded; None if it is no container.

    An object that is a product itself is a list of one. Raises msgspec.DecodeError.
    """
    if is_list(document):
        return raw_parts(document)
    if not is_object(document):
        return None
    fields = raw_fields(document)
    if (data := fields.get("data")) is not None and is_list(data):
        first = [_decoded(part) for part in islice(raw_parts(data), 1)]
        if is_jsonapi({"data": first}):
            if has_short_values(document):
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
        if is_list(inner):
            return map(_node, raw_parts(inner)) if name == "edges" else raw_parts(inner)
        if is_object(inner):
            nested = _listed_in(raw_fields(inner))
            if nested is not None:
                return nested
    if len(fields) > 1 and all(
        is_object(part) and is_product(raw_fields(part)) for part in fields.values()
    ):
        return (_with_id(name, _decoded(part)) for name, part in fields.items())
    if is_product(fields):
        return None
    longest = max(
        (_longest_list(part, 1) for part in _beside_variants(fields)), key=len, default=[]
    )
    return longest if len(longest) > 1 else None


def _longest_list(value: msgspec.Raw, depth: int) -> list[msgspec.Raw]:
    """Return the longest list of objects with a name or an id in a value, or []."""
    if is_list(value):
        parts = [] if has_short_values(value) else decode_json_as(value, list[msgspec.Raw])
        return parts if all(map(_is_named, parts)) else []
    if not is_object(value) or depth > _DEEPEST:
        return []
    inner = _beside_variants(raw_fields(value))
    return max((_longest_list(part, depth + 1) for part in inner), key=len, default=[])


def _beside_variants(fields: dict[str, msgspec.Raw]) -> list[msgspec.Raw]:
    """Return the values of an object but for the variants of one product."""
    return [part for name, part in fields.items() if name not in _VARIANTS]


def _with_id(name: str, record: Record | BrokenRow) -> Record | BrokenRow:
    return record if isinstance(record, BrokenRow) else {"id": name, **record}


def _is_named(value: msgspec.Raw) -> bool:
    return is_object(value) and is_named(raw_fields(value))


def _node(edge: msgspec.Raw) -> msgspec.Raw:
    """Return the node of an edge of GraphQL, else the value."""
    try:
        return raw_fields(edge).get("node", edge)
    except msgspec.DecodeError:  # no object, or one whose row is reported as broken
        return edge


def _decoded(line: bytes | msgspec.Raw) -> Record | BrokenRow:
    if memoryview(line).nbytes > MOST_VALUES and bytes(line).count(b",") > MOST_VALUES:
        reason = f"has more than {MOST_VALUES:,} values"  # 10 million lists take 1.4 GB
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
