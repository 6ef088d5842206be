"""The measurement of styles: its arithmetic on answers that one can see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from style.registry import built_in

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.fixture(autouse=True)
def _scripts(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)


@pytest.mark.parametrize(
    ("first", "second", "difference"),
    [  # of the test data of Sharma, Wu and Dalal, 2005
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0000),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
        ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
        ((90.8027, -2.0831, 1.4410), (91.1528, -1.6435, 0.0447), 1.4441),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_color_differences_are_those_of_the_published_test_data(first, second, difference):
    from style_metrics import ciede2000

    for pair in ((first, second), (second, first)):
        assert ciede2000(*map(np.array, pair)) == pytest.approx(difference, abs=1e-4)


def test_white_is_100_and_red_has_its_known_lab():
    from style_metrics import cielab

    assert cielab(np.array([255, 255, 255], np.uint8)) == pytest.approx([100, 0, 0], abs=0.02)
    red = cielab(np.array([255, 0, 0], np.uint8))
    assert red == pytest.approx([53.24, 80.09, 67.20], abs=0.02)


def test_rank_correlation_is_1_for_any_rising_sequence():
    from style_metrics import spearman

    assert spearman([1, 2, 3, 4], [0.1, 5, 6, 99]) == pytest.approx(1)
    assert spearman([1, 2, 3, 4], [4, 3, 2, 1]) == pytest.approx(-1)
    assert spearman([1, 2, 3, 4], [1, 3, 2, 4]) == pytest.approx(0.8)


def test_the_classifier_tells_styles_apart_on_products_it_has_not_seen(rng):
    from style_metrics import classify, style_descriptor

    photos = [
        np.clip(rng.normal(rng.uniform(90, 200, 3), 12, (80, 64, 3)), 0, 255).astype(np.uint8)
        for _ in range(8)
    ]
    made = [
        (style_descriptor(built_in().find(name).styler.apply(photo, name, 1)), label, number)
        for label, name in enumerate(("noir", "mosaic", "ink"))
        for number, photo in enumerate(photos)
    ]
    descriptors, labels, products = (np.array(column) for column in zip(*made, strict=True))
    assert classify(descriptors, labels, products % 2 == 0) > 0.9
    shuffled = rng.permutation(labels)
    assert classify(descriptors, shuffled, products % 2 == 0) < 0.7


def test_the_distance_of_colors_is_0_to_itself_and_grows_with_the_step():
    from style_metrics import color_distance

    gray, light, white = (np.full((20, 20, 3), level, np.uint8) for level in (90, 150, 250))
    assert color_distance(gray, gray) == 0
    assert 0 < color_distance(gray, light) < color_distance(gray, white)


def test_a_picture_is_found_when_no_other_product_is_nearer():
    from eval_style import Gallery

    vectors = np.eye(3, dtype=np.float32)
    gallery = Gallery(lambda _pictures: vectors[[0, 2]], vectors, np.array([0, 0, 1]))
    assert gallery.share_found([], np.array([0, 1])) == 1
    assert gallery.share_found([], np.array([0, 0])) == 0.5
    twins = Gallery(lambda _pictures: vectors[[0]], vectors[[0, 0]], np.array([0, 1]))
    assert twins.share_found([], np.array([1])) == 1  # two products with the same photo


def test_only_the_band_around_the_product_is_compared():
    from eval_style import band_difference

    photo = np.full((120, 100, 3), 255, np.uint8)
    photo[40:80, 30:70] = (180, 40, 40)
    difference, masks = band_difference(built_in().find("vivid"), [photo])
    assert masks == 1
    assert difference < 0.5
    busy = np.random.default_rng(0).integers(0, 256, (90, 90, 3), dtype=np.uint8)
    assert band_difference(built_in().find("vivid"), [busy])[1] == 0


def test_more_strength_is_nearer_to_the_full_style():
    from eval_style import monotony

    photo = np.full((120, 100, 3), 255, np.uint8)
    photo[40:80, 30:70] = (180, 40, 40)
    assert monotony(built_in().find("golden"), photo) > 0.98
