"""The one door for photos: index, queries and evaluation see the same pixels of the same bytes."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.encoders.onnxfile import OnnxEncoder
from indexer.encoders.registry import load_encoder
from indexer.encoders.torchmodel import hash_weights
from indexer.imaging.photos import fit_pixels, open_photo, read_photo
from indexer.imaging.preprocess import Preprocess
from indexer.jobs.build import build_index
from indexer.shop.folder import ShopFolder
from indexer.writing.image_pipeline import decoding_side
from search.engine import SearchEngine
from tests.test_indexer_encoders import write_onnx

TRIMS = Preprocess(64, trim=True)
KEEPS = Preprocess(64)


def picture(side: int = 300, seed: int = 0) -> Image.Image:
    """Patches of sixteen colors, as rough as a photo at its rim."""
    rng = np.random.default_rng(seed)
    patches = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
    rough = rng.integers(-25, 26, (side, side, 1))
    large = np.asarray(patches.resize((side, side), Image.Resampling.BICUBIC)).astype(np.int64)
    return Image.fromarray(np.clip(large + rough, 0, 255).astype(np.uint8))


def on_canvas(image: Image.Image, share: float = 0.25) -> Image.Image:
    """In the middle of a tall white canvas, of whose height it has ``share``."""
    page = Image.new("RGB", (image.width, round(image.height / share)), (255, 255, 255))
    page.paste(image, (0, (page.height - image.height) // 2))
    return page


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(np.float64) - other).mean())


def detail(pixels: np.ndarray) -> float:
    return float(np.abs(np.diff(pixels.astype(np.int64), axis=1)).mean())


class TrimmingColors(ColorEncoder):
    """Looks at colors inside the border only."""

    preprocess = msgspec.structs.replace(ColorEncoder.preprocess, trim=True)
    weights_hash = "7" * 64


def test_a_photo_on_a_canvas_is_seen_as_the_plain_photo():
    plain = read_photo(encoded(picture()), TRIMS)
    assert difference(read_photo(encoded(on_canvas(picture())), TRIMS), plain) < 4
    assert difference(read_photo(encoded(on_canvas(picture())), KEEPS), plain) > 50


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WebP"])
def test_index_query_and_evaluation_see_the_same_pixels(kind):
    data = encoded(on_canvas(picture(900)), kind)
    # The index decodes for its display copies too: no fewer pixels than a query does.
    indexed = open_photo(data, TRIMS, side=decoding_side(TrimmingColors())).square
    assert np.array_equal(indexed, read_photo(data, TRIMS))


def test_a_small_part_of_a_large_photo_is_decoded_again_with_enough_pixels():
    # 64 of 2,400 pixels: decoded for the whole, the part would have a dozen.
    page = Image.new("RGB", (2400, 2400), (0, 0, 0))
    page.paste(picture(300), (1000, 1200))
    exact = np.asarray(picture(300).resize((224, 224), Image.Resampling.BICUBIC, reducing_gap=2.0))
    seen = read_photo(encoded(page), Preprocess(224, trim=True))
    assert difference(seen, exact) < 12
    assert detail(seen) > 0.6 * detail(exact)


def test_a_box_that_somebody_drew_is_not_trimmed():
    page = on_canvas(picture(), 0.5)
    half = read_photo(encoded(page), TRIMS, box=(0.0, 0.0, 1.0, 0.5))
    assert difference(half, read_photo(encoded(page), KEEPS, box=(0.0, 0.0, 1.0, 0.5))) == 0
    assert difference(half, fit_pixels(np.asarray(page), TRIMS, box=(0.0, 0.0, 1.0, 0.5))) == 0
    assert (half[:30] > 250).all()


def test_pixels_are_trimmed_once_and_also_where_they_have_the_final_size():
    small = np.asarray(on_canvas(picture(16), 0.6).resize((64, 64), Image.Resampling.NEAREST))
    assert small.shape == (64, 64, 3)
    assert np.array_equal(TRIMS.apply(small), small)  # what is ready stays as it is
    once = fit_pixels(small, TRIMS)
    assert difference(once, small) > 20
    assert np.array_equal(TRIMS.apply(once), once)


def test_an_encoder_trims_pixels_that_nobody_has_fitted():
    page = np.asarray(on_canvas(picture()))
    (bare, canvas), encoder = (np.asarray(picture()), page), TrimmingColors()
    one, other = encoder.encode_images([bare, canvas])
    assert float(one @ other) > 0.98
    kept = ColorEncoder().encode_images([bare, canvas])
    assert float(kept[0] @ kept[1]) < 0.95


def test_a_shop_finds_screenshots_of_its_pictures(tmp_path):
    for seed in range(6):
        picture(seed=seed).save(tmp_path / f"{seed}.png")
    with (tmp_path / "catalog.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("id", "images"), *((f"item-{seed}", f"{seed}.png") for seed in range(6))]
        )
    encoder = TrimmingColors()
    build_index(open_catalog(tmp_path / "catalog.csv"), ShopFolder(tmp_path / "shop"), encoder)
    with SearchEngine.open(tmp_path / "shop", encoder=encoder) as engine:
        for seed in range(6):
            page = on_canvas(picture(seed=seed), 0.4)
            for photo in (encoded(page), np.asarray(page)):
                hit = engine.by_image(photo, k=1)[0]
                assert (hit.item_id, hit.score > 0.98) == (f"item-{seed}", True)


def test_any_encoder_can_be_asked_to_trim_under_a_name_of_its_own():
    plain, trims = load_encoder("color"), load_encoder("color+trim")
    assert trims.id == "color+trim"
    assert trims.weights_hash != plain.weights_hash
    page = np.asarray(on_canvas(picture()))
    (seen,), (bare,) = trims.encode_images([page]), plain.encode_images([np.asarray(picture())])
    assert float(seen @ bare) > 0.98
    ready = fit_pixels(page, trims.preprocess)
    assert trims.encode_images([ready])[0] == pytest.approx(seen, abs=1e-6)
    assert load_encoder("color+trim+center+flip").id == "color+flip+center+trim"


def test_hashes_of_encoders_that_do_not_trim_are_those_they_had():
    class Empty:
        @staticmethod
        def state_dict() -> dict[str, object]:
            return {}

    # As written before there was the word: the shops of that time go by it.
    told = (
        b'[{"size":64,"fit":"squash","resample":"bicubic","scaled":0,"fill":[255,255,255]},[1,2]]'
    )
    assert hash_weights(Empty(), KEEPS, [1, 2]) == hashlib.sha256(told).hexdigest()
    assert hash_weights(Empty(), TRIMS, [1, 2]) != hash_weights(Empty(), KEEPS, [1, 2])


@pytest.mark.parametrize("word", [None, False, True])
def test_the_side_file_of_an_onnx_encoder_says_whether_it_trims(tmp_path: Path, word):
    path = write_onnx(tmp_path, 1, layout="nhwc", dtype="uint8")
    before = OnnxEncoder(path, encoder_id="onnx").weights_hash
    side = msgspec.json.decode(path.with_suffix(".json").read_bytes(), type=dict)
    if word is not None:
        side["trim"] = word
        path.with_suffix(".json").write_bytes(msgspec.json.encode(side))
    encoder = OnnxEncoder(path, encoder_id="onnx")
    assert encoder.preprocess.trim is bool(word)
    # What decides the vectors is in the hash: an index refuses queries of the other.
    assert (encoder.weights_hash == before) == (word is None)
