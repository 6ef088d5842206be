"""Calibration at build: from a shop's own pictures, for any shop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from indexer.arrays import Vectors
from indexer.catalog.sources import open_catalog
from indexer.confidence.calibrate import FEWEST
from indexer.confidence.logistic import fit_logistic
from indexer.confidence.retakes import no_product, retake, scene
from indexer.encoders.color import ColorEncoder
from indexer.encoders.registry import load_encoder
from indexer.imaging.images import decode
from indexer.jobs.build import build_index
from indexer.shop.folder import ShopFolder
from indexer.shop.manifest import Manifest
from indexer.shop.shelf import Shelf
from indexer.vectors import recipes
from indexer.vectors.faiss_backend import FaissBackend
from indexer.vectors.recipes import FilledIndex
from tests.calibrations import calibrate_from_scratch
from tests.conftest import jpeg, plain

RAINBOW = [(20 * n % 256, 90 * n % 256, 150 * n % 256) for n in range(1, 25)]


@pytest.fixture(scope="module", autouse=True)
def from_scratch() -> Iterator[None]:
    with calibrate_from_scratch():
        yield


def build(folder: Path, shop: Path, encoder=None) -> Manifest:
    build_index(open_catalog(folder), ShopFolder(shop), encoder or ColorEncoder())
    return manifest_of(shop)


def manifest_of(shop: Path) -> Manifest:
    serving = Shelf.read(ShopFolder(shop)).serving()
    assert serving is not None
    return serving.manifest


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Twelve products of one picture each, every one of its own color."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for n, color in enumerate(RAINBOW[:12]):
        (folder / f"item-{n:02}.jpg").write_bytes(jpeg(plain(color, spot=10 + n)))
    return folder


def curve(x, right, weights=None):
    x, right = np.asarray(x, dtype=float), np.asarray(right, dtype=bool)
    found, offset = fit_logistic(x, right, np.ones(len(x)) if weights is None else weights)
    return (*found.tolist(), offset)


def test_the_curve_finds_the_weights_that_drew_the_answers(rng):
    x = rng.normal(size=(20_000, 2))
    right = rng.random(20_000) < 1 / (1 + np.exp(-(1.0 * x[:, 0] + 3.0 * x[:, 1] - 0.5)))
    assert curve(x, right) == pytest.approx((1.0, 3.0, -0.5), abs=0.15)


def test_a_feature_that_speaks_against_itself_is_left_out(rng):
    x = rng.normal(size=(2_000, 2))
    score, margin, _ = curve(x, rng.random(2_000) < 1 / (1 + np.exp(2 * x[:, 0] - 2 * x[:, 1])))
    assert score == 0.0
    assert margin > 1


@pytest.mark.parametrize("answer", [True, False])
def test_answers_that_are_all_alike_give_finite_weights(answer):
    x = np.column_stack([np.linspace(0, 1, 50), np.linspace(0, 1, 50)])
    fitted = curve(x, np.full(50, answer))
    assert np.isfinite(fitted).all()
    assert (fitted[2] + fitted[0] + fitted[1] > 0) is answer


def test_features_that_never_change_give_finite_weights():
    fitted = curve(np.ones((40, 2)), np.arange(40) % 2 == 0)
    assert np.isfinite(fitted).all()


def test_a_shop_of_pictures_is_calibrated_at_build(pictures, tmp_path):
    fitted = build(pictures, tmp_path / "shop").calibration
    assert fitted is not None
    assert fitted.queries >= 12
    assert fitted.score_weight >= 0
    assert fitted.margin_weight > 0
    own, other = fitted.confidences(np.array([0.99, 0.3]), np.array([0, 1]))
    assert own > 0.5 > other


def test_the_same_shop_gives_the_same_numbers(pictures, tmp_path):
    first, second = (build(pictures, tmp_path / name).calibration for name in ("one", "two"))
    assert first == second


def test_an_index_in_another_order_gives_the_same_numbers(pictures, tmp_path, monkeypatch):
    first = build(pictures, tmp_path / "one")

    def build_reversed(recipe: str, vectors: Vectors) -> FilledIndex:
        order = np.arange(len(vectors))[::-1]
        return recipes.build_index(recipe, vectors[order])._replace(order=order)

    monkeypatch.setattr("indexer.vectors.index.build_index", build_reversed)
    second = build(pictures, tmp_path / "two")
    index = FaissBackend.open(ShopFolder(tmp_path / "two").generations / "000001")
    assert index.rows.tolist() == list(range(12))[::-1]
    assert second.calibration == first.calibration


def test_a_changed_shop_is_calibrated_anew(pictures, tmp_path):
    before = build(pictures, tmp_path / "shop").calibration
    for n, color in enumerate(RAINBOW[12:]):
        (pictures / f"new-{n:02}.jpg").write_bytes(jpeg(plain(color, spot=40 + n)))
    after = build(pictures, tmp_path / "shop").calibration
    assert before is not None
    assert after is not None
    assert after.queries == 2 * before.queries
    assert after != before


def test_a_shop_of_one_item_says_why_it_has_no_confidence(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "only.jpg").write_bytes(jpeg(plain((200, 10, 10))))
    manifest = build(tmp_path / "one", tmp_path / "shop")
    assert manifest.calibration is None
    assert manifest.calibration_note == f"too few products to calibrate: 1, needed {FEWEST}"


class Overflowing(ColorEncoder):
    """Half precision that overflows on busy pictures: the catalog's are plain, test photos not."""

    def encode_images(self, pixels):
        vectors = super().encode_images(pixels)
        busy = [np.std(one, axis=(0, 1)).max() > 5 for one in self.preprocess.batch(pixels)]
        vectors[np.array(busy, dtype=bool)] = np.nan
        return vectors


