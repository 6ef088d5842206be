"""``vitrine index --styles`` and ``vitrine styles`` on a shop, seen from outside."""

from __future__ import annotations

from unittest.mock import Mock

import pytest
from PIL import Image

from indexer.items import Item
from indexer.writing.writes import Draft, ImageInput
from search.engine import SearchEngine
from search.shop_writer import RENDERED_AT_ONCE
from tests.commandline import vitrine
from tests.conftest import jpeg, plain

__all__ = ["vitrine"]  # fixtures


def test_a_shop_is_indexed_in_styles_and_says_so(vitrine, tiny_catalog, tmp_path):
    shop = tmp_path / "shop"
    done = vitrine(
        "index", tiny_catalog, "--shop", shop, "--encoder", "color", "--styles", "pastel", "--json"
    )
    (pastel,) = done.json["styles"]
    assert (pastel["name"], pastel["indexed"] + pastel["left_out"]) == ("pastel", 18)
    assert "pastel" in vitrine("status", "--shop", shop).out
    assert vitrine("status", "--shop", shop, "--json").json["styles"] == [pastel]
    added = vitrine("styles", "add", "noir", "film", "--shop", shop, "--json")
    assert [style["name"] for style in added.json["styles"]] == ["film", "noir", "pastel"]
    listed = vitrine("styles", "list", "--shop", shop, "--json").json["styles"]
    assert {style["name"] for style in listed if style["indexed"]} == {"film", "noir", "pastel"}
    removed = vitrine("styles", "remove", "noir", "film", "--shop", shop)
    assert (removed.code, "style pastel" in removed.out, "noir" in removed.out) == (0, True, False)
    assert vitrine("index", tiny_catalog, "--shop", shop, "--json").json["styles"] == [pastel]
    gone = vitrine("index", tiny_catalog, "--shop", shop, "--styles", "none", "--json")
    assert (gone.json["styles"], gone.json["rows"]) == ([], 24)


@pytest.mark.parametrize("words", [("index",), ("index", "--dry-run"), ("styles", "add")])
def test_an_unknown_style_is_named_and_nothing_is_changed(vitrine, tiny_catalog, tmp_path, words):
    shop = tmp_path / "shop"
    vitrine("index", tiny_catalog, "--shop", shop, "--encoder", "color")
    if words[0] == "index":
        done = vitrine(*words, tiny_catalog, "--shop", shop, "--styles", "noir,watrcolor")
    else:
        done = vitrine(*words, "noir", "watrcolor", "--shop", shop)
    assert done.code == 1
    assert "did you mean 'watercolor'?" in done.err
    assert vitrine("status", "--shop", shop, "--json").json["styles"] == []


def test_a_style_that_a_shop_does_not_have_cannot_be_removed(vitrine, tiny_catalog, tmp_path):
    shop = tmp_path / "shop"
    vitrine("index", tiny_catalog, "--shop", shop, "--encoder", "color")
    done = vitrine("styles", "remove", "noir", "--shop", shop)
    assert done.code != 0
    assert "has no style 'noir': it has no styles" in done.err


def test_an_interrupted_removal_names_its_own_command_and_keeps_the_file_until_it_is_done(
    vitrine, tiny_catalog, tmp_path, monkeypatch
):
    shop = tmp_path / "shop"
    vitrine("index", tiny_catalog, "--shop", shop, "--encoder", "color")
    Image.new("RGB", (90, 90), (100, 10, 90)).save(tmp_path / "plum.png")
    vitrine("styles", "add", "plum", "--image", tmp_path / "plum.png", "--shop", shop)
    vitrine("styles", "add", "plum", "--shop", shop)
    with monkeypatch.context() as patch:
        patch.setattr("indexer.jobs.styles.restyle", Mock(side_effect=KeyboardInterrupt))
        stopped = vitrine("styles", "remove", "plum", "--shop", shop)
    assert stopped.code != 0
    assert "'vitrine styles remove'" in stopped.err
    assert "'vitrine styles add'" not in stopped.err
    assert (shop / "styles" / "plum.png").exists()
    done = vitrine("styles", "remove", "plum", "--shop", shop, "--json")
    assert (done.json["rows"], done.json["styles"]) == (24, [])
    assert not (shop / "styles" / "plum.png").exists()


def test_items_that_are_put_by_a_command_are_rendered(vitrine, tiny_catalog, tmp_path):
    shop = tmp_path / "shop"
    vitrine("index", tiny_catalog, "--shop", shop, "--encoder", "color", "--styles", "film")
    Image.new("RGB", (90, 90), (100, 10, 90)).save(tmp_path / "plum.png")
    (tmp_path / "more.csv").write_text("id,title,images\nplum,Plum,plum.png\n", encoding="utf-8")
    assert vitrine("put", tmp_path / "more.csv", "--shop", shop).code == 0
    with SearchEngine.open(shop) as engine:
        (hit, *_) = engine.by_image(engine.thumbnail("plum", 0, "film"))
    assert (hit.item_id, hit.variant) == ("plum", "film")


def test_styles_add_without_a_name_renders_what_is_missing(vitrine, tiny_catalog, tmp_path):
    shop = tmp_path / "shop"
    vitrine("index", tiny_catalog, "--shop", shop, "--encoder", "color", "--styles", "film")
    photos = [jpeg(plain((at * 10, 250 - at * 10, 60))) for at in range(RENDERED_AT_ONCE + 2)]
    drafts = [
        Draft(
            f"item-{at}",
            lambda _, at=at: Item(item_id=f"item-{at}", product_id=f"item-{at}"),
            [ImageInput(f"{at}.jpg", lambda photo=photo: photo)],
        )
        for at, photo in enumerate(photos)
    ]
    with SearchEngine.open(shop) as engine:
        engine.put(drafts)
    done = vitrine("styles", "add", "--shop", shop, "--json")
    rendered = done.json["rendered"]
    assert (done.code, rendered["rendered"] + rendered["left_out"]) == (0, 2)
    named = vitrine("styles", "add", "--image", tmp_path / "x.png", "--shop", shop)
    assert (named.code, "give one NAME" in named.err) == (2, True)


def test_styles_remove_prints_one_shape(vitrine, tiny_catalog, tmp_path):
    shop = tmp_path / "shop"
    vitrine("index", tiny_catalog, "--shop", shop, "--encoder", "color", "--styles", "film")
    Image.new("RGB", (90, 90), (100, 10, 90)).save(tmp_path / "plum.png")
    vitrine("styles", "add", "plum", "--image", tmp_path / "plum.png", "--shop", shop)
    own = vitrine("styles", "remove", "plum", "--shop", shop, "--json").json
    indexed = vitrine("styles", "remove", "film", "--shop", shop, "--json").json
    assert own.keys() == indexed.keys()
    assert (own["deleted"], own["published"]) == (["plum"], False)
    assert [style["name"] for style in own["styles"]] == ["film"]
    assert (indexed["deleted"], indexed["published"], indexed["styles"]) == ([], True, [])
