"""The table of models says what open_clip says, and names only ids that Vitrine reads."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from indexer.encoders.registry import FORMS, canonical_id

PAGE = (Path(__file__).parent.parent / "docs" / "encoders.md").read_text(encoding="utf-8")


class Recipe(NamedTuple):
    """One line of the table, as it is written."""

    encoder_id: str
    size: str
    dim: str
    words: str
    license: str
    checked: str


def recipes() -> list[Recipe]:
    table = PAGE.split("<!-- recipes -->\n")[1].split("\n<!-- /recipes -->")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]
    return [Recipe(row[0].strip("`"), *row[1:]) for row in rows]


TAGGED = [one for one in recipes() if one.checked == "config"]


@pytest.mark.torch
@pytest.mark.skipif(importlib.util.find_spec("open_clip") is None, reason="open_clip is missing")
@pytest.mark.parametrize("recipe", TAGGED, ids=[one.encoder_id for one in TAGGED])
def test_open_clip_knows_the_model_with_this_size_and_these_dimensions(recipe: Recipe) -> None:
    from indexer.encoders.torchmodel import import_packages

    (open_clip,) = import_packages("open_clip", encoder_id=recipe.encoder_id)
    name, _, tag = recipe.encoder_id.removeprefix("openclip:").partition("/")
    assert tag in open_clip.list_pretrained_tags_by_model(name)
    config = json.loads(
        (Path(open_clip.__file__).parent / "model_configs" / f"{name}.json").read_text()
    )
    assert str(config["vision_cfg"]["image_size"]) == recipe.size
    assert str(config["embed_dim"]) == recipe.dim
    assert ("hf_tokenizer_name" in config["text_cfg"]) is ("needs `st`" in recipe.words)


def test_every_line_has_an_id_that_is_read_as_it_stands_and_a_license() -> None:
    kinds = {form.partition(":")[0] for form in FORMS}
    for recipe in recipes():
        assert recipe.encoder_id.partition(":")[0] in kinds
        assert canonical_id(recipe.encoder_id) == recipe.encoder_id
        assert re.fullmatch(r"\d+", recipe.dim), recipe.encoder_id
        assert recipe.license
        assert recipe.checked in {"config", "format", "no"}
        cut = re.search(r"@(\d+)$", recipe.encoder_id)
        assert cut is None or cut[1] == recipe.dim


def test_a_model_that_open_clip_lists_is_checked_against_it() -> None:
    hubs = ("openclip:hf-hub:", "openclip:local-dir:")
    for recipe in recipes():
        listed = recipe.encoder_id.startswith("openclip:") and not recipe.encoder_id.startswith(
            hubs
        )
        assert (recipe.checked == "config") is listed, recipe.encoder_id
