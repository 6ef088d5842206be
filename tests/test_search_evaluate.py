"""Evaluation: photos with a known answer in, figures that one can work out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from indexer.errors import BadCatalog
from search.quality.evaluate import NAMES, Truth, evaluate, read_truths
from search.quality.metrics import Estimate
from tests.conftest import COLORS, jpeg, plain


@pytest.fixture
def photos(tmp_path) -> Path:
    """A photo of each color."""
    for name, color in COLORS.items():
        (tmp_path / f"{name}.jpg").write_bytes(jpeg(plain(color, side=64)))
    return tmp_path


def queries(folder: Path, *lines: str) -> list[Truth]:
    path = folder / "queries.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read_truths(path)


def values(figures: dict[str, Estimate]) -> list[float]:
    return [figures[name].value for name in NAMES]


def test_a_category_that_always_comes_first_has_perfect_figures(engine, photos):
    lines = [f"{color}.jpg,Home" for color in COLORS]
    result = evaluate(engine, queries(photos, "image,category", *lines))
    # Half of the shop is in Home, and one of each pair of a color: first or second.
    assert result.queries == 6
    assert result.figures["recall@5"] == Estimate(1.0, 1.0, 1.0)
    assert 0.5 <= result.figures["mrr"].value <= 1.0


def test_the_figures_of_two_queries_by_hand(engine, photos):
    """The order of hits is the engine's; the figures follow from it."""
    truths = queries(photos, "image,item_id", "red.jpg,red-shoe", "red.jpg,red-mug")
    result = evaluate(engine, truths)
    # One of the two is first and the other second.
    expected = [0.5, 1, 1, 0.75, 0.75, (1 + 1 / np.log2(3)) / 2]
    assert values(result.figures) == pytest.approx(expected, abs=1e-4)
    assert [one.right.index(True) for one in result.judged] in ([0, 1], [1, 0])
    assert (result.encoder, result.generation, result.skipped) == ("color", "000001", [])


def test_an_answer_that_is_never_found_counts_as_nothing(engine, photos):
    result = evaluate(engine, queries(photos, "image,item_id", "red.jpg,blue-mug"))
    assert "blue-mug" not in [hit.item_id for hit in result.judged[0].hits]
    assert values(result.figures) == [0] * 6


def test_figures_come_for_each_category_of_the_right_items(engine, photos):
    truths = queries(
        photos, "image,item_id", "red.jpg,red-shoe", "red.jpg,red-mug", "blue.jpg,blue-mug"
    )
    result = evaluate(engine, truths)
    assert {name: one.queries for name, one in result.per_category.items()} == {
        "Home/Mugs": 2,
        "Wear/Shoes": 1,
    }
    shoe = result.per_category["Wear/Shoes"].figures["mrr"].value
    mugs = result.per_category["Home/Mugs"].figures["mrr"].value
    assert result.figures["mrr"].value == pytest.approx((shoe + 2 * mugs) / 3, abs=1e-3)


def test_a_category_is_right_for_everything_below_it_in_any_case(engine, photos):
    result = evaluate(engine, queries(photos, "image,category", "red.jpg,/HOME/"))
    judged = result.judged[0]
    assert judged.right == [hit.categories == ["Home/Mugs"] for hit in judged.hits]
    assert 3 <= sum(judged.right) <= 6


def test_photos_and_answers_that_are_not_there_are_skipped_by_name(engine, photos):
    (photos / "text.jpg").write_text("hello, I am text", encoding="utf-8")
    truths = queries(
        photos,
        "image,item_id",
        "gone.jpg,red-mug",
        "text.jpg,red-mug",
        "red.jpg,trombone",
        "red.jpg,red-mug",
    )
    calls: list[tuple[int, int]] = []
    result = evaluate(engine, truths, progress=lambda done, total: calls.append((done, total)))
    assert result.queries == 1
    assert [(Path(one.image).name, one.reason[:14]) for one in result.skipped] == [
        ("gone.jpg", "no such file"),
        ("text.jpg", "not an image w"),
        ("red.jpg", "the shop has n"),
    ]
    assert calls == [(4, 4)]


def test_where_no_query_can_be_asked_the_first_reason_is_told(engine, photos):
    with pytest.raises(
        BadCatalog, match=r"none of 1 queries can be searched; .*gone\.jpg: no such"
    ):
        evaluate(engine, queries(photos, "image,item_id", "gone.jpg,red-mug"))


def test_more_queries_than_a_batch_keep_their_order(engine, photos):
    names = [name for _ in range(15) for name in COLORS]
    truths = queries(photos, "image,item_id", *(f"{name}.jpg,{name}-mug" for name in names))
    result = evaluate(engine, truths)
    assert [one.answer for one in result.judged] == [f"{name}-mug" for name in names]
    assert [Path(one.image).stem for one in result.judged] == names
    assert result.figures["recall@5"].value == 1


def test_truths_are_read_relative_to_their_file_and_items_go_before_categories(photos):
    assert queries(photos, "category,image,item_id", "Home,x/a.jpg, red-mug ") == [
        Truth(photos / "x" / "a.jpg", "item", "red-mug")
    ]
    assert queries(photos, "\ufeffimage,category", "a.jpg,Home") == [
        Truth(photos / "a.jpg", "category", "Home")
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"image,item_id\n", "holds no queries: expected rows of image,item_id"),
        (b"", "holds no queries"),
        (b"photo,item_id\na,b\n", "needs the columns image and item_id .*'photo', 'item_id'"),
        (b"image,answer\na,b\n", "needs the columns image and item_id"),
        (b",".join(b"c%d" % number for number in range(100)) + b"\na\n", "'c49' and 50 more$"),
        (b"image,item_id\ncaf\xe9.jpg,b\n", "is not a CSV file in UTF-8"),
    ],
)
def test_a_queries_file_that_is_none_says_what_was_expected(tmp_path, content, message):
    path = tmp_path / "queries.csv"
    path.write_bytes(content)
    with pytest.raises(BadCatalog, match=message):
        read_truths(path)


def test_a_missing_queries_file_is_named(tmp_path):
    with pytest.raises(BadCatalog, match=r"cannot read .*nowhere\.csv: No such file"):
        read_truths(tmp_path / "nowhere.csv")


def test_a_row_that_is_too_short_is_a_query_without_an_answer(engine, photos):
    truths = queries(photos, "image,item_id", "red.jpg", "red.jpg,red-mug")
    result = evaluate(engine, truths)
    assert result.queries == 1
    assert result.skipped[0].reason == "the shop has no item ''"
