"""Models of sentence-transformers give what the library gives, and what cannot serve is refused."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from indexer.arrays import unit
from indexer.encoders.base import TextEncoder
from indexer.encoders.modelfolder import hash_model_folder, relevant_files
from indexer.encoders.registry import canonical_id, load_encoder
from indexer.encoders.sentencetransformer import SentenceTransformerEncoder
from indexer.errors import EncoderNotFound
from tests.tinyencoders import refusal
from tests.tinymodels import (
    NEEDS_ST,
    SIDE,
    import_library,
    write_sentence_transformer,
    write_text_model,
)

if TYPE_CHECKING:
    from indexer.arrays import Vectors

WORDS = ["a red shoe", "eine blaue Tasse", "", "word " * 50]


def with_st(test: Any) -> Any:
    for mark in NEEDS_ST:
        test = mark(test)
    return test


def saved_pictures() -> list[Image.Image]:
    """Pictures with soft shapes, of several sizes; some leave an odd number of rows to crop."""
    rng = np.random.default_rng(5)
    sizes = ((90, 120), (333, 200), (500, 501), (70, 70), (480, 322), (200, 650), (104, 129))
    return [
        Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize(
            size, Image.Resampling.BICUBIC
        )
        for size in sizes
    ]


def load(encoder_id: str) -> SentenceTransformerEncoder:
    encoder = load_encoder(encoder_id, threads=1)
    assert isinstance(encoder, SentenceTransformerEncoder)
    return encoder


def encode(encoder: SentenceTransformerEncoder, pictures: list[Image.Image]) -> Vectors:
    return encoder.encode_images([np.asarray(picture) for picture in pictures])


def library_model(encoder_id: str) -> Any:
    return import_library().SentenceTransformer(encoder_id.removeprefix("st:"), device="cpu")


# The same vectors as the library's


@with_st
@pytest.mark.parametrize(
    ("processor", "bf16"),
    [
        ({}, True),
        ({}, False),
        ({"size": {"shortest_edge": 80}}, False),
        ({"resample": 2}, False),
        ({"do_center_crop": False, "size": {"height": SIDE, "width": SIDE}}, False),
        ({"image_mean": [0.5, 0.4, 0.3], "image_std": [0.5, 0.5, 0.6]}, False),
    ],
)
def test_vectors_are_those_of_the_library_itself(
    processor: dict[str, Any], bf16: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from indexer.encoders import torchmodel

    monkeypatch.setattr(torchmodel, "_cpu_has_bf16", lambda: bf16)
    encoder_id = write_sentence_transformer(tmp_path, 1, **processor)
    encoder, model = load(encoder_id), library_model(encoder_id)
    assert isinstance(encoder, TextEncoder)
    assert encoder.preprocess.size == SIDE  # decoded early, not handed over as a large square
    theirs = model.encode(saved_pictures(), normalize_embeddings=True)
    assert (encode(encoder, saved_pictures()) * theirs).sum(1).min() >= 0.999
    words = model.encode(WORDS, normalize_embeddings=True)
    assert (encoder.encode_texts(WORDS) * words).sum(1).min() >= 0.999


@with_st
def test_a_processor_of_another_kind_gets_squares_padded_with_white(tmp_path: Path) -> None:
    encoder_id = write_sentence_transformer(tmp_path, 1, resample=0)  # nearest: nobody's choice
    encoder, model = load(encoder_id), library_model(encoder_id)
    assert (encoder.preprocess.size, encoder.preprocess.fit) == (768, "pad")
    squares = [
        Image.fromarray(encoder.preprocess.apply(np.asarray(picture)))
        for picture in saved_pictures()
    ]
    theirs = model.encode(squares, normalize_embeddings=True)
    ours = encode(encoder, saved_pictures() * 3)  # 21: more than are processed at once
    assert (ours[:7] * theirs).sum(1).min() >= 0.999
    assert np.allclose(ours[14:], ours[:7], atol=1e-5)
    assert encoder.encode_images([]).shape == (0, 24)


@with_st
def test_settings_that_promise_more_than_the_processor_does_are_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder_id = write_sentence_transformer(tmp_path, 1)
    import_library()
    from transformers import CLIPImageProcessor

    told = CLIPImageProcessor.to_dict

    def lie(self: Any) -> dict[str, Any]:
        square = {"height": SIDE, "width": SIDE}
        return told(self) | {"do_center_crop": False, "size": square}

    monkeypatch.setattr(CLIPImageProcessor, "to_dict", lie)
    assert load(encoder_id).preprocess.fit == "pad"


@with_st
def test_a_model_without_modules_of_the_library_is_loaded_from_its_folder(tmp_path: Path) -> None:
    saved = write_sentence_transformer(tmp_path, 1)
    plain = load(f"st:{tmp_path / 'plain-1'}")
    assert np.allclose(encode(plain, saved_pictures()), encode(load(saved), saved_pictures()))


@with_st
def test_words_are_asked_with_the_models_prompt_for_queries(tmp_path: Path) -> None:
    prompts = {"query": "find: ", "document": "item: "}
    encoder_id = write_sentence_transformer(tmp_path, 1, prompts=prompts)
    encoder, model = load(encoder_id), library_model(encoder_id)
    asked = model.encode(["find: mug"], normalize_embeddings=True)
    bare = model.encode(["mug"], normalize_embeddings=True)
    (words,) = encoder.encode_texts(["mug"])
    assert words @ asked[0] >= 0.999
    assert words @ bare[0] < 0.99


@with_st
def test_words_that_name_a_file_or_an_address_are_words(tmp_path: Path) -> None:
    encoder = load(write_sentence_transformer(tmp_path, 1))
    assert isinstance(encoder, TextEncoder)
    picture = tmp_path / "a.png"
    saved_pictures()[0].save(picture)
    texts = [str(picture), "http://127.0.0.1:1/a.jpg", "data:image/png;base64,AAAA"]
    vectors = encoder.encode_texts(texts)  # nothing is opened, nobody is called
    assert not np.allclose(vectors[0], encode(encoder, saved_pictures()[:1])[0], atol=0.05)
    assert vectors.shape == (3, 24)


# Cut to the leading dimensions


@with_st
def test_a_cut_takes_the_leading_dimensions_at_unit_length(tmp_path: Path) -> None:
    encoder_id = write_sentence_transformer(tmp_path, 1)
    whole, cut = load(encoder_id), load(f"{encoder_id}@8")
    assert isinstance(whole, TextEncoder)
    assert isinstance(cut, TextEncoder)
    assert (whole.dim, cut.dim) == (24, 8)
    wanted = unit(encode(whole, saved_pictures())[:, :8])
    assert np.allclose(encode(cut, saved_pictures()), wanted, atol=1e-5)
    assert np.allclose(cut.encode_texts(WORDS), unit(whole.encode_texts(WORDS)[:, :8]), atol=1e-5)
    assert cut.weights_hash != whole.weights_hash
    assert cut.encode_images([]).shape == (0, 8)


@with_st
@pytest.mark.parametrize("cut", [0, 25, 768])
def test_a_cut_that_the_model_cannot_give_is_refused(cut: int, tmp_path: Path) -> None:
    message = refusal(f"{write_sentence_transformer(tmp_path, 1)}@{cut}")
    assert f"cannot cut vectors of 24 dimensions to {cut}; ask for 1 to 24" in message


def test_ids_keep_their_cut_and_folders_become_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine@2").mkdir()
    ids = {
        "st:clip-ViT-B-32": "st:clip-ViT-B-32",
        "st:org/name@256": "st:org/name@256",
        "st:org/name@256+flip": "st:org/name@256+flip",
        "st:./mine": f"st:{tmp_path}/mine",
        "st:./mine@64": f"st:{tmp_path}/mine@64",
        "st:mine@2": f"st:{tmp_path}/mine@2",  # a folder of that name is here
        "st:mine@2@64": f"st:{tmp_path}/mine@2@64",
        "st:a/b/c": f"st:{tmp_path}/a/b/c",
        "st:./mine@home": f"st:{tmp_path}/mine@home",
    }
    assert {asked: canonical_id(asked) for asked in ids} == ids
    assert [canonical_id(one) for one in ids.values()] == list(ids.values())


# Which files decide


def write_files(folder: Path, **changed: str) -> Path:
    files = {
        "modules.json": '[{"path": "", "type": "a"}, {"path": "1_Dense", "type": "b"}]',
        "config.json": "{}",
        "model.safetensors": "weights",
        "1_Dense/config.json": "{}",
        "1_Dense/pytorch_model.bin": "more weights",
    } | changed
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


def test_settings_and_weights_of_each_module_decide_and_nothing_else(tmp_path: Path) -> None:
    plain = hash_model_folder(write_files(tmp_path / "a"))
    beside = {
        "README.md": "a card", "pytorch_model.bin": "an older copy", "onnx/model.onnx": "an export",
        ".cache/state.json": "{}", "2_Other/config.json": "{}", "generation_config.json": "{}",
    }  # fmt: skip
    assert hash_model_folder(write_files(tmp_path / "b", **beside)) == plain
    for number, name in enumerate(
        ("config.json", "model.safetensors", "1_Dense/config.json", "1_Dense/pytorch_model.bin")
    ):
        changed = write_files(tmp_path / f"c{number}", **{name: "[]"})
        assert hash_model_folder(changed) != plain, name
    assert hash_model_folder(tmp_path / "a", 256) != plain
    assert len(relevant_files(tmp_path / "b")) == 5


def test_broken_modules_are_named(tmp_path: Path) -> None:
    with pytest.raises(EncoderNotFound, match=r"cannot read .*modules\.json"):
        hash_model_folder(write_files(tmp_path, **{"modules.json": "[{"}))


# Names on the hub


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache of the hub, without a way to the hub itself."""
    import_library()
    import huggingface_hub.constants as constants

    cache = tmp_path / "hub"
    cache.mkdir()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    return cache


