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
from indexer.confidence.calibrate import _picture
from indexer.encoders.color import ColorEncoder
from indexer.encoders.onnxfile import OnnxEncoder
from indexer.encoders.registry import load_encoder
from indexer.encoders.torchmodel import hash_weights
from indexer.imaging import images as images_module
from indexer.imaging import photos as photos_module
from indexer.imaging.borders import trimmed
from indexer.imaging.images import EncodedImage, decode
from indexer.imaging.photos import Photo, SharedPhotos, fit_pixels, open_photo, read_photo
from indexer.imaging.preprocess import Preprocess
from indexer.jobs.build import build_index
from indexer.shop.folder import ShopFolder
from indexer.writing.image_pipeline import decoding_side
from search.engine import SearchEngine
from search.query import ImagePart, Query
from tests.tinyencoders import write_onnx

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


@pytest.fixture
def decodings(monkeypatch) -> list[int | None]:
    """Collect the resolution of every decoding."""
    found: list[int | None] = []
    decoding = EncodedImage.decode

    def counted(self, wanted, box=(0.0, 0.0, 1.0, 1.0)):
        found.append(wanted)
        return decoding(self, wanted, box)

    monkeypatch.setattr(EncodedImage, "decode", counted)
    return found


LEFT, RIGHT = (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WebP"])
def test_a_photo_is_decoded_once_and_cut_many_times(kind, decodings):
    photo = Photo(encoded(picture(900), kind))
    squares = [photo.fit(KEEPS, box=box).square for box in (LEFT, RIGHT, LEFT)]
    assert decodings == [128]
    assert np.array_equal(squares[0], squares[2])
    assert not np.array_equal(squares[0], squares[1])


@pytest.mark.parametrize("side", [None, 64, 300])
@pytest.mark.parametrize("box", [(0.0, 0.0, 1.0, 1.0), LEFT, (0.1, 0.2, 0.15, 0.9)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_cut_of_a_photo_has_the_pixels_of_the_decoder(kind, box, side):
    data = encoded(picture(1100), kind)
    photo = Photo(data)
    photo.cut(RIGHT, side=side)
    assert np.array_equal(photo.cut(box, side=side), decode(data, side=side, box=box))


def test_a_cut_that_needs_more_pixels_decodes_again(decodings):
    photo = Photo(encoded(picture(900)))
    assert photo.cut(side=64).shape == (129, 129, 3)  # a seventh: at least twice 64 pixels
    assert photo.cut().shape == (900, 900, 3)
    assert photo.cut(LEFT, side=400).shape == (900, 450, 3)
    assert decodings == [64, None]


def test_a_large_decoded_image_is_not_kept(decodings, monkeypatch):
    monkeypatch.setattr(photos_module, "_KEPT_PIXELS", 200_000)
    photo = Photo(encoded(picture(500)))
    assert np.array_equal(photo.cut(LEFT), photo.cut(LEFT))
    assert decodings == [None, None]
    assert np.array_equal(photo.cut(side=64), photo.cut(side=64))
    assert decodings == [None, None, 64]


@pytest.mark.parametrize("kept", [4_000_000, 200_000, 100])
@pytest.mark.parametrize(("kind", "runs"), [("PNG", 1), ("WebP", 1), ("JPEG", 2)])
def test_the_squares_of_many_regions_need_one_run_of_the_decoder(kind, runs, kept, monkeypatch):
    """But one for each scale of a JPEG: here, 1/8 and 1/4."""
    monkeypatch.setattr(photos_module, "_KEPT_PIXELS", kept)
    boxes = [(0.0, 0.0, 1.0, 1.0), (0.1, 0.1, 0.5, 0.6), (0.4, 0.2, 0.7, 0.5), LEFT, RIGHT]
    data = encoded(picture(1100), kind)
    apart = [Photo(data).fit(KEEPS, box=box).square for box in boxes]
    opened, opening = [], images_module.open_picture
    monkeypatch.setattr(images_module, "open_picture", lambda f: opened.append(1) or opening(f))
    together = Photo(data).squares(KEEPS, boxes)
    assert all(np.array_equal(*pair) for pair in zip(apart, together, strict=True))
    # A whole picture that is not kept is decoded by itself.
    assert len(opened) == runs + (kept == 100)


def test_equal_bytes_are_one_photo_of_a_query():
    one, other = encoded(picture()), encoded(picture(seed=1))
    photos = SharedPhotos()
    assert photos.photo(one) is photos.photo(bytes(bytearray(one)))
    assert photos.photo(one) is not photos.photo(other)


def test_the_boxes_of_a_query_share_the_decoding_of_its_photo(tiny_shop, decodings):
    data = encoded(picture(900))
    boxes = [ImagePart(bytes(bytearray(data)), box=box) for box in (LEFT, RIGHT)]
    with SearchEngine.open(tiny_shop) as engine:
        decodings.clear()
        engine.search(Query(parts=boxes))
        assert len(decodings) == 1
        engine.search(Query(parts=boxes))
        assert len(decodings) == 2  # nothing of a query is kept for the next


@pytest.mark.parametrize("trim", [False, True])
@pytest.mark.parametrize("size", [64, 160, 384])
def test_calibration_sees_display_copies_as_it_always_did(size, trim):
    copy, side = encoded(on_canvas(picture(200), 0.5), "JPEG"), min(size, 256)
    preprocess = Preprocess(size, trim=trim)
    pixels = decode(copy, side=max(side, preprocess.source_side) if trim else side)
    inside = trimmed(pixels) if trim else pixels
    expected = Image.fromarray(inside).resize((side, side), reducing_gap=2.0)
    assert np.array_equal(_picture(copy, side, preprocess), np.asarray(expected))


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
