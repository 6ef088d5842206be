"""The things in a photo with their hits, and the thing that a photo is meant to show."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from indexer.arrays import unit
from indexer.imaging.images import WHOLE
from indexer.imaging.photos import Photo
from indexer.recognizers.base import Thing
from indexer.recognizers.registry import load_recognizer
from search.hits import Hit, Reply
from search.query import Query
from search.recognition.autocrop import candidates, choose
from search.recognition.classification import ShopName
from search.recognition.look import (
    FoundThing,
    Look,
    encode_boxes,
    find_things,
    kind_of,
    search_box,
    with_hits,
    without_hits,
    without_parts,
    without_repeats,
)
from search.recognition.masks import mask_things, run_lengths
from tests.scenes import scene
from tests.tinydetector import write_detector


def test_each_thing_has_the_hits_of_its_own_region(engine, tmp_path):
    photo = Photo(scene(red=(1, 1), yellow=(5, 4)))
    things = find_things(load_recognizer(f"onnx:{write_detector(tmp_path)}"), photo)
    boxes = [search_box(thing.box) for thing in things]
    vectors = encode_boxes(engine.encoder, photo, boxes)
    look = with_hits(things, list(vectors), Query(parts=[], limit=2), engine.search)
    first = {thing.hits[0].item_id.split("-")[0]: thing for thing in look.things}
    assert set(first) == {"red", "yellow"}
    assert first["red"].box == pytest.approx((1 / 8, 1 / 8, 2 / 8, 2 / 8), abs=0.01)
    assert [len(thing.hits) for thing in look.things] == [2, 2]
    assert [thing.name for thing in look.things] == ["lamp", "lamp"]


@pytest.mark.parametrize(
    ("label", "fit", "close", "broad", "name"),
    [
        ("shoes", 0.0, True, False, "Gear"),
        ("shoes", 0.7, True, False, "Gear"),  # the shop is surer
        ("shoes", 0.9, True, False, "shoes"),
        ("shoes", 0.0, False, False, "shoes"),  # it is like no product
        ("shoes", 0.0, True, True, "shoes"),  # the shop only knows that it is some gear
        (None, 0.0, True, True, "Gear"),
        (None, 0.0, False, False, "Gear"),
        (None, 0.0, False, True, None),  # some gear, and like none of it
    ],
)
def test_a_thing_is_named_by_the_shop_or_by_the_recognizer(label, fit, close, broad, name):
    reply = Reply(
        hits=[], total=0, generation="1", encoder="e", mode="exact", timings={},
        no_close_match=not close,
    )  # fmt: skip
    thing = Thing(WHOLE, 0.9, label=label, fit=fit)
    names = [ShopName("Gear", broad=broad, confidence=0.8)]
    look = with_hits([thing], [unit(np.ones(4))], Query(parts=[]), lambda query: reply, names)
    assert look.things[0].name == name


def offered(title: str, category: str, confidence: float) -> Hit:
    return msgspec.structs.replace(hit(category), title=title, confidence=confidence)


def looked_up(label: str, fit: float, *hits: Hit) -> FoundThing:
    reply = Reply(
        hits=list(hits), total=1, generation="1", encoder="e", mode="exact", timings={},
        no_close_match=(hits[0].confidence or 0) < 0.15,
    )  # fmt: skip
    thing = Thing(WHOLE, 0.9, label=label, fit=fit)
    look = with_hits([thing], [unit(np.ones(4))], Query(parts=[]), lambda query: reply, [None])
    return look.things[0]


@pytest.mark.parametrize(
    ("label", "fit", "title", "category", "confidence", "close", "sold"),
    [
        ("shoes", 0.9, "Parachute Pant (Blue)", "Men/Pants", 0.7, False, False),
        ("shoes", 0.9, "运动长裤", "男装", 0.7, False, False),
        ("shoes", 0.9, "Lounge set of grips", "Home/Mugs", 0.7, False, False),
        ("shoes", 0.6, "Parachute Pant (Blue)", "Men/Pants", 0.7, True, True),  # the hit is surer
        ("shoes", 0.9, "Zorblax 3", "Zorblax", 0.7, True, True),  # unknown words say nothing
        ("shoes", 0.9, "Zorblax 3", "Clothing", 0.7, False, False),
        ("shirt", 0.9, "Pullover (Red)", "Tops", 0.7, True, True),
        ("shirt", 0.9, "Zorblax 3", "Women/Swimwear", 0.7, True, True),
        ("outwear", 0.9, "Wind Jacket", "New", 0.05, False, True),  # not alike, but a jacket
        ("outwear", 0.9, "Pullover", "New", 0.05, False, False),
        ("chair", 0.9, "Parachute Pant (Blue)", "Men/Pants", 0.7, True, True),  # no garment
    ],
)
def test_a_hit_of_another_kind_is_no_match(label, fit, title, category, confidence, close, sold):
    thing = looked_up(label, fit, offered(title, category, confidence))
    assert (not thing.no_close_match, thing.sold) == (close, sold)


def test_hits_of_its_kind_come_before_those_of_another():
    pants, boot = offered("Parachute Pant", "", 0.7), offered("Ankle boot", "", 0.1)
    sure, unsure = looked_up("shoes", 0.9, pants, boot), looked_up("shoes", 0.6, pants, boot)
    assert (sure.hits, sure.sold, sure.no_close_match) == ([boot, pants], True, True)
    assert unsure.hits == [pants, boot]


def test_a_photo_of_nothing_has_no_things(engine, tmp_path):
    photo = Photo(scene())
    things = find_things(load_recognizer(f"onnx:{write_detector(tmp_path)}"), photo)
    assert without_hits(things).things == []
    assert encode_boxes(engine.encoder, photo, []).shape == (0, engine.encoder.dim)
    assert with_hits([], [], Query(parts=[]), engine.search).things == []


def test_no_more_things_are_returned_than_asked_for(tmp_path):
    recognizer = load_recognizer(f"onnx:{write_detector(tmp_path)}")
    photo = Photo(scene(red=(1, 1), yellow=(5, 4), white=(3, 6)))
    assert len(find_things(recognizer, photo)) == 3
    (best,) = find_things(recognizer, photo, 1)
    assert best.score > 0.9


def test_a_garment_inside_a_better_box_of_it_is_left_out():
    coat, dress = (
        Thing((0.2, 0.2, 0.6, 0.8), 0.9, "coat"),
        Thing((0.3, 0.3, 0.5, 0.9), 0.8, "dress"),
    )
    part, around = (
        Thing((0.25, 0.2, 0.6, 0.7), 0.7, "coat"),
        Thing((0.1, 0.1, 0.7, 0.9), 0.6, "coat"),
    )
    other_coat = Thing((0.5, 0.2, 0.9, 0.8), 0.5, "coat")
    kept = without_repeats([coat, dress, part, around, other_coat])
    assert kept == [coat, dress, other_coat]
    nameless = [thing._replace(label=None) for thing in (coat, part, around)]
    assert without_repeats(nameless) == nameless[:1]


def test_a_box_without_a_name_around_a_named_garment_is_a_part_of_it():
    left, right = np.zeros((10, 10), bool), np.zeros((10, 10), bool)
    left[2:6, 2:4], right[2:6, 4:6] = True, True
    shirt = Thing((0.2, 0.2, 0.6, 0.6), 0.9, "shirt", left)
    unsure = Thing((0.2, 0.25, 0.6, 0.6), 0.8, None, right, unsure=True)
    beside = Thing((0.4, 0.2, 0.8, 0.6), 0.7, None)
    (whole, other) = without_repeats([shirt, unsure, beside])
    assert other == beside
    assert whole.box == shirt.box
    assert whole.mask is not None
    assert (whole.mask == (left | right)).all()


SHOE, TOE, BESIDE = (0.1, 0.4, 0.5, 0.8), (0.1, 0.55, 0.35, 0.8), (0.4, 0.4, 0.8, 0.8)


def test_the_toe_of_a_shoe_is_no_second_thing():
    shoe, beside = thing(SHOE, 0.8), thing(BESIDE, 0.6)
    assert without_repeats([shoe, thing(TOE, 0.7), beside]) == [shoe, beside]


def test_a_box_around_a_better_one_is_no_second_thing():
    assert without_repeats([thing(TOE, 0.8), thing(SHOE, 0.7)]) == [thing(TOE, 0.8)]


@pytest.mark.parametrize(("score", "count"), [(0.6, 2), (0.4, 1)])
def test_a_mug_on_a_tray_is_a_thing_if_it_is_nearly_as_sure(score, count):
    assert len(without_repeats([thing(SHOE, 0.7), thing((0.2, 0.5, 0.3, 0.6), score)])) == count


def test_a_thing_whose_box_belongs_to_other_masks_is_left_out():
    sliver, half = np.zeros((100, 100), bool), np.zeros((100, 100), bool)
    sliver[20:60, 20:22], half[20:60, 20:40] = True, True
    box = (0.2, 0.2, 0.6, 0.6)
    kept = without_repeats([Thing(box, 0.9, "skirt", half), Thing(box, 0.8, "top", sliver)])
    assert [thing.label for thing in kept] == ["skirt"]


def test_the_margin_of_a_box_stays_inside_the_photo():
    assert search_box((0.4, 0.4, 0.6, 0.5)) == pytest.approx((0.394, 0.397, 0.606, 0.503))
    assert search_box(WHOLE) == WHOLE


def hit(category: str) -> Hit:
    return Hit(
        item_id="x", product_id="x", score=0.5, image="", image_index=0, variant="",
        categories=[category] if category else [],
    )  # fmt: skip


def test_a_thing_is_named_by_the_category_of_most_of_its_hits():
    assert kind_of([hit("Home/Mugs")] * 3 + [hit("Wear/Shoes")] * 2) == "Mugs"
    assert kind_of([hit("Home/Mugs")] * 2 + [hit("Wear/Shoes")] * 2 + [hit("Bags")]) is None
    assert kind_of([hit("")] * 5) is None
    assert kind_of([]) is None


@pytest.mark.parametrize(
    ("rows", "counts"),
    [
        ([[0, 0], [0, 0]], [4]),
        ([[1, 1], [1, 1]], [0, 4]),
        ([[0, 1], [1, 0]], [1, 2, 1]),
        ([[0, 0, 1], [0, 0, 1]], [4, 2]),
    ],
)
def test_run_lengths_go_down_the_columns_and_begin_outside(rows, counts):
    assert run_lengths(np.array(rows, bool)) == counts


def test_a_mask_of_the_recognizer_is_kept_and_one_that_cannot_be_told_is_none(monkeypatch):
    monkeypatch.setattr("search.recognition.masks.can_grab", lambda: False)
    busy = np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8)
    own = np.zeros((6, 8), bool)
    own[:, :4] = True
    things = [thing((0, 0, 0.5, 1))._replace(mask=own), thing((0.2, 0.2, 0.8, 0.8))]
    masked, none = mask_things(busy, things, "rle")
    assert masked is not None
    assert masked.size == (60, 80)
    assert masked.counts == [0, 60 * 40, 60 * 40]
    assert none is None


# The thing that is meant


def thing(box: tuple[float, float, float, float], score: float = 0.8) -> Thing:
    return Thing(box, score)


def test_large_and_central_things_come_first():
    small, corner, central = (0.45, 0.45, 0.5, 0.5), (0, 0, 0.4, 0.4), (0.3, 0.3, 0.7, 0.7)
    found = candidates([thing(small), thing(corner), thing(central)])
    assert [c.box for c in found] == [search_box(box) for box in (central, corner, small)]


def test_a_thing_that_fills_the_photo_is_the_photo():
    assert candidates([thing((0.02, 0.02, 1, 1))]) == []
    assert candidates([]) == []


WHOLE_VECTOR = np.array([1, 0, 0], np.float32)
CROPS = [np.array([0, 1, 0], np.float32), np.array([0, 0, 1], np.float32)]


def test_the_region_with_the_better_match_is_meant_and_fused_with_the_photo():
    regions = candidates([thing((0.1, 0.3, 0.4, 0.7)), thing((0.6, 0.3, 0.9, 0.7))])
    meant = choose(regions, WHOLE_VECTOR, CROPS, 0.5, [0.6, 0.9])
    assert meant.box == regions[1].box
    assert meant.vector == pytest.approx(unit(np.array([0.15, 0, 0.85], np.float32)))


def test_a_region_that_matches_a_little_better_weighs_little():
    regions = candidates([thing((0.3, 0.3, 0.7, 0.7))])
    meant = choose(regions, WHOLE_VECTOR, CROPS[:1], 0.5, [0.52])
    assert meant.box == regions[0].box
    assert meant.vector == pytest.approx(unit(np.array([0.83, 0.17, 0], np.float32)))


def test_of_regions_that_match_alike_the_most_plausible_is_meant():
    regions = candidates([thing((0.3, 0.3, 0.7, 0.7)), thing((0.9, 0.9, 1, 1))])
    assert choose(regions, WHOLE_VECTOR, CROPS, 0.5, [0.8, 0.81]).box == regions[0].box


def test_if_nothing_is_close_the_most_plausible_region_is_meant():
    regions = candidates([thing((0.3, 0.3, 0.7, 0.7)), thing((0.9, 0.9, 1, 1))])
    meant = choose(regions, WHOLE_VECTOR, CROPS, 0.2, [0.1, 0.4], any_close=False)
    assert meant.box == regions[0].box
    assert meant.vector == pytest.approx(unit(np.array([0.15, 0.85, 0], np.float32)))


def test_the_whole_photo_is_meant_if_it_matches_better():
    regions = candidates([thing((0.3, 0.3, 0.7, 0.7))])
    meant = choose(regions, WHOLE_VECTOR, CROPS[:1], 0.9, [0.6])
    assert meant.box is None
    assert meant.vector is WHOLE_VECTOR
    assert choose([], WHOLE_VECTOR, [], 0.9, []).box is None


BACK, SEAT, FAR = (0.3, 0.1, 0.6, 0.4), (0.3, 0.42, 0.6, 0.8), (0.8, 0.8, 0.9, 0.9)


def found(box: tuple[float, float, float, float], product: str, confidence: float) -> FoundThing:
    first = msgspec.structs.replace(hit(""), product_id=product, confidence=confidence)
    return FoundThing(box=box, score=0.5, hits=[first], sold=True)


@pytest.mark.parametrize(
    ("other", "kept"),
    [
        (found(SEAT, "chair", 0.9), [SEAT]),
        (found(SEAT, "chair", 0.2), [BACK]),
        (found(SEAT, "stool", 0.9), [BACK, SEAT]),
        (found(FAR, "chair", 0.9), [BACK, FAR]),  # another chair
    ],
)
def test_of_the_parts_of_a_product_the_one_that_matches_best_is_kept(other, kept):
    look = Look(things=[found(BACK, "chair", 0.5), other])
    things = [thing(BACK), thing(other.box)]
    left, same = without_parts(look, things)
    assert [part.box for part in left.things] == [part.box for part in same] == kept


def test_what_the_shop_sells_comes_first():
    unsold = msgspec.structs.replace(found(FAR, "hand", 0.1), sold=False, score=0.9)
    look = Look(things=[unsold, found(BACK, "chair", 0.5)])
    left, things = without_parts(look, [thing(FAR), thing(BACK)])
    assert [part.box for part in left.things] == [part.box for part in things] == [BACK, FAR]


def test_garments_that_match_the_same_product_are_all_kept():
    look = Look(things=[found(BACK, "suit", 0.5), found(SEAT, "suit", 0.9)])
    things = [Thing(BACK, 0.5, "outwear"), Thing(SEAT, 0.5, "pants")]
    assert without_parts(look, things) == (look, things)
