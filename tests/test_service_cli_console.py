"""What is printed: nothing that others wrote moves the terminal."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from service.cli.terminal import printable
from tests.commandline import vitrine
from tests.conftest import write_catalog

__all__ = ["vitrine"]  # a fixture

NASTY = "\x1b[31mMug\x1b]0;owned\x07\x9b2J\x08\x7f\u202egum\u2066"
HARMFUL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Mug, 12 \u20ac \u05e1\u05e4\u05dc \U0001f469\u200d\U0001f373", None),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nvitrine: all well\r\nb", "a vitrine: all well b"),
        ("a\tb\x00", "a\\tb\\x00"),
        ("\x9b31m\x7f", "\\x9b31m\\x7f"),
        ("\u202egum", "\\u202egum"),
        ("caf\udce9", "caf\\udce9"),
    ],
)
def test_what_a_terminal_would_obey_is_shown_as_an_escape(text, shown):
    assert printable(text) == (text if shown is None else shown)


@pytest.fixture
def nasty(tmp_path: Path) -> Path:
    """A catalog whose titles, categories and reasons want to do something to a terminal."""
    catalog = write_catalog(tmp_path / "catalog")
    text = catalog.read_text().replace("Red mug", NASTY).replace("Home/Mugs", f"Home/{NASTY}")
    text += f"bad-row,,{NASTY},,,{NASTY},,,,x.jpg\nbad-image,,,,,,,,,{NASTY}.jpg\n"
    catalog.write_text(text)
    return catalog


def test_no_control_character_of_a_catalog_reaches_the_terminal(vitrine, nasty, tmp_path):
    shop = tmp_path / "shop"
    queries = nasty.with_name("queries.csv")
    queries.write_text(f"image,item_id\nimages/red-mug-1.jpg,red-mug\n{NASTY}.jpg,red-mug\n")
    for words in (
        ("plan", nasty, "--encoder", "color"),
        ("index", nasty, "--shop", shop, "--encoder", "color", "--dry-run"),
        ("index", nasty, "--shop", shop, "--encoder", "color"),
        ("put", nasty, "--shop", shop),
        ("search", "--text", "mug", "--shop", shop),
        ("search", "--item", NASTY, "--shop", shop),
        ("status", "--shop", shop),
        ("check", "--shop", shop),
        ("delete", NASTY, "--shop", shop),
        ("eval", "--shop", shop, "--queries", queries),
        ("generations", "--shop", shop),
        ("index", f"{NASTY}.csv", "--shop", shop),
    ):
        for more in ((), ("--json",)):
            done = vitrine(*words, *more)
            assert "internal error" not in done.err, done.err
            assert not HARMFUL.search(done.out), (words, done.out)
            bars = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", done.err)
            assert not HARMFUL.search(bars), (words, done.err)


def test_json_says_what_the_catalog_says(vitrine, nasty, tmp_path):
    shop = tmp_path / "shop"
    vitrine("index", nasty, "--shop", shop, "--encoder", "color")
    hits = vitrine("search", "--text", "mug", "--shop", shop, "-k", 50, "--json")
    assert NASTY in [hit["title"] for hit in json.loads(hits.out)["hits"]]
