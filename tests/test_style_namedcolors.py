"""Colors of products, by the names that people give them."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from style.errors import BadPixels
from style.namedcolors import COLOR_NAMES, PALETTE, family_of, measure_colors, product_colors


def on_white(*bands, side=200):
    """A square product of horizontal bands, in the middle of a white page."""
    image = Image.new("RGB", (side, side), (255, 255, 255))
    draw = ImageDraw.Draw(image)
    top, height = side // 4, side // 2 // len(bands)
    for number, color in enumerate(bands):
        y = top + number * height
        draw.rectangle((side // 4, y, 3 * side // 4, y + height - 1), color)
    return np.asarray(image)


@pytest.mark.parametrize("color", PALETTE, ids=lambda color: color.name)
def test_every_color_of_the_palette_has_its_own_name(color):
    picture = np.full((60, 60, 3), color.rgb, dtype=np.uint8)
    assert product_colors(picture)[0].name == color.name
    assert product_colors(picture)[0].share == 1.0


def test_a_red_product_on_white_is_red_and_not_white():
    (color,) = product_colors(on_white((200, 40, 45)))
    assert color.name == "red"
    assert color.hex == "#c8282d"


def test_two_halves_have_two_colors_and_the_larger_comes_first():
    colors = product_colors(on_white((30, 42, 92), (30, 42, 92), (245, 210, 60)))
    assert [color.name for color in colors] == ["navy", "yellow"]
    assert colors[0].share == pytest.approx(0.67, abs=0.04)


def test_shadows_of_a_red_cloth_do_not_make_it_black():
    shade = np.linspace(0.55, 1.0, 100)[None, :, None]
    cloth = np.clip(np.array([210, 45, 48]) * shade, 0, 255).astype(np.uint8)
    picture = np.repeat(cloth, 100, axis=0)
    assert {color.name for color in product_colors(picture)} <= {"red", "burgundy"}


def test_a_gray_photo_has_gray_names_only():
    ramp = np.linspace(20, 250, 120).astype(np.uint8)
    picture = np.broadcast_to(ramp[None, :, None], (80, 120, 3)).copy()
    families = {COLOR_NAMES[color.name] for color in product_colors(picture)}
    assert families <= {"black", "gray", "white"}


def test_a_mask_says_which_pixels_count():
    picture = np.zeros((40, 40, 3), dtype=np.uint8)
    picture[:, :20] = (48, 102, 192)
    mask = np.zeros((40, 40), dtype=np.uint8)
    mask[:, :20] = 255
    assert [color.name for color in product_colors(picture, mask)] == ["blue"]


def test_an_empty_mask_measures_the_whole_picture():
    picture = np.full((40, 40, 3), (48, 102, 192), dtype=np.uint8)
    assert product_colors(picture, np.zeros((40, 40), np.uint8))[0].name == "blue"


def test_the_smallest_picture_has_a_color():
    assert product_colors(np.full((1, 1, 3), 255, np.uint8))[0].name == "white"


def test_pixels_of_a_wrong_shape_are_refused():
    with pytest.raises(BadPixels):
        product_colors(np.zeros((4, 4), np.uint8))


def test_shares_of_the_palette_sum_to_one_and_name_the_color():
    shares = measure_colors(on_white((200, 40, 45))).shares
    assert shares.shape == (len(PALETTE),)
    assert shares.sum() == pytest.approx(1, abs=1e-5)
    assert PALETTE[int(shares.argmax())].name == "red"


@pytest.mark.parametrize(
    ("name", "family"),
    [("Navy", "blue"), (" Light  Grey ", "gray"), ("Maroon", "red"), ("red", "red")],
)
def test_names_of_catalogs_have_a_family(name, family):
    assert family_of(name) == family


def test_a_word_that_is_no_color_has_no_family():
    assert family_of("cotton") is None
