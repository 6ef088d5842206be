"""Masks of a box-to-mask model: of what, where in the photo, and which files are refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from onnx import TensorProto

from indexer.errors import RecognizerNotFound
from indexer.recognizers import registry
from indexer.recognizers.boxmasker import BoxMasker
from indexer.recognizers.registry import load_recognizer
from search.recognition.masks import find_masks
from tests.tinydetector import SIZE, write_detector
from tests.tinymasker import write_masker

if TYPE_CHECKING:
    from indexer.arrays import Pixels
    from indexer.recognizers.base import Recognizer

RED, BLUE, WHOLE = (255, 0, 0), (0, 0, 255), (0.0, 0.0, 1.0, 1.0)


def loaded(folder: Path, **fields: Any) -> Recognizer:
    write_detector(folder)
    return load_recognizer(f"sam:{write_masker(folder, **fields)}", threads=1)


def black(height: int = SIZE, width: int = SIZE) -> Pixels:
    return np.zeros((height, width, 3), np.uint8)


def with_red(pixels: Pixels, rows: slice, columns: slice) -> Pixels:
    pixels[rows, columns] = RED
    return pixels


def with_step() -> Pixels:
    """A red square of 8 x 8 pixels without its upper right quarter, at (16, 24)."""
    pixels = with_red(black(), slice(24, 32), slice(16, 24))
    pixels[24:28, 20:24] = 0
    return pixels


def test_the_mask_is_what_is_red_in_the_box(tmp_path: Path):
    ((thing,),) = loaded(tmp_path).recognize([with_step()])
    assert thing.box == pytest.approx((0.25, 0.375, 0.375, 0.5))
    assert thing.label == "lamp"
    assert np.array_equal(thing.mask, with_step()[..., 0] > 0)
    assert not thing.unsure


@pytest.mark.parametrize("coarse", [True, False])
@pytest.mark.parametrize("shape", [(64, 32), (32, 64), (128, 64), (96, 40), (20, 64)])
def test_a_mask_is_over_the_photo_whatever_its_shape(
    tmp_path: Path, shape: tuple[int, int], coarse: bool
):
    height, width = shape
    photo = with_red(
        black(height, width), slice(height // 2, height), slice(width // 4, width // 2)
    )
    masker = BoxMasker(write_masker(tmp_path, coarse=coarse))
    (found,) = masker.masks(photo, [WHOLE])
    rows, columns = np.nonzero(found.pixels)
    mask_height, mask_width = found.pixels.shape
    assert mask_height / mask_width == pytest.approx(height / width, rel=0.05)
    shares = (rows.min(), rows.max() + 1) / np.array(mask_height)
    cell = max(shape) / 15  # pixels of the photo, rounded up
    assert shares == pytest.approx([0.5, 1], abs=cell / height)
    shares = (columns.min(), columns.max() + 1) / np.array(mask_width)
    assert shares == pytest.approx([0.25, 0.5], abs=cell / width)


def test_each_box_has_a_mask_of_its_own(tmp_path: Path):
    photo = with_red(black(), slice(0, 64), slice(0, 64))
    masker = BoxMasker(write_masker(tmp_path))
    left, low = masker.masks(photo, [(0, 0, 0.5, 1), (0, 0.75, 1, 1)])
    assert left.pixels[:, :32].all()
    assert not left.pixels[:, 32:].any()
    assert low.pixels[48:].all()
    assert not low.pixels[:48].any()
    assert masker.masks(photo, []) == []


def test_the_mask_that_the_decoder_thinks_most_of_is_taken(tmp_path: Path):
    photo = with_step()
    masker = BoxMasker(write_masker(tmp_path, qualities=(0.5, 0.7, 0.9)))
    assert masker.masks(photo, [WHOLE])[0].pixels.sum() == 48
    masker = BoxMasker(write_masker(tmp_path, qualities=(0.9, float("nan"), 0.7)))
    assert masker.masks(photo, [WHOLE])[0].pixels.all()


def test_a_mask_that_the_decoder_thinks_little_of_is_unsure(tmp_path: Path):
    recognizer = loaded(tmp_path, qualities=(0.5,))
    photo = with_step()
    (things,) = recognizer.recognize([photo])
    assert things[0].unsure
    assert [mask.unsure for mask in find_masks(photo, things) if mask] == [True]
    (things,) = loaded(tmp_path, qualities=(0.5,), sure=0.4).recognize([photo])
    assert [mask.unsure for mask in find_masks(photo, things) if mask] == [False]


def test_a_thing_without_a_label_has_a_mask_that_is_sure(tmp_path: Path):
    (things,) = loaded(tmp_path).recognize([with_step()])
    (mask,) = find_masks(with_step(), [things[0]._replace(label=None)])
    assert mask is not None
    assert not mask.unsure


def test_a_mask_of_nearly_nothing_is_left_out_and_the_thing_is_kept(tmp_path: Path):
    # Blue is a person to the detector, and outside of every mask.
    write_detector(tmp_path, never=[])
    photo = black()
    photo[24:32, 16:24] = BLUE
    ((thing,),) = load_recognizer(f"sam:{write_masker(tmp_path)}").recognize([photo])
    assert (thing.label, thing.mask, thing.unsure) == ("person", None, False)


def test_only_the_first_things_get_masks(tmp_path: Path):
    photo = with_red(with_step(), slice(48, 56), slice(48, 56))
    ((first, second),) = loaded(tmp_path, most=1).recognize([photo])
    assert first.score > second.score
    assert first.mask is not None
    assert second.mask is None


@pytest.mark.parametrize("layout", ["nchw", "nhwc", "hwc"])
def test_photos_are_fed_in_the_layout_of_the_file(tmp_path: Path, layout: str):
    path = write_masker(tmp_path, graph_layout=layout, layout=layout)
    (found,) = BoxMasker(path).masks(with_step(), [WHOLE])
    assert np.array_equal(found.pixels, with_step()[..., 0] > 0)


def test_bgr_swaps_red_and_blue_in_masks(tmp_path: Path):
    (found,) = BoxMasker(write_masker(tmp_path, channels="bgr")).masks(with_step(), [WHOLE])
    assert not found.pixels[24:32, 16:24].any()


def test_pixels_are_normalized_as_the_file_says(tmp_path: Path):
    # Black is not red, unless the mean of red is below zero.
    path = write_masker(tmp_path, mean=[0, 0, 0], std=[1, 1, 1])
    assert not BoxMasker(path).masks(black(), [WHOLE])[0].pixels.any()
    path = write_masker(tmp_path, mean=[-1, 0, 0], std=[1, 1, 1])
    assert BoxMasker(path).masks(black(), [WHOLE])[0].pixels.all()


@pytest.mark.parametrize("inputs", [(), ("orig_im_size",), ("mask_input", "has_mask_input")])
def test_a_decoder_may_lack_the_inputs_that_a_box_does_not_need(
    tmp_path: Path, inputs: tuple[str, ...]
):
    path = write_masker(tmp_path, inputs=inputs, dtype=TensorProto.INT64)
    assert BoxMasker(path).masks(with_step(), [WHOLE])[0].pixels.sum() == 48


def test_the_bundled_detector_finds_the_boxes_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    detector = write_detector(tmp_path)
    for path in (detector, detector.with_suffix(".json")):
        path.rename(tmp_path / f"things{path.suffix}")
    monkeypatch.setattr(registry, "WEIGHTS", tmp_path)
    recognizer = load_recognizer(f"sam:{write_masker(tmp_path, detector=None)}", threads=1)
    ((thing,),) = recognizer.recognize([with_step()])
    assert thing.source == recognizer.id
    assert thing.mask is not None
    assert recognizer.weights_hash != load_recognizer().weights_hash


# What cannot be loaded


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"format": 2}, "format"),
        ({"encoder": "../tiny.encoder.onnx"}, "encoder"),
        ({"decoder": ""}, "decoder"),
        ({"detector": "/tiny-n.onnx"}, "detector"),
        ({"std": [1, 0, 1]}, "std"),
        ({"threshold": 0.5}, "threshold"),
    ],
)
def test_a_wrong_json_is_refused_by_its_field(tmp_path: Path, fields: dict[str, Any], reason: str):
    with pytest.raises(RecognizerNotFound, match=rf"sam\.json: .*{reason}"):
        load_recognizer(f"sam:{write_masker(tmp_path, **fields)}")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"size": 96}, "tiny.encoder.onnx does not run .*Expected: 64"),
        ({"layout": "hwc"}, "tiny.encoder.onnx does not run"),
        ({"input": "images"}, "its inputs are x; expected images"),
        ({"pad": False}, "tiny.encoder.onnx does not run"),
        ({"inputs": ("high_res_feats_0",)}, r"high_res_feats_0 \(tensor\(float\)\); expected"),
        ({"inputs": ("orig_im_size",), "dtype": TensorProto.BOOL}, r"orig_im_size \(tensor\(bool"),
    ],
)
def test_files_that_contradict_each_other_are_refused_in_a_line(
    tmp_path: Path, fields: dict[str, Any], reason: str
):
    path = write_masker(tmp_path, **fields)
    with pytest.raises(RecognizerNotFound, match=reason) as refused:
        load_recognizer(f"sam:{path}")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["tiny.encoder.onnx", "tiny.decoder.onnx", "tiny-n.onnx"])
def test_a_missing_or_broken_file_is_refused_by_its_name(tmp_path: Path, name: str):
    write_detector(tmp_path)
    path = write_masker(tmp_path)
    (tmp_path / name).write_bytes(b"not a model")
    with pytest.raises(RecognizerNotFound, match=f"{name} does not run"):
        load_recognizer(f"sam:{path}")
    (tmp_path / name).unlink()
    with pytest.raises(RecognizerNotFound, match=rf"cannot read .*{name}"):
        load_recognizer(f"sam:{path}")


def test_an_encoder_in_place_of_the_decoder_is_refused(tmp_path: Path):
    path = write_masker(tmp_path, decoder="tiny.encoder.onnx")
    with pytest.raises(RecognizerNotFound, match=r"inputs are x .*expected numbers named"):
        load_recognizer(f"sam:{path}")


def test_a_model_is_not_taken_for_the_json(tmp_path: Path):
    with pytest.raises(RecognizerNotFound, match=r"expected sam:FILE\.json"):
        load_recognizer(f"sam:{tmp_path / 'tiny.encoder.onnx'}")
    with pytest.raises(RecognizerNotFound, match=r"cannot read .*none\.json: No such file"):
        load_recognizer(f"sam:{tmp_path / 'none.json'}")
