"""Encoders of every kind with random weights, small enough to be made in a test."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from indexer.encoders.registry import load_encoder
from indexer.errors import EncoderNotFound

MISSING = [n for n in ("torch", "open_clip", "timm") if importlib.util.find_spec(n) is None]
NEEDS_TORCH = [
    pytest.mark.torch,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]
TINY: dict[str, Any] = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 64, "layers": 2, "width": 64, "head_width": 32, "patch_size": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}


def with_torch(test: Callable[..., None]) -> Callable[..., None]:
    for mark in NEEDS_TORCH:
        test = mark(test)
    return test


# The encoders under contract, each made the way its user would make it


def write_onnx(folder: Path, seed: int, *, layout: str, dtype: str) -> Path:
    """A convolution over 8 x 8 patches and a mean, with the JSON that says how to feed it."""
    rng = np.random.default_rng(seed)
    weights = {
        "kernel": rng.normal(size=(12, 3, 8, 8)).astype(np.float32),
        "bias": rng.normal(size=12).astype(np.float32),
        "scale": np.float32(255),
    }
    nodes = [helper.make_node("Cast", ["pixels"], ["cast"], to=TensorProto.FLOAT)]
    last = "cast"
    if dtype == "uint8":
        nodes.append(helper.make_node("Div", [last, "scale"], ["divided"]))
        last = "divided"
    if layout == "nhwc":
        nodes.append(helper.make_node("Transpose", [last], ["turned"], perm=[0, 3, 1, 2]))
        last = "turned"
    nodes += [
        helper.make_node("Conv", [last, "kernel", "bias"], ["patches"], strides=[8, 8]),
        helper.make_node("Relu", ["patches"], ["positive"]),
        helper.make_node("ReduceMean", ["positive"], ["embedding"], axes=[2, 3], keepdims=0),
    ]
    shape = ["n", 32, 32, 3] if layout == "nhwc" else ["n", 3, 32, 32]
    kind = TensorProto.UINT8 if dtype == "uint8" else TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("pixels", kind, shape)],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 12])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    path = folder / f"{layout}-{dtype}-{seed}.onnx"
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    side = {"format": 1, "size": 32, "dim": 12, "layout": layout, "dtype": dtype}
    path.with_suffix(".json").write_text(json.dumps(side))
    return path


def write_openclip(folder: Path, seed: int, config: dict[str, Any] | None = None) -> str:
    """Register a small model under a name of its own and save random weights for it."""
    import_torch()
    import open_clip
    import torch

    name = f"vitrine-tiny-{folder.name}"
    config_file = folder / f"{name}.json"
    if not config_file.exists():
        config_file.write_text(json.dumps(config or TINY))
        open_clip.add_model_config(config_file)
    torch.manual_seed(seed)
    weights = folder / f"clip-{seed}.pt"
    torch.save(open_clip.create_model(name).state_dict(), weights)
    return f"openclip:{name}/{weights}"


def write_openclip_folder(folder: Path, seed: int, **preprocess: object) -> str:
    import_torch()
    import open_clip
    from safetensors.torch import save_file

    write_openclip(folder, seed)
    model = open_clip.create_model(f"vitrine-tiny-{folder.name}")
    saved = folder / f"saved-{seed}"
    saved.mkdir()
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, saved / "open_clip_model.safetensors")
    config = {"model_cfg": TINY, "preprocess_cfg": preprocess}
    (saved / "open_clip_config.json").write_text(json.dumps(config))
    return f"openclip:local-dir:{saved}"


def write_timm(folder: Path, seed: int) -> str:
    import_torch()
    import timm
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(seed)
    weights = folder / f"timm-{seed}.safetensors"
    save_file(timm.create_model("test_resnet", pretrained=False).state_dict(), weights)
    return f"cnn:test_resnet@{weights}"


def write_torchvision(folder: Path, seed: int) -> str:
    import_torch()
    import torch
    from torchvision.models import shufflenet_v2_x0_5

    torch.manual_seed(seed)
    weights = folder / f"shuffle-{seed}.pt"
    torch.save(shufflenet_v2_x0_5(weights=None).state_dict(), weights)
    return f"cnn:torchvision:shufflenet_v2_x0_5@{weights}"


def import_torch() -> None:
    """As the encoders do it, so that torchvision is importable here too."""
    from indexer.encoders.torchmodel import import_packages

    import_packages("open_clip", "timm", encoder_id="test")


def refusal(encoder_id: str) -> str:
    with pytest.raises(EncoderNotFound) as raised:
        load_encoder(encoder_id)
    message = str(raised.value)
    assert "\n" not in message
    assert len(message) < 1000
    return message
