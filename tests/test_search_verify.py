"""The very same: a photo is compared with the pictures of its hits, point by point."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from indexer.errors import BadQuery
from search.query import ImagePart, Query
from search.recognition import verify
from search.recognition.verify import Verification, check_verify, compare, features_of, verify_hits

pytest.importorskip("cv2", reason="needs the extra opencv")


def carton(word: str, color: tuple[int, int, int], seed: int = 4) -> Image.Image:
    """A carton of a brand: its pattern depends on ``seed``, its word and color on the flavor."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (200, 320), (250, 250, 245))
    draw = ImageDraw.Draw(image)
    for _ in range(60):
        x, y = rng.integers(0, 190), rng.integers(0, 140)
        shade = tuple(rng.integers(0, 220, 3).tolist())
        draw.rectangle((x, y, x + rng.integers(4, 20), y + rng.integers(4, 20)), fill=shade)
    draw.rectangle((0, 200, 200, 320), fill=color)
    for x in range(10, 200, 45):
        draw.ellipse((x, 230, x + 25, 255), fill=(20, 20, 60))
    draw.text((20, 150), word, (20, 20, 20), ImageFont.load_default(34))
    return image


def seen(image: Image.Image) -> np.ndarray:
    """The carton in a photo: turned, smaller, and darker."""
    turned = image.resize((150, 240)).rotate(9, expand=True, fillcolor=(90, 90, 90))
    photo = Image.new("RGB", (360, 400), (90, 90, 90))
    photo.paste(turned, (80, 60))
    return (np.asarray(photo) * 0.8).astype(np.uint8)


ORANGE, APPLE = carton("ORANGE", (240, 140, 20)), carton("APPLE", (90, 180, 60))


def test_the_same_carton_is_more_alike_than_another_flavor_of_its_brand():
    photo = features_of(seen(ORANGE), 480)
    same = compare(photo, features_of(np.asarray(ORANGE), 400))
    flavor = compare(photo, features_of(np.asarray(APPLE), 400))
    assert same.points > 20
    assert flavor.points > 20
    assert same.likeness > flavor.likeness + 0.05


def test_another_brand_is_less_alike():
    photo = features_of(seen(ORANGE), 480)
    other = compare(photo, features_of(np.asarray(carton("ORANGE", (240, 140, 20), 9)), 400))
    same = compare(photo, features_of(np.asarray(ORANGE), 400))
    assert other.points < same.points / 2
    assert other.likeness < same.likeness - 0.2


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (60, 60)])
def test_pictures_without_points_agree_in_none(size):
    empty = features_of(np.full((*size, 3), 200, np.uint8), 400)
    assert compare(empty, features_of(np.asarray(APPLE), 400)).points == 0
    assert compare(features_of(np.asarray(APPLE), 400), empty).points == 0


def test_only_hits_that_were_compared_change_places(monkeypatch):
    monkeypatch.setattr(verify, "MOST_VERIFIED", 3)
    pictures = [np.asarray(APPLE), None, np.asarray(ORANGE), np.asarray(ORANGE)]
    order, checks = verify_hits(seen(ORANGE), [0.5, 0.48, 0.47, 0.1], lambda n: pictures[n])
    assert order[0] == 2
    assert order[-1] == 3
    assert checks[-1] is None
    assert checks[order.index(1)] is None
    assert checks[0] is not None


def test_without_opencv_the_error_names_the_extra(monkeypatch):
    monkeypatch.setattr(verify, "find_spec", lambda _: None)
    with pytest.raises(BadQuery, match=r"vitrine\[opencv\]"):
        check_verify()


def test_the_engine_compares_every_hit_of_a_page(engine):
    photo = engine.thumbnail("red-shoe")
    found = engine.search(Query(parts=[ImagePart(photo)], limit=5))
    checked = engine.verify(photo, found)
    assert {hit.item_id for hit in checked.hits} == {hit.item_id for hit in found.hits}
    assert all(isinstance(hit.verification, Verification) for hit in checked.hits)
