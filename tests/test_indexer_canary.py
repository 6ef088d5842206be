"""The canary: an index that is not what it should be never serves."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.arrays import unit
from indexer.errors import BadEncoder, IndexCorrupt
from indexer.items import Item
from indexer.store.records import ImageRecord, ItemRecord, Row
from indexer.vectors.canary import (
    check_counts,
    check_index,
    check_profile,
    check_vectors,
    profile_of,
)
from indexer.vectors.contract import Contract, Effort, Level
from indexer.vectors.faiss_backend import FaissBackend

ROWS = np.arange(10, 60)


@pytest.fixture
def vectors(rng):
    return unit(rng.normal(size=(50, 8)))


def test_a_good_index_passes(vectors):
    check_index(FaissBackend.build(vectors, ROWS), vectors, ROWS)


def test_an_empty_index_passes():
    nothing = np.empty((0, 8), dtype=np.float32)
    rows = np.empty(0, dtype=np.int64)
    check_index(FaissBackend.build(nothing, rows), nothing, rows)


def test_images_that_are_the_same_to_the_encoder_pass(vectors):
    vectors[1:] = vectors[0]
    check_index(FaissBackend.build(vectors, ROWS), vectors, ROWS)


def test_a_lost_row_is_told(vectors):
    index = FaissBackend.build(vectors[:-1], ROWS[:-1])
    with pytest.raises(IndexCorrupt, match="holds 49 rows, expected 50"):
        check_index(index, vectors, ROWS)


def test_one_vector_that_is_not_finite_is_told(vectors):
    vectors[7, 3] = np.nan
    with pytest.raises(IndexCorrupt, match="not finite"):
        check_index(FaissBackend.build(vectors, ROWS), vectors, ROWS)


def test_one_vector_that_is_not_of_unit_length_is_told(vectors):
    vectors[7] *= 1.01
    with pytest.raises(IndexCorrupt, match="1 of 50 vectors are not of unit length"):
        check_index(FaissBackend.build(vectors, ROWS), vectors, ROWS)


def test_rows_that_changed_places_are_told(vectors):
    swapped = ROWS.copy()
    swapped[[3, 4]] = swapped[[4, 3]]
    with pytest.raises(IndexCorrupt, match="2 of 50 sampled rows do not find themselves"):
        check_index(FaissBackend.build(vectors, swapped), vectors, ROWS)


def test_rows_of_another_index_are_told(vectors):
    with pytest.raises(IndexCorrupt, match="50 of 50 sampled rows"):
        check_index(FaissBackend.build(vectors, ROWS + 1000), vectors, ROWS)


def test_vectors_of_another_index_are_told(vectors):
    with pytest.raises(IndexCorrupt, match="sampled rows do not find themselves"):
        check_index(FaissBackend.build(vectors[::-1].copy(), ROWS), vectors, ROWS)


def test_what_an_encoder_promises_passes(vectors):
    check_vectors(vectors, (50, 8), "color")
    check_vectors(vectors * 1.005, (50, 8), "color")  # half precision
    check_vectors(vectors[:0], (0, 8), "color")


def test_one_bad_vector_among_good_ones_is_told(vectors):
    vectors[20] *= 0.5
    names = [f"{n}.jpg" for n in range(50)]
    told = r"'color' gave a vector of '20\.jpg' that is of length 0\.5, expected length 1"
    with pytest.raises(BadEncoder, match=told):
        check_vectors(vectors, (50, 8), "color", names)
    for bad in (np.nan, np.inf):
        vectors[30, 2] = bad
        with pytest.raises(BadEncoder, match=r"a vector of '30\.jpg' that is not finite"):
            check_vectors(vectors, (50, 8), "color", names)


def lists(vectors, depth, recall):
    """Inverted lists of the vectors that are said to have this recall at this depth."""
    level = Level(effort=Effort(depth, 160), recall=recall, median_us=20, p95_us=30)
    index = FaissBackend.build(vectors, np.arange(len(vectors)), "IVF64-PQ4").index
    return FaissBackend(index.with_contract(Contract(recipe=index.recipe, levels=[level])))


@pytest.fixture(scope="module")
def many():
    return unit(np.random.default_rng(2).normal(size=(4000, 24)))


def test_an_approximate_index_that_keeps_its_promise_passes(many):
    check_index(lists(many, depth=64, recall=0.99), many, np.arange(4000))


def test_an_approximate_index_of_poor_recall_is_told(many):
    with pytest.raises(IndexCorrupt, match=r"recall@10 is 0\.\d+, but 1\.000 was measured"):
        check_index(lists(many, depth=1, recall=1.0), many, np.arange(4000))


def test_random_neighbors_from_a_finished_index_are_told(many, monkeypatch):
    """The rows are all there, and exact search finds them; the lists hold anything."""
    index = lists(many, depth=64, recall=0.99)
    rng = np.random.default_rng(0)
    scores = np.zeros((256, 40), np.float32)
    monkeypatch.setattr(
        index.index, "search_with_effort", lambda *_: (rng.integers(0, 4000, (256, 40)), scores)
    )
    with pytest.raises(IndexCorrupt, match="of 2560 scores of the index do not match"):
        check_index(index, many, np.arange(4000))


def test_scores_that_moved_since_the_last_generation_are_told(many):
    before = profile_of(many)
    check_profile(profile_of(many[:2000]), before)
    collapsed = unit(many + 3)  # all vectors point the same way
    with pytest.raises(IndexCorrupt, match=r"moved by \d\.\d+ .*run again with --accept"):
        check_profile(profile_of(collapsed), before)


def test_a_shop_too_small_for_a_histogram_has_none(many):
    assert profile_of(many[:100]) is None
    check_profile(None, profile_of(many))
    check_profile(profile_of(many), None)


def one_item(item_id, *numbers):
    image = [ImageRecord(f"{n}.jpg", bytes(16), 8, 8, {"original": n}) for n in numbers]
    return ItemRecord(Item(item_id=item_id, product_id=item_id), image)


def test_rows_and_items_that_belong_together_pass():
    rows = [Row("a", 0, "original", bytes(16)), Row("a", 1, "original", bytes(16))]
    check_counts(rows, [one_item("a", 1, 2)])
    check_counts(rows[:1], [one_item("a", 1, 2)], lost=1)
    check_counts([], [])


def test_a_row_of_no_item_is_told():
    with pytest.raises(IndexCorrupt, match="1 of 1 rows belong to no item, such as 'b'"):
        check_counts([Row("b", 0, "original", bytes(16))], [one_item("a")])


def test_an_item_without_its_rows_is_told():
    with pytest.raises(IndexCorrupt, match="1 items have 2 rows, and 1 are stored"):
        check_counts([Row("a", 0, "original", bytes(16))], [one_item("a", 1, 2)])
