"""The parts of a photo: faces are no things, and garments on people have names and masks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from indexer.errors import RecognizerNotFound
from indexer.recognizers.base import Thing
from indexer.recognizers.parts import PartMaps, dressed_things
from indexer.recognizers.settings import DetectorSettings, read_detector_settings

SETTINGS = DetectorSettings(
    format=1, size=64, decode="boxes", fit="squash",
    parts=("background", "hair", "skin", "shirt", "pants"), kinds=("shirt", "pants"),
)  # fmt: skip
SIDE = 10
HEAD, SHIRT, PANTS = (0.3, 0.0, 0.7, 0.3), (0.2, 0.3, 0.8, 0.6), (0.3, 0.6, 0.7, 0.9)
LEGS = (0.3, 0.9, 0.7, 1.0)


def maps(*painted: tuple[tuple[float, float, float, float], str]) -> PartMaps:
    """Maps of a photo on whose background boxes are painted, the last one on top."""
    shown = np.zeros((SIDE, SIDE), int)
    for (x0, y0, x1, y1), name in painted:
        rows, columns = (
            slice(round(y0 * SIDE), round(y1 * SIDE)),
            slice(round(x0 * SIDE), round(x1 * SIDE)),
        )
        shown[rows, columns] = SETTINGS.parts.index(name)
    parts = np.eye(len(SETTINGS.parts), dtype=np.float32)[shown].transpose(2, 0, 1)
    return PartMaps(parts, parts[3:])


PERSON = maps((HEAD, "hair"), ((0.4, 0.1, 0.6, 0.3), "skin"), (SHIRT, "shirt"), (PANTS, "pants"),
              (LEGS, "skin"))  # fmt: skip


def dressed(*boxes: tuple[float, float, float, float], shown: PartMaps = PERSON) -> list[Thing]:
    return dressed_things([Thing(box, 0.9) for box in boxes], shown, SETTINGS)


def test_a_face_and_bare_legs_are_no_things() -> None:
    around_the_face = (0.2, 0.0, 0.8, 0.3)
    assert dressed(HEAD, LEGS, (0.4, 0.1, 0.6, 0.3), around_the_face) == []


def test_garments_have_their_names() -> None:
    assert [thing.label for thing in dressed(SHIRT, PANTS)] == ["shirt", "pants"]


def test_a_garment_with_the_face_above_it_is_a_thing() -> None:
    (thing,) = dressed((0.2, 0.0, 0.8, 0.6))
    assert thing.label == "shirt"


def test_masks_are_what_is_worn_and_each_point_is_of_one_thing() -> None:
    whole = (0.0, 0.2, 1.0, 0.95)
    shirt, pants = dressed((0.0, 0.2, 1.0, 0.7), (0.2, 0.5, 0.8, 0.95))
    assert shirt.mask is not None
    assert pants.mask is not None
    assert not (shirt.mask & pants.mask).any()
    covered = (shirt.mask | pants.mask).mean()
    assert covered == pytest.approx(0.6 * 0.3 + 0.4 * 0.3, abs=0.04)
    rows = np.flatnonzero(shirt.mask.any(axis=1)) / len(shirt.mask)
    assert (rows.min(), rows.max()) == pytest.approx((0.3, 0.6), abs=0.04)
    assert len(dressed(whole)) == 1


def test_without_a_person_nothing_is_named_or_masked() -> None:
    (thing,) = dressed(SHIRT, shown=maps((SHIRT, "shirt")))
    assert thing == Thing(SHIRT, 0.9)


def test_what_nobody_wears_has_no_name_beside_a_person() -> None:
    wall = (0.0, 0.0, 0.2, 0.9)
    (thing,) = dressed(wall)
    assert (thing.label, thing.mask) == (None, None)


def test_a_kind_that_is_not_sure_is_no_name() -> None:
    unsure = PartMaps(PERSON.parts, 0.2 * PERSON.kinds)
    (thing,) = dressed(SHIRT, shown=unsure)
    assert thing.label is None


@pytest.mark.parametrize("change", [{"fit": "letterbox"}, {"parts": ["background", "shirt"]}])
def test_parts_that_do_not_cover_the_photo_or_lack_a_face_are_refused(
    tmp_path: Path, change: dict[str, object]
) -> None:
    fields = {"format": 1, "size": 64, "decode": "boxes", "fit": "squash", "parts": SETTINGS.parts}
    (tmp_path / "d.json").write_text(json.dumps({**fields, **change}))
    with pytest.raises(RecognizerNotFound, match="parts need"):
        read_detector_settings(tmp_path / "d.onnx")
