"""HTML becomes text, and of a text in several languages one is taken."""

from __future__ import annotations

import pytest

from indexer.catalog.nested import text_of
from indexer.catalog.texts import plain_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("Men&#39;s T&eacute;e &amp; Co", "Men's Tée & Co"),
        ('<p class="x">Soft<br>cotton&nbsp;blend</p>', "Soft cotton blend"),
        ("<ul><li>one</li><li>two</li></ul>", "one two"),
        ("Black &amp; gold <strong>lea</strong>ther", "Black & gold leather"),
        ("&lt;p&gt;Soft &amp;amp; nice&lt;/p&gt;", "Soft & nice"),
        ("a<!-- hidden -->b", "ab"),
        ("<style>p{color:red}</style>Hi<script>alert(1)</script>", "Hi"),
        ('<a href="x" title="a > b">link</a>', "link"),
        ("x<br/>y", "x y"),
        ("&#x1F600;", "😀"),
    ],
)
def test_html_becomes_text(html, text):
    assert plain_text(html) == text


@pytest.mark.parametrize(
    "text",
    ["R&D", "5 < 6 & 7 > 3", "Size <M>", "I <3 you", "a  b\nc", "x &copy= y", "AT&T;", "", "<", "&",
     "50% off; <=10"],
)  # fmt: skip
def test_what_only_looks_like_html_stays_as_it_is(text):
    assert plain_text(text) == text


@pytest.mark.parametrize(
    "text", ["<p" * 50_000, "<!--" * 50_000, "&amp;" * 50_000, "<p><" * 50_000, "</" * 50_000]
)
def test_hostile_html_ends(text):
    assert isinstance(plain_text(text), str)


@pytest.mark.parametrize(
    ("value", "language", "text"),
    [
        ({"en": "Blue mug", "de": "Blaue Tasse"}, None, "Blue mug"),
        ({"en": "Blue mug", "de": "Blaue Tasse"}, "de", "Blaue Tasse"),
        ({"en_US": "Blue mug", "de_AT": "Häferl"}, "de", "Häferl"),
        ({"fr": "Tasse bleue", "it": ""}, "en", "Tasse bleue"),
        ({"de": "Tasse", "en": None}, "en", "Tasse"),
        ({"name": "Mugs", "id": 5}, None, "Mugs"),
        ({"name": {"en": "Mugs"}}, None, "Mugs"),
        ([{"name": "a"}, {"name": "b"}], None, "a, b"),
        ({"x": {"y": 1}}, None, ""),
        ({}, None, ""),
        (True, None, "true"),
        (5, None, "5"),
        (None, None, ""),
    ],
)
def test_a_nested_value_is_a_text_and_never_a_python_object(value, language, text):
    assert text_of(value, language) == text
