"""One contract for every recognizer, and how boxes of detectors are read, mapped and merged."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from indexer.errors import RecognizerNotFound
from indexer.recognizers.boxes import averaged, best_of_each
from indexer.recognizers.decoding import decode_outputs
from indexer.recognizers.fitting import fit_square
from indexer.recognizers.maskersettings import read_masker_settings
from indexer.recognizers.registry import RECOGNIZER_FORMS, load_recognizer
from indexer.recognizers.settings import DetectorSettings, read_detector_settings
from tests.tinydetector import SIZE, write_detector
from tests.tinymasker import write_masker

if TYPE_CHECKING:
    from indexer.arrays import Pixels
    from indexer.recognizers.base import Recognizer


def plain(height: int = SIZE, width: int = SIZE) -> Pixels:
    return np.zeros((height, width, 3), np.uint8)


def with_square(pixels: Pixels, x: int, y: int, color: tuple[int, int, int]) -> Pixels:
    pixels = pixels.copy()
    pixels[y : y + 8, x : x + 8] = color
    return pixels


RED, BLUE = (255, 0, 0), (0, 0, 255)


@pytest.fixture(scope="module", params=["things", "onnx", "onnx in batches of three", "sam"])
def recognizer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    if request.param == "things":
        return load_recognizer("things", threads=1)
    batch = 3 if "three" in request.param else "n"
    path = write_detector(tmp_path_factory.mktemp("detector"), batch=batch)
    if request.param == "sam":
        return load_recognizer(f"sam:{write_masker(path.parent)}", threads=1)
    return load_recognizer(f"onnx:{path}", threads=1)


def pictures() -> list[Pixels]:
    """Pictures of several shapes: empty, with a square, gray noise, a strip, one pixel."""
    noise = np.random.default_rng(3).integers(0, 255, (90, 60, 3), dtype=np.uint8)
    return [
        plain(),
        with_square(plain(), 16, 24, RED),
        noise,
        plain(4, 300),
        np.full((1, 1, 3), 200, np.uint8),
    ]


def test_a_recognizer_returns_a_list_for_each_image_best_first(recognizer: Recognizer):
    found = recognizer.recognize(pictures())
    assert len(found) == len(pictures())
    for things in found:
        scores = [thing.score for thing in things]
        assert scores == sorted(scores, reverse=True)
        for thing in things:
            x0, y0, x1, y1 = thing.box
            assert 0 <= x0 < x1 <= 1
            assert 0 <= y0 < y1 <= 1
            assert 0 < thing.score <= 1
            assert thing.source == recognizer.id
            assert thing.label != "person"
            if thing.mask is not None:
                assert (thing.mask.ndim, thing.mask.dtype) == (2, np.bool_)


def test_no_images_give_no_lists(recognizer: Recognizer):
    assert recognizer.recognize([]) == []


def test_a_batch_finds_what_single_images_show(recognizer: Recognizer):
    together = recognizer.recognize(pictures())
    for image, things in zip(pictures(), together, strict=True):
        (alone,) = recognizer.recognize([image])
        assert [t.label for t in alone] == [t.label for t in things]
        for one, other in zip(alone, things, strict=True):
            assert one.box == pytest.approx(other.box, abs=1e-3)
            assert one.score == pytest.approx(other.score, abs=1e-3)


def test_a_recognizer_names_its_weights_and_the_pixels_it_needs(recognizer: Recognizer):
    assert len(recognizer.weights_hash) == 64
    assert recognizer.side >= SIZE


def test_a_black_picture_shows_nothing(recognizer: Recognizer):
    assert recognizer.recognize([plain(480, 640)]) == [[]]


# Detectors of others


def test_a_plug_in_finds_the_square_and_names_it(tmp_path: Path):
    detector = load_recognizer(f"onnx:{write_detector(tmp_path)}")
    ((thing,),) = detector.recognize([with_square(plain(), 16, 24, RED)])
    assert thing.box == pytest.approx((0.25, 0.375, 0.375, 0.5))
    assert thing.label == "lamp"
    assert thing.score == pytest.approx(1.0)


def test_people_are_never_returned(tmp_path: Path):
    blue = with_square(plain(), 16, 24, BLUE)
    path = write_detector(tmp_path)
    assert load_recognizer(f"onnx:{path}").recognize([blue]) == [[]]
    path = write_detector(tmp_path, never=[])
    ((thing,),) = load_recognizer(f"onnx:{path}").recognize([blue])
    assert thing.label == "person"


def test_bgr_swaps_red_and_blue(tmp_path: Path):
    detector = load_recognizer(f"onnx:{write_detector(tmp_path, channels='bgr')}")
    assert detector.recognize([with_square(plain(), 16, 24, RED)]) == [[]]
    ((thing,),) = detector.recognize([with_square(plain(), 16, 24, BLUE)])
    assert thing.label == "lamp"


@pytest.mark.parametrize("align", ["corner", "center"])
@pytest.mark.parametrize("shape", [(64, 32), (32, 64)])
def test_boxes_of_a_letterboxed_photo_are_shares_of_the_photo(
    tmp_path: Path, align: str, shape: tuple[int, int]
):
    detector = load_recognizer(f"onnx:{write_detector(tmp_path, align=align)}")
    ((thing,),) = detector.recognize([with_square(plain(*shape), 16, 8, RED)])
    height, width = shape
    expected = (16 / width, 8 / height, 24 / width, 16 / height)
    assert thing.box == pytest.approx(expected, abs=0.01)


def test_a_threshold_of_the_caller_replaces_that_of_the_file(tmp_path: Path):
    path = write_detector(tmp_path)
    faint = with_square(plain(), 16, 24, (60, 0, 0))
    assert load_recognizer(f"onnx:{path}").recognize([faint]) == [[]]
    ((thing,),) = load_recognizer(f"onnx:{path}", threshold=0.1).recognize([faint])
    assert thing.score == pytest.approx(60 / 255, abs=0.01)


def test_the_json_files_in_the_docs_are_read(tmp_path: Path):
    page = Path(__file__).parent.parent / "docs" / "recognition.md"
    detector, masker = re.findall(r'(?ms)^    ({"format".*?})$', page.read_text("utf-8"))
    (tmp_path / "detector.json").write_text(detector)
    assert len(read_detector_settings(tmp_path / "detector.onnx").labels) == 80  # those of COCO
    (tmp_path / "sam.json").write_text(masker)
    assert read_masker_settings(tmp_path / "sam.json").detector == "yolox_nano.onnx"


def settings(**fields: Any) -> DetectorSettings:
    return DetectorSettings(format=1, size=64, **fields)


def test_yolox_boxes_are_read_from_its_grids():
    raw = np.zeros((1, 84, 6), np.float32)  # 64 + 16 + 4 cells
    raw[0, 9] = [0.5, 0.5, np.log(2), 0, 0.8, 0.5]  # stride 8, cell (1, 1)
    (found,) = decode_outputs([raw], settings(decode="yolox", labels=["cup"]))
    assert found.scores[9] == pytest.approx(0.4)
    assert found.boxes[9] * 64 == pytest.approx(np.array([4, 8, 20, 16]), abs=1e-4)
    assert found.boxes[83] * 64 == pytest.approx(np.array([16, 16, 48, 48]))  # stride 32


def test_yolov8_boxes_are_read_from_its_columns():
    raw = np.zeros((1, 6, 3), np.float32)
    raw[0, :, 2] = [32, 16, 8, 4, 0.1, 0.9]
    (found,) = decode_outputs([raw], settings(decode="yolov8", labels=["cup", "bowl"]))
    assert found.scores[2] == pytest.approx(0.9)
    assert found.labels[2] == 1
    assert found.boxes[2] * 64 == pytest.approx(np.array([28, 14, 36, 18]))


def test_yolov5_scores_are_objectness_times_label():
    raw = np.array([[[32, 16, 8, 4, 0.5, 0.1, 0.8]]], np.float32)
    (found,) = decode_outputs([raw], settings(decode="yolov5", labels=["cup", "bowl"]))
    assert (found.scores[0], found.labels[0]) == (pytest.approx(0.4), 1)


def test_outputs_of_another_shape_are_refused_by_name():
    with pytest.raises(ValueError, match=r"expected \(n, p, 6 = 5 \+ labels\)"):
        decode_outputs([np.zeros((1, 84, 7), np.float32)], settings(decode="yolox", labels=["cup"]))


def test_a_squashed_photo_fills_the_square():
    fitted = fit_square(plain(10, 300), settings(decode="boxes", fit="squash"))
    assert fitted.square.shape == (64, 64, 3)
    assert fitted.to_photo(np.array([[0, 0, 1, 1]], np.float32)).tolist() == [[0, 0, 1, 1]]


# Which boxes are kept


def kept(boxes: list[list[float]], scores: list[float]) -> list[int]:
    found = best_of_each(np.array(boxes, np.float32), np.array(scores, np.float32), 0.6)
    return found.tolist()


def test_of_boxes_of_one_thing_the_best_is_kept():
    assert kept([[0, 0, 0.5, 0.5], [0.01, 0, 0.52, 0.5], [0.6, 0.6, 1, 1]], [0.5, 0.9, 0.7]) == [
        1,
        2,
    ]


def test_a_faint_box_inside_a_thing_is_a_part_of_it():
    whole, part = [0.1, 0.1, 0.9, 0.9], [0.4, 0.4, 0.6, 0.6]
    assert kept([whole, part], [0.9, 0.2]) == [0]
    assert kept([whole, part], [0.9, 0.8]) == [0, 1]  # a belt on a dress
    assert kept([part, whole], [0.9, 0.2]) == [0, 1]


def test_a_box_is_the_mean_of_those_that_overlap_it_by_the_squares_of_their_scores():
    best, close = [0.1, 0.1, 0.5, 0.5], [0.1, 0.1, 0.5, 0.6]
    far = [0.3, 0.3, 0.9, 0.9]
    boxes = np.array([best, close, far], np.float32)
    scores = np.array([0.8, 0.4, 0.9], np.float32)
    (found,) = averaged(boxes[:1], boxes, scores)
    assert found == pytest.approx([0.1, 0.1, 0.5, (0.64 * 0.5 + 0.16 * 0.6) / 0.8])


def test_a_box_of_no_score_stays_where_it_is():
    box = np.array([[0.1, 0.1, 0.5, 0.5]], np.float32)
    assert averaged(box, box, np.zeros(1, np.float32)).tolist() == box.tolist()
    assert averaged(box[:0], box, np.ones(1, np.float32)).shape == (0, 4)


def test_no_boxes_are_no_things():
    assert best_of_each(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), 0.6).tolist() == []


# What cannot be loaded


def test_an_unknown_recognizer_is_refused_with_the_known_ones():
    with pytest.raises(RecognizerNotFound) as refused:
        load_recognizer("yolo")
    for form in RECOGNIZER_FORMS:
        assert form in str(refused.value)


def test_a_detector_without_its_json_is_refused(tmp_path: Path):
    path = write_detector(tmp_path)
    path.with_suffix(".json").unlink()
    with pytest.raises(RecognizerNotFound, match=r"tiny-n\.json"):
        load_recognizer(f"onnx:{path}")


@pytest.mark.parametrize(
    "fields",
    [{"size": 8}, {"decode": "ssd"}, {"labels": "cup"}, {"treshold": 0.2}, {"format": 2}],
)
def test_a_wrong_json_is_refused_by_its_name(tmp_path: Path, fields: dict[str, Any]):
    path = write_detector(tmp_path, **fields)
    with pytest.raises(RecognizerNotFound, match=r"tiny-n\.json"):
        load_recognizer(f"onnx:{path}")


@pytest.mark.parametrize(
    "fields",
    [{"decode": "yolox"}, {"input": "pixels"}, {"size": 96}, {"labels": ["lamp"]}],
)
def test_a_json_that_contradicts_the_graph_is_refused(tmp_path: Path, fields: dict[str, Any]):
    path = write_detector(tmp_path, **fields)
    with pytest.raises(RecognizerNotFound, match="does not run as its JSON file says"):
        load_recognizer(f"onnx:{path}")


def test_a_file_that_is_no_model_is_refused(tmp_path: Path):
    path = write_detector(tmp_path)
    path.write_bytes(b"not a model")
    with pytest.raises(RecognizerNotFound, match="tiny-n"):
        load_recognizer(f"onnx:{path}")
    path.unlink()
    with pytest.raises(RecognizerNotFound, match="cannot read"):
        load_recognizer(f"onnx:{path}")
