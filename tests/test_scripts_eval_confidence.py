"""The measurement of confidences, and the screenshots it asks with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from indexer.encoders.color import ColorEncoder
from tests.conftest import COLORS, plain

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.fixture(autouse=True)
def _scripts(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)


@pytest.fixture
def photos(tmp_path):
    """A photo of each color, as files."""
    found = {}
    for name, color in COLORS.items():
        found[name] = tmp_path / f"{name}.png"
        plain(color, spot=10).save(found[name])
    return found


def test_a_screenshot_shows_the_photo_whole_in_the_middle_of_a_white_page():
    from encoder_app_page import screenshot

    page = screenshot(np.full((100, 100, 3), (200, 30, 30), dtype=np.uint8))
    assert page.shape == (760, 360, 3)
    red = (page == (200, 30, 30)).all(2)  # (760, 360)
    assert red.sum() == 360 * 360
    assert red[340].all()
    assert (page[0] == 255).all()


@pytest.mark.parametrize("shape", [(10, 300, 3), (300, 10, 3), (1, 1, 3)])
def test_a_screenshot_of_any_photo_keeps_its_text_and_button(shape):
    from encoder_app_page import screenshot

    page = screenshot(np.full(shape, 90, dtype=np.uint8))
    assert (page[:30] < 100).any()  # the clock
    assert not (page[710, 30] == 255).all()  # the button


def test_the_same_photo_gives_the_same_screenshot():
    from encoder_app_page import screenshot

    photo = np.arange(48 * 48 * 3, dtype=np.uint8).reshape(48, 48, 3)
    assert np.array_equal(screenshot(photo), screenshot(photo.copy()))


def test_calibration_error_is_the_gap_between_what_was_said_and_what_was_right():
    from eval_confidence import error_of_equal_counts

    said = np.array([0.2] * 10 + [0.9] * 10)
    right = np.array([True] * 10 + [True] * 10)
    assert error_of_equal_counts(said, right) == pytest.approx((0.8 + 0.1) / 2)
    assert error_of_equal_counts(np.array([1.0]), np.array([True])) == 0


def test_the_error_by_chance_falls_as_photos_are_added_and_is_0_for_the_sure():
    from eval_confidence import error_by_chance

    few, many = (error_by_chance(np.full(count, 0.5)) for count in (25, 2500))
    # The mean distance of a share of n coin flips to a half is sqrt(0.5 / (pi n)).
    assert few == pytest.approx((0.5 / np.pi / 25) ** 0.5, rel=0.15)
    assert many == pytest.approx((0.5 / np.pi / 2500) ** 0.5, rel=0.15)
    assert error_by_chance(np.ones(9)) == 0


def test_shares_are_counted_of_wrong_and_of_right_hits_apart():
    from eval_confidence import Answers, figures

    answers = Answers(
        confidence=np.array([0.9, 0.8, 0.1, 0.6]),
        right=np.array([True, True, False, False]),
        refused=np.array([False, False, True, False]),
    )
    row = figures(answers, sold=True)
    assert (row["R@1"], row["no close match"]) == (0.5, 0.25)
    assert (row["no close match of wrong"], row["no close match of right"]) == (0.5, 0.0)
    assert figures(answers, sold=False) == {"photos": 4.0, "no close match": 0.25}


def test_a_hit_is_right_when_its_product_is_and_never_when_nothing_is_sold(engine, photos):
    from eval_confidence import ask

    red = photos["red"]
    shoe, sea, nothing = ask(engine, [red] * 3, ["red-shoe", "blue-shoe", None]).right
    first = engine.by_image(red, k=1)[0].item_id
    assert shoe == (first == "red-shoe")
    assert not sea
    assert not nothing


def test_a_shop_is_built_and_asked_all_kinds_of_photos(tiny_catalog, photos):
    from eval_confidence import Shop, measure

    queries = [photos[name] for name in COLORS]
    wanted = np.array([f"{name}-shoe" for name in COLORS])
    shop = Shop("tiny", tiny_catalog, {}, queries, wanted)
    rows = measure(shop, ColorEncoder(), {"general": [photos["red"]]})
    assert set(rows) == {"clean", "screenshots", "not sold: general"}
    assert rows["clean"]["photos"] == 6
    assert rows["not sold: general"]["photos"] == 1
