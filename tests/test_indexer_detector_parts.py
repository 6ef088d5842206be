"""The command that teaches a detector which parts of a photo are hair, skin and garments."""

from __future__ import annotations

import csv
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.recognizers.registry import WEIGHTS

pytest.importorskip("onnx")

from indexer.training.detector.parts import PARTS, main
from indexer.training.detector.parts_graph import OUTPUT, map_session
from indexer.training.detector.pictures import squashed

COLORS = {"null": (120, 150, 120), "hair": (60, 38, 25), "skin": (222, 178, 150)}
COLORS |= {"shirt": (180, 30, 40), "jeans": (40, 60, 140)}
STEMS = ("0002", "0003", "0005", "0006")


def person(left: int) -> np.ndarray:
    """The labels (300, 200) of a person who stands at ``left``, as numbers of the colors."""
    labels = np.zeros((300, 200), np.uint8)
    for number, (top, bottom) in enumerate([(10, 40), (40, 75), (75, 170), (170, 280)], start=1):
        labels[top:bottom, left : left + 70] = number
    return labels


def painted(labels: np.ndarray) -> Image.Image:
    return Image.fromarray(np.array(list(COLORS.values()), np.uint8)[labels])


@pytest.mark.slow
def test_the_command_teaches_a_detector_where_hair_and_garments_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "ccp"
    for name in ("photos", "masks"):
        (folder / name).mkdir(parents=True)
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("value", "name"), *enumerate(COLORS)])
    for place, stem in enumerate(STEMS):
        labels = person(10 + 30 * place)
        painted(labels).save(folder / "photos" / f"{stem}.jpg", quality=92)
        Image.fromarray(labels).save(folder / "masks" / f"{stem}.png")
    for name in ("things.onnx", "things.json"):
        shutil.copy(WEIGHTS / name, tmp_path)
    detector = tmp_path / "things.onnx"
    before = detector.read_bytes()
    monkeypatch.setattr(
        sys, "argv", ["parts", "--data", str(tmp_path), "--detector", str(detector)]
    )
    main()
    assert detector.read_bytes() != before
    labels = person(60)  # where nobody stood
    shown = shown_parts(detector, painted(labels))
    centers = [shown[at * 36 // 300, 95 * 36 // 200] for at in (25, 57, 120, 230)]
    assert centers == ["hair", "skin", "shirt", "pants"]
    assert shown[18, 2] == shown[18, -3] == "background"


def shown_parts(detector: Path, image: Image.Image) -> np.ndarray:
    """Return the name of the likeliest part of each cell."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(detector))
    (cells,) = session.run([OUTPUT], {"pixels": squashed(image)[None]})
    return np.array(PARTS)[cells[0].argmax(axis=0)]


def test_a_file_without_the_maps_of_the_trunk_is_no_detector(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a detector of this package"):
        map_session(WEIGHTS.parent.parent / "encoders" / "weights" / "builtin.onnx")
