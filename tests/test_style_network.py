"""The styler of a trained network, with a small graph in the place of a trained one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from style.errors import BadMask, BadNetwork, UnknownStyle
from style.lut import ColorMap
from style.network import NetworkStyler
from style.palette import palette_lut, palette_of

onnx = pytest.importorskip("onnx", reason="draws a graph")


def write_graph(path: Path, factor: float) -> Path:
    """A graph whose change is (photo - 0.5) times a factor, plus the mean of the style times 0."""
    helper = onnx.helper
    numbers = {"half": 0.5, "factor": factor, "nothing": 0.0}
    nodes = [
        helper.make_node("Sub", ["photo", "half"], ["away"]),
        helper.make_node("Mul", ["away", "factor"], ["scaled"]),
        helper.make_node("ReduceMean", ["style"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "nothing"], ["zero"]),
        helper.make_node("Add", ["scaled", "zero"], ["change"]),
    ]
    shape = ["n", 3, "h", "w"]
    kind = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info(name, kind, shape) for name in ("photo", "style")],
        [helper.make_tensor_value_info("change", kind, shape)],
        [
            onnx.numpy_helper.from_array(np.array(value, np.float32), name)
            for name, value in numbers.items()
        ],
    )
    opset = helper.make_opsetid("", 17)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), path)
    return path


@pytest.fixture
def painting(rng) -> np.ndarray:
    return rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)


@pytest.fixture
def photo(rng) -> np.ndarray:
    pixels = np.full((70, 50, 3), 245.0)
    pixels[20:50, 10:40] = (180, 60, 40)
    return np.clip(pixels + rng.normal(0, 3, pixels.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def styler(tmp_path, painting) -> NetworkStyler:
    return NetworkStyler(write_graph(tmp_path / "toy.onnx", 0.3), {"p": painting})


def test_strength_0_and_mask_0_are_the_input_bit_for_bit(photo, styler):
    assert (styler.apply(photo, "p", 0) == photo).all()
    mask = np.zeros(photo.shape[:2], np.uint8)
    mask[:, :25] = 255
    made = styler.apply(photo, "p", 1, mask)
    assert (made[:, 25:] == photo[:, 25:]).all()
    assert (made[:, :25] == styler.apply(photo, "p", 1)[:, :25]).all()


def test_the_same_arguments_give_the_same_bytes_and_more_strength_more_change(photo, styler):
    assert (styler.apply(photo, "p", 1) == styler.apply(photo, "p", 1)).all()
    changes = [np.abs(styler.apply(photo, "p", at).astype(int) - photo) for at in (0.3, 0.6, 1)]
    assert (changes[1] >= changes[0]).all()
    assert (changes[2] >= changes[1]).all()
    assert changes[2].mean() > 2 * changes[0].mean()


def test_a_network_that_changes_nothing_leaves_the_palette_of_the_image(tmp_path, photo, painting):
    still = NetworkStyler(write_graph(tmp_path / "still.onnx", 0), {"p": painting})
    toned = ColorMap(palette_lut(palette_of(photo), palette_of(painting))).apply(photo)
    assert np.abs(still.apply(photo, "p", 1).astype(int) - toned).max() <= 1


@pytest.mark.parametrize("shape", [(1, 1), (3, 700), (600, 2), (17, 33), (300, 500)])
def test_pictures_of_any_size_keep_their_size(shape, rng, styler):
    pixels = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert styler.apply(pixels, "p", 1).shape == pixels.shape


def test_large_pictures_have_no_seams_between_strips(photo, styler, monkeypatch):
    large = photo.repeat(12, 0).repeat(12, 1)
    monkeypatch.setattr("style.strips.over_strips.__kwdefaults__", {"pixels": 10**9})
    whole = styler.apply(large, "p", 1).astype(int)
    monkeypatch.setattr("style.strips.over_strips.__kwdefaults__", {"pixels": 37_000})
    assert np.abs(styler.apply(large, "p", 1) - whole).max() <= 1


@pytest.mark.parametrize("content", [b"", b"hello", b"\x08\x08" + bytes(400)])
def test_a_file_that_is_no_network_is_refused_by_name(tmp_path, photo, painting, content):
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(BadNetwork, match=r"bad\.onnx: not a network") as error:
        NetworkStyler(path, {"p": painting}).apply(photo, "p", 1)
    assert "\n" not in str(error.value)


def test_a_network_whose_change_is_not_finite_is_refused(tmp_path, photo, painting):
    path = write_graph(tmp_path / "nan.onnx", float("nan"))
    with pytest.raises(BadNetwork, match="change is not finite"):
        NetworkStyler(path, {"p": painting}).apply(photo, "p", 1)


def test_a_network_with_other_inputs_is_refused(tmp_path, photo, painting):
    path = write_graph(tmp_path / "other.onnx", 1)
    model = onnx.load(path)
    model.graph.input[0].name = model.graph.node[0].input[0] = "something"
    onnx.save(model, path)
    with pytest.raises(BadNetwork, match="the network fails"):
        NetworkStyler(path, {"p": painting}).apply(photo, "p", 1)


def test_wrong_arguments_are_refused(tmp_path, photo, styler):
    with pytest.raises(UnknownStyle):
        styler.apply(photo, "q", 1)
    with pytest.raises(BadMask):
        styler.apply(photo, "p", 1, np.zeros((2, 2), np.uint8))
    with pytest.raises(BadNetwork, match=r"none\.onnx: cannot be read"):
        NetworkStyler(tmp_path / "none.onnx", {})


def test_provenance_depends_on_the_weights_and_on_the_image(tmp_path, photo, painting, styler):
    other = NetworkStyler(write_graph(tmp_path / "b.onnx", 0.2), {"p": painting})
    third = NetworkStyler(tmp_path / "toy.onnx", {"p": painting[::-1]})
    records = {each.provenance("p", 1).weights for each in (styler, other, third)}
    assert len(records) == 3
