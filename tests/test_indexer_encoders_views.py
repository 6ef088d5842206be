"""Averaging over views of a photo: what is averaged, and which index it fits."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.arrays import unit
from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.encoders.registry import canonical_id, load_encoder
from indexer.encoders.views import QueryViews, ViewsEncoder, split_views
from indexer.errors import EncoderNotFound, IndexMismatch
from indexer.jobs.build import build_index
from indexer.shop.folder import ShopFolder
from search.engine import SearchEngine


def halves(left: int = 0, right: int = 255, side: int = 40) -> np.ndarray:
    picture = np.full((side, side, 3), left, dtype=np.uint8)
    picture[:, side // 2 :] = right
    return picture


@pytest.mark.parametrize(
    ("given", "plain", "views"),
    [
        ("builtin", "builtin", ()),
        ("builtin+flip", "builtin", ("flip",)),
        ("builtin+center+flip", "builtin", ("flip", "center")),
        ("onnx:/a+b.onnx", "onnx:/a+b.onnx", ()),
        ("onnx:/a+b.onnx+center", "onnx:/a+b.onnx", ("center",)),
        ("+flip", "+flip", ()),
    ],
)
def test_views_are_the_end_of_an_id(given, plain, views):
    assert split_views(given) == (plain, views)


def test_an_id_has_its_views_in_one_order():
    assert canonical_id("builtin+center+flip") == canonical_id("builtin+flip+center")
    assert load_encoder("color+center+flip").id == "color+flip+center"
    with pytest.raises(EncoderNotFound):
        load_encoder("bultin+flip")


def test_with_flip_a_photo_and_its_mirror_image_are_the_same():
    encoder = load_encoder("color+flip")
    one, other = encoder.encode_images([halves(), halves()[:, ::-1].copy()])
    assert one == pytest.approx(other, abs=1e-6)
    plain = ColorEncoder().encode_images([halves(), halves()[:, ::-1].copy()])
    assert not np.allclose(plain[0], plain[1])
    assert one == pytest.approx(unit(plain.mean(0)), abs=1e-6)


def test_with_center_the_middle_counts_once_more():
    framed = np.full((40, 40, 3), 255, dtype=np.uint8)
    framed[4:36, 4:36] = (200, 0, 0)  # exactly the middle 80 %
    (vector,) = load_encoder("color+center").encode_images([framed])
    color = ColorEncoder()
    whole, middle = color.encode_images([framed, np.full((32, 32, 3), (200, 0, 0), np.uint8)])
    assert vector == pytest.approx(unit((whole + middle) / 2), abs=1e-4)


@pytest.mark.parametrize("views", ["flip", "center", "flip+center"])
def test_it_keeps_what_encoders_promise(views, rng):
    encoder = load_encoder(f"color+{views}")
    photos = [rng.integers(0, 256, (h, w, 3), dtype=np.uint8) for h, w in ((50, 30), (8, 90))]
    vectors = encoder.encode_images(photos)
    assert (vectors.shape, vectors.dtype) == ((2, encoder.dim), np.float32)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    ready = [encoder.preprocess.apply(photo) for photo in photos]  # in the decoding threads
    assert np.allclose(vectors, encoder.encode_images(ready), atol=1e-6)
    assert encoder.encode_images([]).shape == (0, encoder.dim)


def test_each_choice_of_views_has_weights_of_its_own():
    ids = ["color", "color+flip", "color+center", "color+flip+center"]
    assert len({load_encoder(one).weights_hash for one in ids}) == 4


def test_an_index_refuses_queries_of_other_views(tiny_catalog, tmp_path):
    shop = ShopFolder(tmp_path / "shop")
    build_index(open_catalog(tiny_catalog), shop, load_encoder("color+flip"))
    with SearchEngine.open(shop.path) as engine:
        assert engine.encoder.id == "color+flip"
    with pytest.raises(IndexMismatch, match=r"'color\+flip', not 'color'"):
        SearchEngine.open(shop.path, encoder=ColorEncoder())
    with pytest.raises(IndexMismatch, match="already averaged"):
        SearchEngine.open(shop.path, query_views=("center",))


def test_queries_alone_may_be_averaged_on_a_plain_index(tiny_shop, photo):
    with SearchEngine.open(tiny_shop, query_views=("flip", "center")) as engine:
        assert isinstance(engine.encoder, QueryViews)
        assert engine.encoder.id == "color"
        assert engine.by_image(photo("red"), k=1)[0].item_id.startswith("red")
        with SearchEngine.open(  # the next generation gets the same encoder
            tiny_shop, encoder=engine.encoder, query_views=("flip", "center")
        ) as other:
            assert other.encoder is engine.encoder


def test_no_views_change_nothing():
    assert not isinstance(load_encoder("color"), ViewsEncoder)
