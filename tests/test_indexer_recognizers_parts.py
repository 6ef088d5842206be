"""The parts of a photo: faces are no things, people are found, and what they wear has names."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from indexer.errors import RecognizerNotFound
from indexer.recognizers.base import Thing
from indexer.recognizers.dressed import CloseUp, garments_of
from indexer.recognizers.edges import follow_edges
from indexer.recognizers.garments import GarmentNetwork
from indexer.recognizers.parts import ShownParts
from indexer.recognizers.registry import WEIGHTS, load_recognizer
from indexer.recognizers.settings import read_detector_settings

Box = tuple[float, float, float, float]
PARTS = ("background", "hair", "skin", "shirt", "pants", "bag", "other")
SIDE = 20
HEAD, FACE = (0.35, 0.0, 0.65, 0.3), (0.4, 0.1, 0.6, 0.3)
SHIRT, PANTS, LEGS = (0.3, 0.3, 0.7, 0.6), (0.35, 0.6, 0.65, 0.9), (0.35, 0.9, 0.65, 1.0)


def scores(*painted: tuple[Box, str], height: int = SIDE, width: int = SIDE) -> np.ndarray:
    """Scores (p, y, x) of a photo on whose background boxes are painted, the last one on top."""
    shown = np.zeros((height, width), int)
    for (x0, y0, x1, y1), name in painted:
        rows = slice(round(y0 * height), round(y1 * height))
        shown[rows, round(x0 * width) : round(x1 * width)] = PARTS.index(name)
    return np.eye(len(PARTS), dtype=np.float32)[shown].transpose(2, 0, 1)


PERSON = scores((HEAD, "hair"), (FACE, "skin"), (SHIRT, "shirt"), (PANTS, "pants"), (LEGS, "skin"))


def shown(found: np.ndarray = PERSON) -> ShownParts:
    return ShownParts.of(found, PARTS)


def close_up(found: np.ndarray = PERSON, region: Box = (0, 0, 1, 1)) -> CloseUp:
    return CloseUp(found, found[3:].sum(axis=0), region, PARTS)


def dressed(*boxes: Box, found: np.ndarray = PERSON, region: Box = (0, 0, 1, 1)) -> list[Thing]:
    return garments_of([Thing(box, 0.9) for box in boxes], close_up(found, region))


# Faces and people


def test_a_face_and_bare_legs_are_no_things() -> None:
    around_the_face = (0.3, 0.0, 0.7, 0.3)
    boxes = (HEAD, LEGS, FACE, around_the_face)
    assert shown().without_bare([Thing(box, 0.9) for box in boxes]) == []


def test_a_garment_with_the_face_above_it_is_a_thing() -> None:
    both = Thing((0.3, 0.0, 0.7, 0.6), 0.9)
    assert shown().without_bare([both]) == [both]


def test_the_region_of_a_person_is_around_all_of_it() -> None:
    region = shown().person()
    assert region is not None
    assert region == pytest.approx((0.3 - 0.04, 0.0, 0.7 + 0.04, 1.0), abs=0.01)


def test_a_few_cells_elsewhere_do_not_widen_the_region() -> None:
    spot = scores(((0.9, 0.9, 1.0, 1.0), "shirt"))
    both = np.where(PERSON[:1] > 0, spot, PERSON)
    assert shown(both).person() == shown().person()


def test_two_people_are_in_one_region() -> None:
    left = scores(((0.0, 0.1, 0.2, 0.3), "hair"), ((0.0, 0.3, 0.2, 0.9), "shirt"))
    right = scores(((0.7, 0.1, 0.9, 0.3), "skin"), ((0.7, 0.3, 0.9, 0.9), "pants"))
    region = shown(np.where(left[:1] > 0, right, left)).person()
    assert region is not None
    assert region[0] < 0.05
    assert region[2] > 0.85


@pytest.mark.parametrize("hidden", [("skin",), ("shirt", "pants")])
def test_without_skin_or_garments_there_is_no_person(hidden: tuple[str, ...]) -> None:
    dull = PERSON.copy()
    dull[[PARTS.index(name) for name in hidden]] = -1
    assert shown(dull).person() is None


def test_a_person_whose_hair_is_under_a_hat_is_a_person() -> None:
    hidden = PERSON.copy()
    hidden[PARTS.index("hair")] = -1
    assert shown(hidden).person() is not None


def test_who_fills_the_photo_is_too_near() -> None:
    near = scores(((0, 0, 1, 0.3), "hair"), ((0, 0.3, 1, 0.6), "skin"), ((0, 0.6, 1, 1), "shirt"))
    assert shown(near).person() is None


# Close-ups


def seen_from_near(found: np.ndarray) -> CloseUp | None:
    pixels = np.full((4 * SIDE, 4 * SIDE, 3), 120, np.uint8)
    return CloseUp.of(found, pixels, (0, 0, 1, 1), PARTS)


def test_a_close_up_says_what_is_worn_with_twice_the_points() -> None:
    near = seen_from_near(PERSON)
    assert near is not None
    assert near.worn.shape == (2 * SIDE, 2 * SIDE)
    rows, columns = np.flatnonzero(near.worn.any(axis=1)), np.flatnonzero(near.worn.any(axis=0))
    assert (rows.min(), rows.max() + 1) == pytest.approx((0.6 * SIDE, 1.8 * SIDE), abs=2)
    assert (columns.min(), columns.max() + 1) == pytest.approx((0.6 * SIDE, 1.4 * SIDE), abs=2)


def test_a_close_up_without_a_head_shows_nobody() -> None:
    assert seen_from_near(scores((SHIRT, "shirt"), (LEGS, "skin"))) is None
    assert seen_from_near(scores((HEAD, "hair"), (SHIRT, "shirt"))) is None


def test_a_close_up_that_is_not_clear_shows_nobody() -> None:
    assert seen_from_near(0.65 * PERSON + 0.05) is None  # such as an animal
    assert seen_from_near(0.86 * PERSON + 0.02) is not None


def test_edges_move_to_those_of_the_picture() -> None:
    picture = np.full((24, 24, 3), 30, np.uint8)
    picture[:, 12:] = (220, 40, 40)
    plane = np.zeros((24, 24), np.float32)
    plane[:, 11:] = 1  # a point too early
    moved = follow_edges(plane, picture) > 0.5
    assert moved[:, 12:].all()
    assert not moved[:, :12].any()


def test_in_a_picture_of_one_color_edges_stay() -> None:
    plane = np.zeros((24, 24), np.float32)
    plane[:, 10:] = 1
    stayed = follow_edges(plane, np.full((24, 24, 3), 90, np.uint8)) > 0.5
    assert np.array_equal(stayed, plane > 0.5)


# Names and masks


def test_garments_have_their_names() -> None:
    assert [thing.label for thing in dressed(SHIRT, PANTS)] == ["shirt", "pants"]


def test_names_and_masks_are_those_of_the_region_that_was_looked_at() -> None:
    region = (0.5, 0.0, 1.0, 1.0)
    (x0, y0, x1, y1) = SHIRT
    inside = (0.5 + x0 / 2, y0, 0.5 + x1 / 2, y1)
    beside = (0.05, y0, 0.45, y1)
    shirt, nothing = dressed(inside, beside, region=region)
    assert (shirt.label, nothing.label, nothing.mask) == ("shirt", None, None)
    assert shirt.mask is not None
    assert not shirt.unsure
    columns = np.flatnonzero(shirt.mask.any(axis=0)) / shirt.mask.shape[1]
    assert (columns.min(), columns.max()) == pytest.approx((inside[0], inside[2]), abs=0.03)


def test_a_small_garment_before_a_large_one_keeps_its_own_name() -> None:
    bag = (0.3, 0.45, 0.45, 0.6)
    with_bag = scores((SHIRT, "shirt"), (bag, "bag"))
    assert [thing.label for thing in dressed(SHIRT, bag, found=with_bag)] == ["shirt", "bag"]


def test_a_box_around_a_tenth_of_a_garment_has_no_name() -> None:
    collar = (0.45, 0.3, 0.55, 0.42)
    assert dressed(collar)[0].label is None


def test_masks_are_what_is_worn_and_each_point_is_of_one_thing() -> None:
    shirt, pants = dressed((0.0, 0.2, 1.0, 0.7), (0.2, 0.5, 0.8, 0.95))
    assert shirt.mask is not None
    assert pants.mask is not None
    assert not (shirt.mask & pants.mask).any()
    covered = float((shirt.mask | pants.mask).mean())
    assert covered == pytest.approx(0.4 * 0.3 + 0.3 * 0.3, abs=0.02)
    rows = np.flatnonzero(shirt.mask.any(axis=1)) / len(shirt.mask)
    assert (rows.min(), rows.max()) == pytest.approx((0.3, 0.6), abs=0.02)


def test_what_nobody_wears_has_no_name_beside_a_person() -> None:
    (thing,) = dressed((0.0, 0.0, 0.2, 0.9))
    assert (thing.label, thing.mask) == (None, None)


def test_a_thing_whose_kind_is_not_sure_has_a_mask_all_the_same() -> None:
    (thing,) = dressed((0.3, 0.3, 0.4, 0.5))  # a sixth of the shirt
    assert thing.label is None
    assert thing.mask is not None
    assert thing.unsure
    assert float(thing.mask.mean()) == pytest.approx(0.1 * 0.2, abs=0.006)


def test_a_garment_of_no_kind_has_no_name() -> None:
    socks = scores((SHIRT, "other"))
    assert dressed(SHIRT, found=socks)[0].label is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"fit": "letterbox"}, "parts need"),
        ({"parts": ["background", "shirt"]}, "parts need"),
        ({"garments": "../other.onnx"}, "garments"),
    ],
)
def test_settings_that_cannot_find_people_are_refused(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    fields = {"format": 1, "size": 64, "decode": "boxes", "fit": "squash", "parts": PARTS}
    (tmp_path / "d.json").write_text(json.dumps({**fields, **change}))
    with pytest.raises(RecognizerNotFound, match=said):
        read_detector_settings(tmp_path / "d.onnx")


def test_a_network_of_garments_that_knows_no_people_is_refused(tmp_path: Path) -> None:
    (tmp_path / "g.json").write_text(json.dumps({"format": 1, "parts": ["background", "shirt"]}))
    with pytest.raises(RecognizerNotFound, match="parts need background and hair and skin"):
        GarmentNetwork(tmp_path / "g.onnx")
    with pytest.raises(RecognizerNotFound, match=r"cannot read .*other\.json"):
        GarmentNetwork(tmp_path / "other.onnx")


@pytest.mark.slow
def test_other_weights_of_the_garments_are_another_recognizer(tmp_path: Path) -> None:
    for path in WEIGHTS.iterdir():
        shutil.copy(path, tmp_path)
    first = load_recognizer(f"onnx:{tmp_path / 'things.onnx'}", threads=1)
    with (tmp_path / "garments.json").open("a") as file:
        file.write(" ")
    again = load_recognizer(f"onnx:{tmp_path / 'things.onnx'}", threads=1)
    assert again.weights_hash != first.weights_hash