@with_st
def test_a_model_in_the_hubs_cache_is_loaded_by_its_name(
    hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder_id = write_sentence_transformer(tmp_path, 1)
    commit = "0123456789" * 4
    cached = hub / "models--sentence-transformers--tiny"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text(commit)
    shutil.copytree(encoder_id.removeprefix("st:"), cached / "snapshots" / commit)
    folder = load(encoder_id)
    for name in ("st:sentence-transformers/tiny", "st:tiny", "st:tiny@8"):
        named = load(name)
        assert named.id == name
        assert named.dim == (8 if "@" in name else 24)
        assert (named.weights_hash == folder.weights_hash) is ("@" not in name)


# Refusals


@with_st
def test_a_model_of_texts_alone_is_refused_by_what_it_takes(tmp_path: Path) -> None:
    assert "takes text, not images" in refusal(write_text_model(tmp_path))


@with_st
def test_a_name_that_is_nowhere_is_named(hub: Path) -> None:
    assert "cannot load org/no-such-model" in refusal("st:org/no-such-model")


@with_st
def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert refusal(f"st:{tmp_path}/none@8").endswith(f"no folder {tmp_path}/none")


@with_st
def test_a_folder_that_holds_no_model_is_named(tmp_path: Path) -> None:
    assert f"cannot load {tmp_path}" in refusal(f"st:{tmp_path}")


@with_st
def test_garbage_weights_are_refused(tmp_path: Path) -> None:
    encoder_id = write_sentence_transformer(tmp_path, 1)
    (Path(encoder_id.removeprefix("st:")) / "model.safetensors").write_bytes(b"garbage" * 9)
    assert "cannot load" in refusal(encoder_id)


@with_st
def test_code_that_comes_with_a_model_does_not_run(tmp_path: Path) -> None:
    encoder_id = write_sentence_transformer(tmp_path, 1)
    folder = Path(encoder_id.removeprefix("st:"))
    (folder / "modules.json").write_text('[{"name": "0", "path": "", "type": "evil.Module"}]')
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'it-ran')!r}, 'w')")
    assert "cannot load" in refusal(encoder_id)
    assert not (tmp_path / "it-ran").exists()


@pytest.mark.parametrize("package", ["torch", "sentence_transformers"])
@pytest.mark.slow
def test_a_missing_package_is_named_with_the_extra_that_brings_it(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    assert "pip install 'vitrine[st]'" in refusal("st:clip-ViT-B-32")
