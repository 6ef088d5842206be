"""One kind of refusal for whatever cannot be loaded as an encoder."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from indexer.encoders.registry import FORMS, load_encoder
from tests.tinyencoders import (
    MISSING,
    TINY,
    import_torch,
    refusal,
    with_torch,
    write_onnx,
    write_openclip,
    write_openclip_folder,
    write_timm,
    write_torchvision,
)

# Refusals


@pytest.mark.parametrize("encoder_id", ["", "clip", "openclip", "openclip:", "onnx:", "builtin:x"])
def test_an_unknown_id_is_told_the_known_ones(encoder_id: str) -> None:
    message = refusal(encoder_id)
    assert repr(encoder_id) in message
    assert all(form in message for form in FORMS)


def test_an_onnx_file_without_its_side_file_is_refused(tmp_path: Path) -> None:
    path = write_onnx(tmp_path, 1, layout="nhwc", dtype="uint8")
    path.with_suffix(".json").unlink()
    assert str(path.with_suffix(".json")) in refusal(f"onnx:{path}")


def test_an_onnx_file_may_be_a_link_with_its_side_file_beside_the_link(tmp_path: Path) -> None:
    path = write_onnx(tmp_path, 1, layout="nhwc", dtype="uint8")
    plain = load_encoder(f"onnx:{path}")
    (tmp_path / "blobs").mkdir()
    path.symlink_to(path.rename(tmp_path / "blobs" / "ab12"))
    linked = load_encoder(f"onnx:{path}")
    assert linked.id == plain.id == f"onnx:{path.parent.resolve() / path.name}"
    assert linked.weights_hash == plain.weights_hash


def test_an_onnx_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = write_onnx(tmp_path, 1, layout="nhwc", dtype="uint8")
    path.unlink()
    assert str(path) in refusal(f"onnx:{path}")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"dim": 13}, "(2, 13)"),
        ({"size": 64}, "does not run as its JSON file says"),
        ({"layout": "nchw"}, "does not run as its JSON file says"),
        ({"dtype": "float32"}, "does not run as its JSON file says"),
        ({"input": "image"}, "does not run as its JSON file says"),
        ({"output": "logits"}, "does not run as its JSON file says"),
        ({"format": 2}, "cannot read"),
        ({"size": 65_536}, "a batch is 2 images of 65536 px, more than 67108864 pixels"),
        ({"size": "large"}, "cannot read"),
        ({"size": 0}, "cannot read"),
        ({"dim": -1}, "cannot read"),
        ({"std": [1.0, 0.0, 1.0]}, "cannot read"),
        ({"scale": 0.0}, "cannot read"),
    ],
)
def test_a_side_file_that_contradicts_the_graph_is_refused(
    change: dict[str, Any], named: str, tmp_path: Path
) -> None:
    path = write_onnx(tmp_path, 1, layout="nhwc", dtype="uint8")
    side = path.with_suffix(".json")
    side.write_text(json.dumps(json.loads(side.read_text()) | change))
    assert named in refusal(f"onnx:{path}")


@pytest.mark.parametrize("at_once", [1, 3])
def test_a_graph_exported_for_a_fixed_number_of_images_gives_the_same_vectors(
    at_once: int, tmp_path: Path, rng: np.random.Generator
) -> None:
    path = write_onnx(tmp_path, 1, layout="nchw", dtype="float32")
    pixels = list(rng.integers(0, 256, (5, 32, 32, 3), dtype=np.uint8))
    wanted = load_encoder(f"onnx:{path}").encode_images(pixels)
    model = onnx.load(path)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = at_once
    onnx.save(model, path)
    fixed = load_encoder(f"onnx:{path}")
    assert np.allclose(fixed.encode_images(pixels), wanted, atol=1e-6)
    assert fixed.encode_images([]).shape == (0, 12)


def test_many_images_are_computed_a_few_at_a_time(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_onnx(tmp_path, 1, layout="nhwc", dtype="uint8")
    encoder = load_encoder(f"onnx:{path}", threads=2)
    run, sizes = encoder._run, []
    monkeypatch.setattr(encoder, "_run", lambda batch: sizes.append(len(batch)) or run(batch))
    encoder.encode_images(list(rng.integers(0, 256, (19, 32, 32, 3), dtype=np.uint8)))
    assert sizes == [8, 8, 3]


def test_a_graph_for_more_images_at_once_than_fit_into_memory_is_refused(tmp_path: Path) -> None:
    path = write_onnx(tmp_path, 1, layout="nchw", dtype="float32")
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1_000_000
    onnx.save(model, path)
    assert "a batch is 1000000 images of 32 px" in refusal(f"onnx:{path}")


@pytest.mark.parametrize("content", [b"", b"garbage" * 100, b"\x08\x07"])
def test_a_garbage_onnx_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = write_onnx(tmp_path, 1, layout="nhwc", dtype="uint8")
    path.write_bytes(content)
    assert str(path) in refusal(f"onnx:{path}")
    path.with_suffix(".json").write_bytes(b"\xff{")
    assert str(path.with_suffix(".json")) in refusal(f"onnx:{path}")


@pytest.mark.parametrize(
    ("encoder_id", "package"),
    [
        ("openclip:ViT-B-32/openai", "torch"),
        ("openclip:ViT-B-32/openai", "torchvision"),
        ("openclip:ViT-B-32/openai", "open_clip"),
        ("cnn:resnet18", "torch"),
        ("cnn:resnet18", "torchvision"),
        ("cnn:resnet18", "timm"),
    ],
)
@pytest.mark.slow
def test_a_missing_package_is_named_with_the_command_that_brings_it(
    encoder_id: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    message = refusal(encoder_id)
    assert "pip install 'vitrine[clip]'" in message
    if not MISSING:
        assert package in message


def test_importing_the_encoders_imports_no_torch() -> None:
    code = (
        "import sys, indexer.encoders.openclip, indexer.encoders.cnn, indexer.encoders.registry; "
        "import indexer.encoders.sentencetransformer; "
        "heavy = ('torch', 'open_clip', 'timm', 'sentence_transformers', 'transformers'); "
        "sys.exit(any(name in sys.modules for name in heavy))"
    )
    root = Path(__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub.constants

    import_torch()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


@with_torch
@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(
    ("encoder_id", "named"),
    [
        ("openclip:ViT-B-32/laion2b_s34b_b79k", "cannot load ViT-B-32 with laion2b_s34b_b79k"),
        ("openclip:hf-hub:org/no-such-model", "cannot load hf-hub:org/no-such-model"),
        ("openclip:local-dir:/no/such/folder", "cannot load local-dir:/no/such/folder"),
        ("openclip:ViT-B-32/no-such-tag", "neither a file nor one of the weights of ViT-B-32"),
        ("openclip:ViT-B-32", "'' is neither a file nor"),
        ("openclip:ViT-B-33/openai", "no model 'ViT-B-33'"),
        ("cnn:test_resnet", "cannot load test_resnet with its published weights"),
        ("cnn:test_resnet@/no/such/file.pt", "no weights file /no/such/file.pt"),
        ("cnn:resnet-18", "neither timm nor torchvision has a model 'resnet-18'"),
        ("cnn:torchvision:no_such", "neither timm nor torchvision has a model 'no_such'"),
        ("cnn:hf-hub:org/no-such-model", "cannot load hf-hub:org/no-such-model"),
    ],
)
def test_weights_that_cannot_be_had_are_named(encoder_id: str, named: str) -> None:
    assert named in refusal(encoder_id)


@with_torch
@pytest.mark.parametrize("name", ["weights.pt", "weights.safetensors"])
def test_garbage_weights_are_refused(name: str, tmp_path: Path) -> None:
    weights = tmp_path / name
    model = write_openclip(tmp_path, 1).removeprefix("openclip:").partition("/")[0]
    for content in (b"", b"garbage" * 100):
        weights.write_bytes(content)
        assert str(weights) in refusal(f"cnn:test_resnet@{weights}")
        assert str(weights) in refusal(f"openclip:{model}/{weights}")


class Bomb:
    """Unpickled without care, it leaves a file behind."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.mark,))