def test_an_encoder_that_fails_on_test_photos_builds_a_shop_without_confidence(tmp_path):
    (tmp_path / "plain").mkdir()
    for n, color in enumerate(RAINBOW[:12]):
        (tmp_path / "plain" / f"item-{n}.jpg").write_bytes(jpeg(Image.new("RGB", (48, 48), color)))
    manifest = build(tmp_path / "plain", tmp_path / "shop", Overflowing())
    assert manifest.calibration is None
    assert manifest.calibration_note == (
        "encoder 'color' gave test photos vectors that are not finite"
    )


def test_of_identical_pictures_no_hit_is_sure(tmp_path):
    (tmp_path / "same").mkdir()
    for n in range(12):
        (tmp_path / "same" / f"item-{n}.jpg").write_bytes(jpeg(plain((90, 120, 30))))
    fitted = build(tmp_path / "same", tmp_path / "shop").calibration
    assert fitted is not None
    twelve_alike = fitted.confidences(np.full(12, 1.0), np.arange(12))
    assert np.isfinite(twelve_alike).all()
    assert twelve_alike.max() < 0.3


def test_a_retake_is_another_picture_of_the_same_size(rng):
    thing = np.asarray(plain((200, 40, 40), side=64, spot=30))
    other = np.asarray(plain((20, 200, 40), side=64))
    photo = retake(thing, other, np.random.default_rng(1))
    again = retake(thing, other, np.random.default_rng(1))
    assert (photo.shape, photo.dtype) == ((64, 64, 3), np.uint8)
    assert np.array_equal(photo, again)
    assert not np.array_equal(photo, retake(thing, other, np.random.default_rng(2)))
    # It is still the red thing.
    assert photo[24:40, 24:40].mean((0, 1)).argmax() == 0


def test_a_scene_is_colorful_and_never_the_same(rng):
    one, two = scene(48, rng), scene(48, rng)
    assert one.shape == (48, 48, 3)
    assert one.std() > 5
    assert not np.array_equal(one, two)


def test_pictures_of_nothing_are_of_many_kinds_and_the_same_for_one_seed(rng):
    pictures = [no_product(48, rng) for _ in range(40)]
    assert all(one.shape == (48, 48, 3) and one.dtype == np.uint8 for one in pictures)
    gray = [bool((one == one[:, :, :1]).all()) for one in pictures]
    assert 0 < sum(gray) < 20
    levels = [len(np.unique(one.reshape(-1, 3), axis=0)) for one in pictures]
    assert min(levels) == 2  # stripes
    assert max(levels) > 2000  # grain
    again = [no_product(48, np.random.default_rng(3)) for _ in range(2)]
    assert (again[0] == again[1]).all()


@pytest.mark.slow
def test_a_shop_whose_goods_look_like_colored_noise_still_finds_them(tmp_path):
    rng = np.random.default_rng(5)
    folder = tmp_path / "marbled-paper"
    folder.mkdir()
    for n in range(16):
        Image.fromarray(scene(160, rng)).save(folder / f"{n}.png")
    encoder = load_encoder("builtin")
    fitted = build(folder, tmp_path / "shop", encoder).calibration
    assert fitted is not None
    blanks = encoder.encode_images([scene(160, rng) for _ in range(16)])
    sheets = [decode(path.read_bytes()) for path in sorted(folder.glob("*.png"))]
    catalog = encoder.encode_images(sheets)
    # Other marbled paper is near, so colored noise alone must not say what nothing scores.
    near = np.median((blanks @ catalog.T).max(1))
    assert fitted.floor < near - 0.1


def test_photos_of_what_the_drawn_shop_sells_are_surer_than_those_of_other_things(
    drawn_shop, drawn_index
):
    encoder = load_encoder("builtin")
    fitted = manifest_of(drawn_index).calibration
    assert fitted is not None
    paths = sorted((drawn_shop.folder / "images").rglob("*.*"))
    catalog = encoder.encode_images([decode(path.read_bytes()) for path in paths])
    _, products = np.unique([path.parent.name for path in paths], return_inverse=True)
    photos = [
        decode(path.read_bytes(), side=160)
        for path in sorted((drawn_shop.folder / "photos").glob("*.*"))
    ]

    def sureness(pictures) -> float:
        best = []
        for scores in encoder.encode_images(pictures) @ catalog.T:  # (n,)
            order = np.argsort(-scores)
            best.append(fitted.confidences(scores[order], products[order])[0])
        return float(np.mean(best))

    boards = [
        np.kron(np.indices((n, n)).sum(0) % 2, np.ones((128 // n, 128 // n))) for n in (4, 16)
    ]
    strange = [np.stack([board] * 3, axis=2).astype(np.uint8) * 255 for board in boards]
    for n in range(12):  # rings and rays of many colors: nothing that this shop sells
        picture = Image.new("RGB", (160, 160), (20 * n, 90, 255 - 20 * n))
        draw = ImageDraw.Draw(picture)
        for ring in range(9 - n % 4, 0, -1):
            box = (80 - 8 * ring, 80 - 8 * ring, 80 + 8 * ring, 80 + 8 * ring)
            draw.ellipse(box, (25 * ring, 255 - 25 * ring, 40 * (n % 6)))
        for ray in range(0, 160, 9 + n):
            draw.line((ray, 0, 160 - ray, 160), (255 - 20 * n, ray, 128), 2)
        strange.append(np.asarray(picture))
    assert sureness(photos) > 2 * sureness(strange)


def test_a_picture_that_is_a_strip_is_calibrated_with(pictures, tmp_path):
    Image.new("RGB", (300, 20), (1, 2, 3)).save(pictures / "strip.png")
    assert build(pictures, tmp_path / "shop").calibration is not None
