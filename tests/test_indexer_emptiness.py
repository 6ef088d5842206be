"""Pictures that show nothing."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from indexer.imaging.emptiness import emptiness


def page(color=(255, 255, 255), size=(320, 320)):
    return Image.new("RGB", size, color)


def with_text(text, size=34, color=(120, 120, 120), ground=(245, 245, 245)):
    image = page(ground)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size)
    draw.multiline_text((160, 160), text, color, font, anchor="mm", align="center")
    return image


def why(image):
    found = emptiness(np.asarray(image.convert("RGB")))
    return None if found is None else found.reason


@pytest.mark.parametrize("color", [(255, 255, 255), (0, 0, 0), (200, 30, 40)])
def test_a_picture_of_one_color_shows_nothing(color):
    assert why(page(color)) == "one color"


def test_the_noise_of_a_jpeg_is_still_one_color(rng):
    noisy = 200 + rng.normal(0, 1.5, (200, 300, 3))
    assert why(Image.fromarray(noisy.clip(0, 255).astype(np.uint8))) == "one color"


def test_a_gradient_shows_nothing():
    ramp = np.linspace(60, 220, 200).astype(np.uint8)
    picture = np.repeat(np.broadcast_to(ramp[:, None, None], (200, 160, 1)), 3, axis=2)
    assert why(Image.fromarray(picture)) == "a plain gradient"


@pytest.mark.parametrize(
    "image",
    [
        with_text("NO IMAGE\nAVAILABLE"),
        with_text("image coming soon", 28),
        with_text("Kein Bild", 40, (255, 255, 255), (40, 60, 90)),
        with_text("Photo\nnot\navailable", 30, (180, 20, 20)),
    ],
)
def test_a_page_with_only_text_shows_nothing(image):
    assert why(image) == "only text on a plain background"


def shoe():
    image = page()
    draw = ImageDraw.Draw(image)
    draw.polygon(
        [(40, 200), (120, 130), (170, 180), (280, 205), (280, 240), (40, 240)], (30, 60, 120)
    )
    return image


def glasses():
    image = page()
    draw = ImageDraw.Draw(image)
    draw.ellipse((40, 120, 140, 200), outline=(20, 20, 20), width=4)
    draw.ellipse((180, 120, 280, 200), outline=(20, 20, 20), width=4)
    draw.line((140, 150, 180, 150), (20, 20, 20), 4)
    return image


def stripes():
    picture = np.full((200, 200, 3), 230, np.uint8)
    picture[::8] = 40
    return Image.fromarray(picture)


@pytest.mark.parametrize("draw", [shoe, glasses, stripes], ids=lambda draw: draw.__name__)
def test_products_show_something(draw):
    assert why(draw()) is None


def test_a_small_product_on_a_large_page_shows_something():
    image = page(size=(800, 800))
    ImageDraw.Draw(image).rectangle((370, 370, 430, 430), (160, 120, 40))
    assert why(image) is None


def test_a_label_with_a_product_shows_something():
    image = with_text("NEW", 30)
    ImageDraw.Draw(image).rectangle((60, 200, 260, 300), (160, 120, 40))
    assert why(image) is None


def test_the_smallest_picture_is_one_color():
    assert why(page(size=(1, 1))) == "one color"
