"""Photos as text: every way in which programs write base64."""

from __future__ import annotations

import base64
import textwrap

import pytest

from service.base64text import decode_base64, is_data_uri

DATA = bytes(range(256)) + b"\xfb\xff\xfe"
PLAIN = base64.b64encode(DATA).decode()
URL_SAFE = base64.urlsafe_b64encode(DATA).decode()


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        URL_SAFE,
        PLAIN.rstrip("="),
        URL_SAFE.rstrip("="),
        "\n".join(textwrap.wrap(PLAIN, 76)),
        base64.encodebytes(DATA).decode().replace("\n", "\r\n"),
        f"  {PLAIN}\t\n",
        f"\ufeff{PLAIN}",
        PLAIN.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D"),
        f"data:image/jpeg;base64,{PLAIN}",
        f"data:;base64,{PLAIN}",
        f"DATA:image/PNG;Base64,{URL_SAFE}",
        f"data:image/png;name=a.png;charset=utf-8;base64,\n{PLAIN}",
        f"data:application/octet-stream; base64 ,{PLAIN.rstrip('=')}",
        "data:image/png," + "".join(f"%{byte:02x}" for byte in DATA),
    ],
)
def test_every_flavor_of_base64_is_read(text):
    assert decode_base64(text) == DATA


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("###", "'#' at character 1 is not a letter of base64"),
        ("abcd*", "'\\*' at character 5"),
        ("abcde", "5 letters are not a whole number of bytes; is it cut off"),
        ("not base64!", "'!'"),
        ("AA=A", "'=' at character 3"),
        ("äöü", "'ä' at character 1"),
        ("%41" * 1_000_001, "over 1,000,000 percent escapes"),
        ("data:image/png," + "%41" * 1_000_001, "over 1,000,000 percent escapes"),
    ],
)
def test_text_that_is_not_base64_names_the_wrong_letter(text, message):
    with pytest.raises(ValueError, match=message):
        decode_base64(text)


def test_only_a_data_uri_is_one():
    assert is_data_uri("data:image/png;base64,AA")
    assert is_data_uri("Data:,x")
    assert not is_data_uri("data/front.jpg")
    assert not is_data_uri("data:front.jpg")
