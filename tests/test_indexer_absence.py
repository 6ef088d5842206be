"""Absent on purpose or through a failure: which items of a shop a build may remove."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.errors import BadCatalog, CatalogShrank
from indexer.items import Skipped, UnreadableRow
from indexer.writing.absence import absence, are_too_many, check_absence

SHOP = ["a", "b", "c", "d/1", "d/2"]
LISTED = {"a"}


def test_what_a_catalog_lacks_is_gone_when_every_row_could_be_read():
    assert absence(SHOP, LISTED, []) == (["b", "c", "d/1", "d/2"], [], [])


def test_a_row_that_names_an_item_keeps_that_one_only():
    gone, kept, (told,) = absence(SHOP, LISTED, [Skipped("b", "bad price", where="row 3")])
    assert (gone, kept) == (["c", "d/1", "d/2"], ["b"])
    assert told == Skipped("b", "bad price; the item stays as it was", where="row 3")


def test_a_row_that_names_a_new_item_keeps_none():
    skip = Skipped("new", "bad price")
    assert absence(SHOP, LISTED, [skip]) == (["b", "c", "d/1", "d/2"], [], [skip])


@pytest.mark.parametrize(
    "row", [Skipped("", "no id"), UnreadableRow("", "half a row"), UnreadableRow("?", "id")]
)
def test_a_row_that_may_be_of_any_item_keeps_all(row):
    gone, kept, (told,) = absence(SHOP, LISTED, [row])
    assert (gone, kept) == ([], ["b", "c", "d/1", "d/2"])
    assert told.reason.endswith("; 4 items that the catalog lacks stay: b, c, d/1, d/2")


def test_a_guess_counts_only_where_it_is_an_item_that_is_absent():
    gone, kept, (told,) = absence(SHOP, LISTED, [UnreadableRow("", "half a row", guess="b")])
    assert (gone, kept) == (["c", "d/1", "d/2"], ["b"])
    assert told.reason == "half a row; item 'b' stays as it was"
    for wrong in ("a", "x"):  # one has its own row, the other is none of the shop's
        assert absence(SHOP, LISTED, [UnreadableRow("", "half a row", guess=wrong)]).gone == []


def test_a_folder_that_cannot_be_seen_keeps_what_lay_in_it():
    gone, kept, (told,) = absence(SHOP, LISTED, [UnreadableRow("", "empty", where="d", guess="d/")])
    assert (gone, kept) == (["b", "c"], ["d/1", "d/2"])
    assert told.reason == "empty; 2 items that the catalog lacks stay: d/1, d/2"


def test_an_empty_folder_of_which_the_shop_has_nothing_is_not_worth_a_word():
    assert absence(SHOP, LISTED, [UnreadableRow("", "empty", where="e", guess="e/")]).skipped == []


def test_a_picture_that_is_skipped_keeps_no_item_that_is_absent():
    assert absence(SHOP, LISTED, [Skipped("b", "no such file", "b.jpg")]).kept == []


@pytest.mark.parametrize(("gone", "standing"), [(10, 10), (10, 99), (11, 110), (0, 0), (100, 1000)])
def test_few_items_are_removed_without_a_question(gone, standing):
    check_absence(Path("c.csv"), [str(n) for n in range(gone)], standing)
    assert not are_too_many(gone, standing)


@pytest.mark.parametrize(("gone", "standing"), [(11, 11), (11, 109), (101, 1000)])
def test_more_than_ten_that_are_more_than_a_tenth_stop_a_build(gone, standing):
    ids = [f"i{n}" for n in range(gone)]
    with pytest.raises(CatalogShrank) as stopped:
        check_absence(Path("c.csv"), ids, standing)
    assert (stopped.value.removed, stopped.value.item_count) == (ids, standing)
    assert isinstance(stopped.value, BadCatalog)
    assert f"lacks {gone} of the shop's {standing} items: i0, i1, i2, i3, i4 and" in str(
        stopped.value
    )
    assert "--accept" in str(stopped.value)
