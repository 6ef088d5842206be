"""Writing to a shop from the command line: put, delete, rebuild; and the pages of a search."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from indexer.shop.joblock import job_lock
from search.engine import SearchEngine
from service.exitcodes import BUSY
from tests.commandline import assert_one_line, vitrine
from tests.conftest import COLORS, jpeg, plain

__all__ = ["vitrine"]  # a fixture


@pytest.fixture
def more(tmp_path: Path) -> Path:
    """A catalog of a new item, of one that is known at another price, and of a broken one."""
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "hat.jpg").write_bytes(jpeg(plain((200, 20, 200))))
    (folder / "mug.jpg").write_bytes(jpeg(plain(COLORS["red"], spot=20)))
    (folder / "broken.jpg").write_bytes(b"no picture")
    path = folder / "more.csv"
    path.write_text(
        "id,product_id,title,price,images\n"
        "hat,hat,Purple hat,12,hat.jpg\n"
        "red-mug,mug-red,Red mug,99,mug.jpg\n"
        "lamp,lamp,Lamp,5,broken.jpg\n"
    )
    return path


def test_put_adds_and_replaces_and_leaves_the_rest(vitrine, shop, more):
    done = vitrine("put", more, "--shop", shop)
    assert done.code == 1  # something was left out
    assert "1 items added, 1 replaced, 0 unchanged, 1 left out" in done.out
    assert "lamp" in done.err
    hits = vitrine("search", "--text", "purple hat", "--shop", shop, "--json").json["hits"]
    assert [hit["item_id"] for hit in hits][:1] == ["hat"]
    found = vitrine("search", "--item", "red-shoe", "--shop", shop, "-k", 20, "--json").json
    prices = {hit["item_id"]: hit["price"] for hit in found["hits"]}
    assert prices["red-mug"] == 99
    assert len(prices) == 12  # all but the shoe itself: eleven, and the hat
    again = vitrine("put", more, "--shop", shop, "--json").json
    assert [one["status"] for one in again["results"]] == ["unchanged", "unchanged", "refused"]


PUT = {
    "one column of a table": ("s.csv", "id,in_stock\nred-mug,no\n", {"in_stock": False}),
    "an empty cell": ("s.csv", "id,price,color\nred-mug,,\n",
                      {"price": None, "attributes": {}}),
    "one column of lines": ("s.jsonl", '{"id":"red-mug","price":1}\n{"id":"blue-mug"}\n',
                            {"price": 1.0}),
    "null in a line": ("s.jsonl", '{"id":"red-mug","title":null}\n', {"title": ""}),
    "a new attribute": ("s.csv", "id,size\n red-mug ,L\n",
                        {"attributes": {"color": "red", "size": "L"}}),
    "an empty cell of images": ("s.csv", "id,title,images\nred-mug,New,\n", {"title": "New"}),
}  # fmt: skip


@pytest.mark.parametrize(("name", "text", "changes"), PUT.values(), ids=PUT)
def test_a_file_with_a_few_columns_changes_those_and_keeps_the_rest(
    vitrine, shop, tmp_path, name, text, changes
):
    def item():
        with SearchEngine.open(shop) as engine:
            return engine.item("red-mug")

    before = item()
    (tmp_path / name).write_text(text)
    done = vitrine("put", tmp_path / name, "--shop", shop)
    assert (done.code, done.err) == (0, done.err)
    assert "0 items added, 1 replaced" in done.out
    assert item() == replace(before, **changes)
    again = vitrine("put", tmp_path / name, "--shop", shop)
    assert "0 replaced" in again.out


def test_a_row_or_field_that_cannot_be_put_stays_as_it_was(vitrine, shop, tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("id,price,title\nred-mug,cheap,New\nblue-mug,8\ngreen-mug,9,Green\n")
    done = vitrine("put", path, "--shop", shop)
    assert done.code == 1
    assert "0 items added, 2 replaced, 0 unchanged, 1 left out" in done.out
    assert "row 2: price must be a number" in done.err
    with SearchEngine.open(shop) as engine:
        assert (engine.item("red-mug").price, engine.item("red-mug").title) == (15.0, "New")
        assert engine.item("blue-mug").price == 35.0
        assert engine.item("green-mug").price == 9.0


def test_a_picture_that_is_found_in_another_case_is_put_and_named(vitrine, shop, tmp_path):
    (tmp_path / "New.PNG").write_bytes(jpeg(plain((90, 20, 200))))
    (tmp_path / "s.csv").write_text("id,image\nred-mug,new.png\n")
    done = vitrine("put", tmp_path / "s.csv", "--shop", shop)
    assert done.code == 0
    assert "0 items added, 1 replaced, 0 unchanged, 0 left out" in done.out
    assert "row 2: there is no file 'new.png'; read 'New.PNG'" in done.err


def test_a_picture_that_cannot_be_put_leaves_the_one_in_its_place(vitrine, shop, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "red-mug-1.jpg").write_bytes(jpeg(plain(COLORS["red"], spot=31)))
    path = tmp_path / "s.csv"
    path.write_text("id,title,images\nred-mug,New,images/red-mug-1.jpg;gone.jpg\n")
    done = vitrine("put", path, "--shop", shop)
    assert done.code == 1
    assert "red-mug gone.jpg: no such file; the picture stays as it was" in done.err
    with SearchEngine.open(shop) as engine:
        item = engine.item("red-mug")
    assert (item.title, item.images) == ("New", ["images/red-mug-1.jpg", "images/red-mug-2.jpg"])


def test_blanks_at_the_ends_of_an_id_are_no_part_of_it(vitrine, shop):
    found = vitrine("search", "--item", " red-mug ", "--shop", shop, "-k", 1, "--json").json
    assert found["hits"][0]["item_id"] == "red-shoe"
    assert vitrine("delete", "  red-mug ", "--shop", shop).code == 0
    assert vitrine("status", "--shop", shop, "--json").json["items"] == 11


def test_status_counts_what_was_written_since_the_build(vitrine, shop, more):
    vitrine("put", more, "--shop", shop)
    status = vitrine("status", "--shop", shop, "--json").json
    assert (status["items"], status["products"], status["rows"]) == (13, 13, 24)
    vitrine("delete", "red-mug", "red-shoe", "--shop", shop)
    assert "11 in 11 products" in vitrine("status", "--shop", shop).out


@pytest.mark.parametrize("damage", ["damaged", "gone"])
def test_a_shop_without_a_legible_current_is_written_to_and_mended(vitrine, shop, more, damage):
    if damage == "gone":
        (shop / "CURRENT").unlink()
    else:
        (shop / "CURRENT").write_text("rubbish")
    assert vitrine("status", "--shop", shop, "--json").json["generation"] == "000001"
    assert "1 items added" in vitrine("put", more, "--shop", shop).out
    assert "1 items deleted" in vitrine("delete", "red-shoe", "--shop", shop).out
    assert_one_line(vitrine("snapshot", shop / "out", "--shop", shop), "CURRENT", "vitrine rebuild")
    assert vitrine("rebuild", "--shop", shop, "--json").json["items"] == 12
    assert (shop / "CURRENT").read_text().strip() == "000002"
    assert vitrine("check", "--shop", shop).code == 0


def test_delete_takes_items_out_and_names_those_it_does_not_know(vitrine, shop):
    done = vitrine("delete", "red-mug", "nothing", "--shop", shop)
    assert done.code == 1
    assert "1 items deleted" in done.out
    assert "no item 'nothing' in this shop" in done.err
    done = vitrine("search", "--item", "red-shoe", "--shop", shop, "-k", 20, "--json")
    assert "red-mug" not in [hit["item_id"] for hit in done.json["hits"]]
    assert vitrine("delete", "green-mug", "--shop", shop).code == 0


def test_rebuild_takes_live_writes_into_the_index(vitrine, shop, more):
    vitrine("put", more, "--shop", shop)
    vitrine("delete", "blue-mug", "--shop", shop)
    before = vitrine("search", "--text", "mug", "--shop", shop, "-k", 50, "--json").json
    done = vitrine("rebuild", "--shop", shop)
    assert done.code == 0
    assert "generation 000002: 12 items" in done.out
    after = vitrine("search", "--text", "mug", "--shop", shop, "-k", 50, "--json").json
    assert after["generation"] == "000002"
    ids = {hit["item_id"] for hit in after["hits"]}
    assert ids == {hit["item_id"] for hit in before["hits"]}
    assert "blue-mug" not in ids
    assert "000002 (unchanged)" in vitrine("rebuild", "--shop", shop).out


def test_rebuild_waits_for_no_other_long_job(vitrine, shop):
    with job_lock(shop, "vitrine index"):
        assert_one_line(vitrine("rebuild", "--shop", shop), "vitrine index", code=BUSY)


@pytest.mark.parametrize("words", [("delete", "x"), ("rebuild",)])
def test_a_folder_without_a_shop_is_told(vitrine, tmp_path, words):
    assert_one_line(vitrine(*words, "--shop", tmp_path / "none"), "vitrine index")


def test_pages_of_a_search_follow_by_cursor(vitrine, tiny_shop):
    words = ("search", "--text", "mug", "--shop", tiny_shop, "--json")
    whole = [hit["item_id"] for hit in vitrine(*words, "-k", 50).json["hits"]]
    first = vitrine(*words, "-k", 4).json
    second = vitrine(*words, "-k", 4, "--cursor", first["next_cursor"]).json
    assert [hit["item_id"] for hit in first["hits"] + second["hits"]] == whole[:8]
    assert_one_line(vitrine(*words, "--cursor", "x"), "cursor")


def test_near_copies_are_folded(vitrine, tiny_shop):
    words = ("search", "--item", "red-mug", "--shop", tiny_shop, "-k", 3, "--json")
    assert [hit["copies"] for hit in vitrine(*words).json["hits"]] == [[], [], []]
    folded = vitrine(*words, "--collapse", "0.97").json["hits"]
    assert [len(hit["copies"]) for hit in folded][1:] == [1, 1]
