"""Plain borders: found in any color on any side, and never a part of what is shown."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from indexer.imaging.borders import Region, inside_border, trimmed

WHITE, BLACK, GRAY, RED = (255, 255, 255), (0, 0, 0), (128, 128, 128), (200, 30, 40)


def noise(width: int, height: int, seed: int = 0, blur: float = 1.5) -> np.ndarray:
    """A picture without any plain line, as rough as a photo."""
    rng = np.random.default_rng(seed)
    rough = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
    soft = np.asarray(rough.filter(ImageFilter.GaussianBlur(blur)), dtype=np.float32)
    return np.clip(128 + 2 * blur * (soft - soft.mean()), 0, 255).astype(np.uint8)


def canvas(width: int, height: int, color: tuple[int, int, int]) -> np.ndarray:
    return np.full((height, width, 3), color, dtype=np.uint8)


def padded(picture: np.ndarray, x: int, y: int, width: int, height: int, color=WHITE) -> np.ndarray:
    out = canvas(width, height, color)
    out[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    return out


def jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality)
    return np.asarray(Image.open(out).convert("RGB"))


def whole(pixels: np.ndarray) -> Region:
    return Region(0, 0, pixels.shape[1], pixels.shape[0])


def drawn(width: int, height: int, color: tuple[int, int, int] = WHITE):
    image = Image.new("RGB", (width, height), color)
    return image, ImageDraw.Draw(image)


def off(found: Region, wanted: tuple[int, int, int, int]) -> int:
    return int(np.abs(np.subtract(found, wanted)).max())


def holds(found: Region, inner: tuple[int, int, int, int]) -> bool:
    x0, y0, x1, y1 = inner
    return found.x0 <= x0 and found.y0 <= y0 and found.x1 >= x1 and found.y1 >= y1


@pytest.mark.parametrize("color", [WHITE, BLACK, GRAY, RED])
def test_a_photo_on_a_tall_canvas_is_found(color):
    page = padded(noise(180, 180), 0, 100, 180, 380, color)
    assert inside_border(page) == (0, 100, 180, 280)


def test_bars_above_and_pillars_beside_may_differ():
    page = padded(noise(100, 80), 30, 0, 160, 80, RED)
    page = padded(page, 0, 40, 160, 160, BLACK)
    assert inside_border(page) == (30, 40, 130, 120)


def test_a_barred_video_on_a_white_page_is_found_within_both():
    video = padded(noise(160, 90), 0, 35, 160, 160, BLACK)
    assert inside_border(padded(video, 20, 40, 200, 250)) == (20, 75, 180, 165)


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(*[st.integers(0, 255)] * 3),
    st.integers(80, 140),
    st.integers(80, 140),
    st.tuples(*[st.integers(0, 90)] * 4),
    st.integers(0, 5),
)
def test_a_photo_is_found_on_any_color_at_any_place(color, width, height, edges, seed):
    left, top, right, bottom = edges
    page = padded(
        noise(width, height, seed), left, top, left + width + right, top + height + bottom, color
    )
    wanted = (left, top, left + width, top + height)
    assert off(inside_border(page), wanted) <= 2


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from([WHITE, BLACK, GRAY, RED]),
    st.tuples(*[st.integers(20, 80)] * 4),
    st.integers(0, 3),
)
def test_compression_moves_the_border_by_few_pixels(color, edges, seed):
    left, top, right, bottom = edges
    page = padded(
        noise(150, 130, seed, blur=4), left, top, 150 + left + right, 130 + top + bottom, color
    )
    found = inside_border(jpeg(page, 60))
    assert holds(found, (left, top, left + 150, top + 130))
    # Where ringing, in blocks of 16, hides the edges, it is cut like an object: with a margin.
    assert max(found.x1 - found.x0, found.y1 - found.y0) <= (1 + 2 * 0.06) * (150 + 2 * 16)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.binary(min_size=1, max_size=60))
def test_something_always_remains(width, height, data):
    few = np.frombuffer(data, dtype=np.uint8)
    pixels = np.resize(few, (height, width, 3))
    assert min(trimmed(pixels).shape) > 0
    assert inside_border(pixels) == inside_border(pixels.copy())


@pytest.mark.parametrize("color", [WHITE, BLACK, RED])
def test_a_blank_picture_stays_whole(color):
    blank = canvas(90, 60, color)
    assert inside_border(blank) == whole(blank)


def test_dust_on_a_blank_picture_leaves_it_whole():
    blank = canvas(300, 300, WHITE)
    blank[100:103, 200:203] = 0
    assert inside_border(blank) == whole(blank)


def test_a_photo_without_border_stays_whole():
    assert inside_border(noise(300, 200)) == (0, 0, 300, 200)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize("steep", [0.1, 0.25, 0.5, 1.0, 3.0, 7.0])
def test_a_gradient_stays(turns, steep):
    levels = np.clip(np.arange(256) * steep, 0, 255).round().astype(np.uint8)
    sky = np.repeat(np.repeat(levels[:, None, None], 200, axis=1), 3, axis=2)
    picture = np.rot90(sky, turns)
    found = inside_border(np.ascontiguousarray(picture))
    kept = (found.x1 - found.x0) * (found.y1 - found.y0) / (256 * 200)
    # A steep one ends in plain white, which is a border.
    assert kept > min(0.97, 200 / steep / 256)


def test_a_wall_with_texture_stays():
    rng = np.random.default_rng(0)
    wall = np.clip(200 + rng.normal(0, 8, (200, 200, 3)), 0, 255).astype(np.uint8)
    wall[80:120, 80:120] = 30
    assert inside_border(wall) == whole(wall)


def test_a_thing_on_white_keeps_a_margin_and_becomes_square():
    image, draw = drawn(300, 400)
    draw.ellipse((120, 100, 180, 300), fill=(40, 70, 200))
    found = inside_border(np.asarray(image))
    assert holds(found, (112, 92, 188, 308))
    assert abs((found.x1 - found.x0) - (found.y1 - found.y0)) <= 3
    assert found.y1 - found.y0 <= 201 * 1.2


def test_a_thing_is_seen_alike_on_a_square_and_on_a_tall_canvas():
    image, draw = drawn(240, 240)
    draw.ellipse((60, 50, 170, 190), fill=(40, 70, 200))
    square = np.asarray(image)
    tall = padded(square, 0, 133, 240, 506)
    assert np.abs(trimmed(square).shape[0] - trimmed(tall).shape[0]) <= 2
    assert np.abs(trimmed(square).shape[1] - trimmed(tall).shape[1]) <= 2


def test_a_white_mug_on_white_is_not_cut():
    image, draw = drawn(300, 300)
    draw.rounded_rectangle((90, 80, 190, 220), 20, fill=(246, 246, 245))
    draw.arc((180, 110, 230, 180), 270, 90, fill=(247, 247, 246), width=10)  # its handle
    for picture in (np.asarray(image), jpeg(np.asarray(image), 85)):
        assert holds(inside_border(picture), (90, 80, 231, 220))


def test_a_necklace_is_not_cut():
    image, draw = drawn(500, 500)
    draw.ellipse((100, 60, 400, 420), outline=(190, 170, 110), width=1)
    draw.ellipse((240, 415, 260, 440), fill=(60, 160, 120))
    for picture in (np.asarray(image), jpeg(np.asarray(image), 90)):
        assert holds(inside_border(picture), (101, 61, 400, 440))


def test_a_turned_box_keeps_its_corners():
    box = Image.new("RGBA", (140, 180), (180, 90, 20, 255)).rotate(4, expand=True)
    image, _ = drawn(300, 300)
    image.paste(box, (70, 50), box)
    assert holds(inside_border(np.asarray(image)), (70, 50, 70 + box.width, 50 + box.height))


def test_two_earrings_are_both_kept():
    image, draw = drawn(400, 300)
    draw.ellipse((60, 100, 120, 190), fill=(200, 160, 40))
    draw.ellipse((280, 110, 340, 200), fill=(200, 160, 40))
    assert holds(inside_border(np.asarray(image)), (60, 100, 341, 201))


def test_a_large_shoe_and_a_small_one_are_both_kept():
    image, draw = drawn(300, 400)
    draw.rectangle((50, 40, 250, 240), fill=(150, 40, 40))
    draw.rectangle((110, 300, 190, 360), fill=(150, 40, 40))
    assert holds(inside_border(np.asarray(image)), (50, 40, 251, 361))


def test_a_book_on_white_keeps_its_cover():
    image, draw = drawn(300, 300)
    draw.rectangle((70, 40, 229, 259), fill=(30, 60, 120))
    draw.rectangle((110, 90, 190, 110), fill=(240, 220, 160))
    assert holds(inside_border(np.asarray(image)), (70, 40, 230, 260))


def test_a_phone_on_white_keeps_its_frame():
    image, draw = drawn(300, 300)
    draw.rectangle((80, 40, 219, 259), fill=(10, 10, 10))
    phone = np.asarray(image).copy()
    phone[60:240, 90:210] = noise(120, 180)
    assert holds(inside_border(phone), (80, 40, 220, 260))


def test_a_bottle_keeps_its_cap():
    image, draw = drawn(300, 400)
    draw.rounded_rectangle((110, 110, 190, 360), 30, fill=(40, 140, 60))
    draw.rectangle((130, 70, 170, 95), fill=(200, 30, 30))
    assert holds(inside_border(np.asarray(image)), (110, 70, 191, 361))


def test_a_bird_over_the_sea_is_kept():
    picture = canvas(300, 240, WHITE)
    picture[140:] = noise(300, 100)
    picture[60:75, 140:170] = 30
    assert holds(inside_border(picture), (140, 60, 170, 240))


@pytest.mark.parametrize("edge", [0, 20])
@pytest.mark.parametrize("page_color", [WHITE, (18, 18, 20)])
def test_the_photo_of_an_app_is_found_among_its_texts(edge, page_color):
    ink = BLACK if page_color == WHITE else WHITE
    width = 224 + 2 * edge
    image, draw = drawn(width, 500, page_color)
    draw.text((10, 8), "9:41", ink)
    draw.text((10, 300), "Green apples, loose", ink)
    draw.text((10, 320), "2.99", ink)
    draw.rounded_rectangle((10, 440, width - 10, 475), 8, fill=(20, 120, 60))
    page = np.asarray(image).copy()
    page[50:274, edge : edge + 224] = noise(224, 224, blur=4)
    assert off(inside_border(page), (edge, 50, edge + 224, 274)) <= 2
    assert off(inside_border(jpeg(page, 85)), (edge, 50, edge + 224, 274)) <= 6


def test_a_collage_of_like_photos_is_kept_whole():
    page = padded(noise(200, 150), 20, 20, 240, 340)
    page[190:320, 20:220] = noise(200, 130, 1)
    assert holds(inside_border(page), (20, 20, 220, 320))
