"""One contract for every encoder, and the square that each is given."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from indexer.arrays import unit
from indexer.encoders.base import TextEncoder
from indexer.encoders.color import ColorEncoder
from indexer.encoders.onnxfile import WEIGHTS
from indexer.encoders.registry import canonical_id, load_encoder
from indexer.imaging.preprocess import Preprocess
from indexer.writing.image_pipeline import decoding_side
from tests.tinyencoders import (
    NEEDS_TORCH,
    with_torch,
    write_onnx,
    write_openclip,
    write_openclip_folder,
    write_timm,
    write_torchvision,
)
from tests.tinymodels import NEEDS_ST, write_sentence_transformer

if TYPE_CHECKING:
    from indexer.arrays import Pixels, Vectors
    from indexer.encoders.base import Encoder


def onnx_id(layout: str, dtype: str) -> Callable[[Path, int], str]:
    return lambda folder, seed: f"onnx:{write_onnx(folder, seed, layout=layout, dtype=dtype)}"


def builtin_id(_folder: Path, _seed: int) -> str:
    if not (WEIGHTS / "builtin.onnx").is_file():
        pytest.skip("the bundled weights are not here yet")
    return "builtin"


CASES = {
    "builtin": builtin_id,
    "color": lambda _folder, _seed: "color",
    "onnx-nhwc-uint8": onnx_id("nhwc", "uint8"),
    "onnx-nchw-uint8": onnx_id("nchw", "uint8"),
    "onnx-nhwc-float32": onnx_id("nhwc", "float32"),
    "onnx-nchw-float32": onnx_id("nchw", "float32"),
    "openclip": write_openclip,
    "openclip-folder": write_openclip_folder,
    "cnn-timm": write_timm,
    "cnn-torchvision": write_torchvision,
    "st": write_sentence_transformer,
    "st-cut": lambda folder, seed: f"{write_sentence_transformer(folder, seed)}@16",
}
TORCH_CASES = [name for name in CASES if name.startswith(("openclip", "cnn"))]


class Loaded(NamedTuple):
    """An encoder, the id it was loaded by, and an id of the same form with other weights."""

    encoder: Encoder
    asked: str
    other: str


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(
            n,
            marks=NEEDS_ST if n.startswith("st") else NEEDS_TORCH if n in TORCH_CASES else [],
        )
        for n in CASES
    ],
)
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    folder = tmp_path_factory.mktemp(request.param)
    asked, other = (CASES[request.param](folder, seed) for seed in (1, 2))
    # One thread: beside other tests, two would wait for each other more than they compute.
    return Loaded(load_encoder(asked, threads=1), asked, other)


@pytest.fixture(scope="module")
def encoder(loaded: Loaded) -> Encoder:
    return loaded.encoder


def pictures() -> list[Pixels]:
    """Six pictures that no encoder may take for one another, in six sizes."""
    rng = np.random.default_rng(3)
    sizes = ((64, 64), (90, 40), (40, 90), (224, 224), (301, 203), (17, 33))
    plain = [(230, 20, 30), (20, 200, 40), (30, 40, 220), (250, 240, 20)]
    images = [np.full((*size, 3), color, np.uint8) for size, color in zip(sizes, plain)]  # noqa: B905
    stripes = np.zeros((*sizes[4], 3), np.uint8)
    stripes[:, ::20] = 255
    noise = rng.integers(0, 256, (*sizes[5], 3), dtype=np.uint8)
    return [*images, stripes, noise]


# The contract


def test_vectors_are_float32_unit_rows_one_for_each_image(encoder: Encoder) -> None:
    vectors = encoder.encode_images(pictures())
    assert vectors.shape == (6, encoder.dim)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


def test_no_images_are_no_rows(encoder: Encoder) -> None:
    vectors = encoder.encode_images([])
    assert vectors.shape == (0, encoder.dim)
    assert vectors.dtype == np.float32


def test_a_batch_gives_what_the_single_images_give(encoder: Encoder) -> None:
    batch = encoder.encode_images(pictures())
    singles = np.concatenate([encoder.encode_images([one]) for one in pictures()])
    assert np.abs(batch - singles).max() <= 1e-3
    assert (batch @ singles.T).argmax(axis=1).tolist() == [0, 1, 2, 3, 4, 5]


def test_the_order_of_the_images_is_the_order_of_the_rows(encoder: Encoder) -> None:
    order = [3, 0, 5, 1, 4, 2]
    shuffled = encoder.encode_images([pictures()[at] for at in order])
    straight = encoder.encode_images(pictures())
    assert (shuffled @ straight.T).argmax(axis=1).tolist() == order


def test_more_images_than_one_batch_holds_keep_their_order(encoder: Encoder) -> None:
    vectors = encoder.encode_images(pictures() * 11)  # 66: several batches on a CPU
    again = encoder.encode_images(pictures())
    assert (vectors @ again.T).argmax(axis=1).tolist() == [0, 1, 2, 3, 4, 5] * 11


def test_two_calls_agree_exactly(encoder: Encoder) -> None:
    first, second = encoder.encode_images(pictures()), encoder.encode_images(pictures())
    assert np.array_equal(first, second)


def test_preprocessing_early_changes_nothing(encoder: Encoder) -> None:
    early = [encoder.preprocess.apply(one) for one in pictures()]
    side = encoder.preprocess.size
    assert {one.shape for one in early} == {(side, side, 3)}
    assert all(np.array_equal(encoder.preprocess.apply(one), one) for one in early)
    assert np.array_equal(encoder.encode_images(early), encoder.encode_images(pictures()))


def test_the_smallest_image_and_a_long_strip_are_encoded(encoder: Encoder) -> None:
    strip = np.full((1, 60_000, 3), 128, np.uint8)
    vectors = encoder.encode_images([np.zeros((1, 1, 3), np.uint8), strip])
    assert np.isfinite(vectors).all()
    assert vectors.shape == (2, encoder.dim)


def test_the_input_is_left_as_it_was(encoder: Encoder) -> None:
    given, untouched = pictures(), pictures()
    encoder.encode_images(given)
    assert all(np.array_equal(*pair) for pair in zip(given, untouched, strict=True))


def test_the_same_id_gives_the_same_hash_and_the_same_vectors(loaded: Loaded) -> None:
    again = load_encoder(loaded.asked)
    assert again.weights_hash == loaded.encoder.weights_hash
    assert len(again.weights_hash) == 64
    ours, theirs = (one.encode_images(pictures()) for one in (again, loaded.encoder))
    assert np.abs(ours - theirs).max() < 1e-3


def test_other_weights_have_another_hash(loaded: Loaded) -> None:
    if loaded.other == loaded.asked:
        assert loaded.asked in ("builtin", "color")  # they have one set of weights
        return
    assert load_encoder(loaded.other).weights_hash != loaded.encoder.weights_hash


def test_the_id_loads_the_same_encoder_from_any_folder(
    loaded: Loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert canonical_id(loaded.encoder.id) == loaded.encoder.id
    assert load_encoder(loaded.encoder.id).weights_hash == loaded.encoder.weights_hash


def test_texts_land_in_the_space_of_the_images(encoder: Encoder) -> None:
    if not isinstance(encoder, TextEncoder):
        assert not hasattr(encoder, "encode_texts")
        return
    texts = ["a red shoe", "eine blaue Tasse", "靴", "", "word " * 500]
    vectors = encoder.encode_texts(texts)
    assert vectors.shape == (5, encoder.dim)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    singles = np.concatenate([encoder.encode_texts([text]) for text in texts])
    # Padding changes the order of sums. A CPU with bf16 arithmetic rounds them to eight bits.
    bf16 = "bfloat16" in getattr(encoder, "number_format", "")
    assert np.abs(vectors - singles).max() <= (4e-3 if bf16 else 1e-3)
    assert encoder.encode_texts([]).shape == (0, encoder.dim)


# OpenCLIP and CNN give what their own libraries give


def saved_pictures() -> Iterator[Image.Image]:
    """Pictures with soft shapes, of several sizes, none of them an encoder's own."""
    rng = np.random.default_rng(5)
    for width, height in ((90, 120), (333, 200), (500, 501), (70, 70), (480, 322), (200, 650)):
        coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        yield coarse.resize((width, height), Image.Resampling.BICUBIC)


