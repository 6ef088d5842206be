"""Untrusted JSON: whatever the bytes are, there is one kind of error."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from indexer.jsonbytes import decode_json, decode_json_as

ROOT = Path(__file__).parent.parent


def test_json_is_decoded_to_the_type_that_is_asked_for():
    assert decode_json(b'{"a": [1, 2]}') == {"a": [1, 2]}
    assert decode_json_as('"x"', str) == "x"


@pytest.mark.parametrize(
    "data", [b"", b"{", b'"\xe9"', b'{"a": "\xff"}', b"[" * 100_000, b'{"a": ' * 100_000, b"1 2"]
)
def test_what_is_not_json_is_one_kind_of_error(data):
    with pytest.raises(msgspec.DecodeError):
        decode_json(data)


def test_json_of_another_type_is_the_same_kind_of_error():
    with pytest.raises(msgspec.DecodeError):
        decode_json_as(b"[1]", dict[str, int])


def test_no_other_module_decodes_json_with_msgspec():
    """Its own function raises errors of three classes, of which callers forget two."""
    found = [
        str(path.relative_to(ROOT))
        for folder in ("indexer", "search", "service")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if path.name != "jsonbytes.py" and "client" not in path.parts
        if "msgspec.json.decode(" in path.read_text("utf-8")
    ]
    assert found == []