@with_torch
def test_weights_that_carry_code_are_refused_and_it_does_not_run(tmp_path: Path) -> None:
    import_torch()
    import torch

    model = write_openclip(tmp_path, 1).removeprefix("openclip:").partition("/")[0]
    weights, mark = tmp_path / "evil.pt", tmp_path / "it-ran"
    torch.save({"state_dict": Bomb(mark)}, weights)
    refusal(f"cnn:test_resnet@{weights}")
    refusal(f"openclip:{model}/{weights}")
    assert not mark.exists()


@with_torch
def test_the_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    timm_file = write_timm(tmp_path, 1).partition("@")[2]
    shuffle_file = write_torchvision(tmp_path, 1).partition("@")[2]
    model = write_openclip(tmp_path, 1).removeprefix("openclip:").partition("/")[0]
    assert shuffle_file in refusal(f"cnn:test_resnet@{shuffle_file}")
    assert timm_file in refusal(f"cnn:torchvision:shufflenet_v2_x0_5@{timm_file}")
    assert timm_file in refusal(f"openclip:{model}/{timm_file}")


@with_torch
def test_weights_of_which_some_are_missing_are_refused(tmp_path: Path) -> None:
    path = write_timm(tmp_path, 1).partition("@")[2]
    from safetensors.torch import load_file, save_file

    state = load_file(path)
    first = sorted(state)[0]
    del state[first]
    save_file(state, path)
    message = refusal(f"cnn:test_resnet@{path}")
    assert f"another model: 1 are missing and 0 unexpected, such as {first}" in message


@with_torch
def test_a_folder_without_weights_is_refused_rather_than_random(tmp_path: Path) -> None:
    encoder_id = write_openclip_folder(tmp_path, 1)
    (Path(encoder_id.partition("local-dir:")[2]) / "open_clip_model.safetensors").unlink()
    assert "cannot load" in refusal(encoder_id)


@with_torch
def test_a_model_whose_input_is_not_square_is_refused(tmp_path: Path) -> None:
    vision = TINY["vision_cfg"] | {"image_size": [64, 32]}
    encoder_id = write_openclip(tmp_path, 1, TINY | {"vision_cfg": vision})
    assert "choose a square model" in refusal(encoder_id)