def cosines(ours: Any, theirs: Any) -> list[float]:
    theirs = theirs.numpy()
    return list((ours * theirs).sum(1) / np.linalg.norm(theirs, axis=1))


@with_torch
@pytest.mark.parametrize(
    ("asked", "bf16"),
    [
        ({}, True),
        ({}, False),
        ({"resize_mode": "longest"}, False),
        ({"resize_mode": "squash", "mean": [0.5, 0.4, 0.3]}, False),
    ],
)
def test_openclip_vectors_are_those_of_open_clip_itself(
    asked: dict[str, Any], bf16: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from indexer.encoders import torchmodel

    monkeypatch.setattr(torchmodel, "_cpu_has_bf16", lambda: bf16)
    encoder_id = write_openclip_folder(tmp_path, 1, **asked)
    import open_clip
    import torch

    encoder = load_encoder(encoder_id)
    assert isinstance(encoder, TextEncoder)
    name = encoder_id.removeprefix("openclip:")
    model, _, transform = open_clip.create_model_and_transforms(name)
    tokenize = open_clip.get_tokenizer(name)
    images, texts = list(saved_pictures()), ["a red shoe", "a blue mug", "word " * 50]
    with torch.inference_mode():
        reference = model.eval().encode_image(torch.stack([transform(one) for one in images]))
        words = model.encode_text(tokenize(texts))
    ours = encoder.encode_images([np.asarray(one) for one in images])
    assert min(cosines(ours, reference)) >= 0.999
    assert min(cosines(encoder.encode_texts(texts), words)) >= 0.999


@with_torch
@pytest.mark.parametrize("crop", ["center", "squash", "border"])
def test_cnn_vectors_are_those_of_timm_itself(
    crop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder_id = write_timm(tmp_path, 1)
    import timm
    import torch

    weights = encoder_id.partition("@")[2]
    model = timm.create_model("test_resnet", num_classes=0)
    timm.models.load_checkpoint(model, weights, strict=False)
    config = timm.data.resolve_model_data_config(model) | {"crop_mode": crop, "crop_pct": 0.8}
    monkeypatch.setattr(timm.data, "resolve_model_data_config", lambda _model: config)
    encoder = load_encoder(encoder_id)
    transform = timm.data.create_transform(**config, is_training=False)
    images = list(saved_pictures())
    with torch.inference_mode():
        reference = model.eval()(torch.stack([transform(one) for one in images]))
    ours = encoder.encode_images([np.asarray(one) for one in images])
    assert min(cosines(ours, reference)) >= 0.999


@with_torch
def test_the_same_weights_have_the_same_hash_in_another_file_format(tmp_path: Path) -> None:
    encoder_id = write_timm(tmp_path, 1)
    import torch
    from safetensors.torch import load_file

    path = Path(encoder_id.partition("@")[2])
    torch.save({"state_dict": load_file(path)}, tmp_path / "same.pt")
    same = load_encoder(f"cnn:test_resnet@{tmp_path / 'same.pt'}")
    assert same.weights_hash == load_encoder(encoder_id).weights_hash


# Preprocessing


def test_crop_takes_the_middle_of_the_longer_side() -> None:
    image = np.zeros((10, 30, 3), np.uint8)
    image[:, 10:20] = 200
    out = Preprocess(size=10, fit="crop").apply(image)
    assert (out == 200).all()


def test_pad_keeps_all_of_the_image_and_fills_the_rest() -> None:
    image = np.full((20, 40, 3), 90, np.uint8)
    out = Preprocess(size=20, fit="pad", fill=(1, 2, 3)).apply(image)
    assert [out[row, 10].tolist() for row in (0, 4, 5, 14, 15)] == [
        [1, 2, 3], [1, 2, 3], [90, 90, 90], [90, 90, 90], [1, 2, 3],
    ]  # fmt: skip


def test_scaled_cuts_the_rim_away() -> None:
    image = np.zeros((40, 40, 3), np.uint8)
    image[10:30, 10:30] = 200
    for fit in ("crop", "squash", "pad"):
        out = Preprocess(size=8, fit=fit, scaled=20, resample="box").apply(image)
        assert (out == 200).all(), fit


def test_a_photo_is_decoded_as_large_as_the_square_whose_middle_is_seen() -> None:
    class Rimmed(ColorEncoder):
        preprocess = Preprocess(size=448, fit="crop", scaled=512)

    assert decoding_side(Rimmed()) == 512


@pytest.fixture(scope="module")
def drawn_vectors(drawn_shop) -> tuple[Vectors, Vectors]:
    """The vectors of a picture of each drawn item, and of the same mirrored and cropped."""
    with drawn_shop.catalog.open(encoding="utf-8") as file:
        names = [row["images"].split(";")[0] for row in csv.DictReader(file)]
    pictures = []
    for name in names:
        with Image.open(drawn_shop.folder / name) as image:
            pictures.append(np.asarray(image.convert("RGB").resize((200, 200))))
    encoder = load_encoder("builtin")
    cropped = [one[20:180, 180:20:-1] for one in pictures]
    return encoder.encode_images(pictures), encoder.encode_images(cropped)


@pytest.mark.parametrize("dim", [64, 128, 256])
def test_the_leading_numbers_of_builtin_find_the_picture_alone(drawn_vectors, dim):
    """Mirrored and cropped pictures of the drawn shop find the item they are of."""
    shop, photos = (unit(vectors[:, :dim]) for vectors in drawn_vectors)
    assert ((photos @ shop.T).argmax(1) == np.arange(24)).mean() >= 0.8
