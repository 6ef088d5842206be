"""Campaign pictures: text that fits and can be read, products that stay as they are."""

from __future__ import annotations

import os
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

from style.campaign import typeface
from style.campaign.charmap import characters_of
from style.campaign.contrast import READABLE, contrast_on, readable
from style.campaign.frame import FORMATS, frame_of
from style.campaign.gaps import without_pale_rims
from style.campaign.poster import Advert, Look, Poster, draw_poster
from style.campaign.price import discount, price_text
from style.campaign.template import Template, read_template, template_of
from style.campaign.textblock import TextBlock, set_text
from style.campaign.typeface import Face, Typeface, bundled, read_face
from style.campaign.wrapping import wrap
from style.errors import BadFont, BadTemplate
from style.registry import built_in

SIZES = sorted(FORMATS.values())
TITLES = [
    "Mug",
    "Solstice crew-neck tee, green with cream zigzag",
    "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenverleihung",
    "オーガニックコットンのクルーネックTシャツ（ネイビー、男女兼用、乾きやすい）",
    "竹韵双肩包，轻便通勤款，防泼水面料，多色可选，男女通用，十五点六寸电脑",
    "클래식 세라믹 머그컵, 라이트 블루, 전자레인지 사용 가능",
    "Ω" * 300,
    "a " * 400,
    "",
]


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """A red box on white, which the photo shows whole."""
    pixels = np.full((300, 300, 3), 255, np.uint8)
    pixels[80:220, 90:210] = (200, 40, 50)
    return pixels


@pytest.fixture(scope="module")
def street() -> np.ndarray:
    """A photo without a plain background."""
    return np.random.default_rng(3).integers(0, 256, (200, 160, 3), dtype=np.uint8)


def faces() -> tuple[Typeface, Typeface]:
    return Typeface(bundled("bold")), Typeface(bundled("medium"))


def draw(photo: np.ndarray, title: str = "Red box", size=(400, 400), **fields) -> Poster:
    look = fields.pop("look", None) or Look(Template(**fields))
    return draw_poster(photo, Advert(title, 18.5, "EUR", 24), *size, look)


# Text


def block_of(title: str, size: tuple[int, int], **fields) -> tuple[TextBlock, int]:
    template = Template(**fields)
    frame = frame_of(*size, template.margin)
    return set_text(title, "€1,234.50", "€2,345.60", template, frame, *faces()), frame.column


@pytest.mark.parametrize("size", [*SIZES, (240, 720), (720, 240), (240, 240)], ids=str)
@pytest.mark.parametrize("title", TITLES, ids=lambda title: title[:9] or "empty")
def test_no_line_is_wider_than_its_column_and_no_text_is_higher_than_the_picture(title, size):
    block, column = block_of(title, size, note="Free returns within thirty days, all year round")
    bold, medium = faces()
    for line in block.lines:
        width = (bold if line.bold else medium).width(line.text, line.size)
        assert line.left + width <= column + 1, line
        assert 0 < line.baseline <= block.height
    assert block.height < 0.75 * size[1]
    beside = frame_of(*size, 0).beside
    assert sum(1 for line in block.lines if line.bold) <= (4 if beside else 3)  # and the price


@pytest.mark.parametrize("size", [(240, 240), (720, 240), (1080, 1920)], ids=str)
@pytest.mark.parametrize(
    ("price", "currency"), [(999_999_999_999, "EUR"), (1e300, "EUR"), (5, "x" * 90), (5, "ع" * 9)]
)
def test_a_price_of_any_length_fits(photo, size, price, currency):
    template = Template(price="only today for {amount} {code}", note="x" * 200)
    frame = frame_of(*size, template.margin)
    texts = [price_text(x, currency, template.price, ".") for x in (price, 2 * price)]
    block = set_text("A mug", *texts, template, frame, *faces())
    assert block.width <= frame.column + 1
    assert draw_poster(photo, Advert("A", price, currency), *size, Look(template)).contrast > 4


def test_a_title_that_does_not_fit_ends_in_an_ellipsis_after_a_whole_word():
    title = "one two three four five six seven eight nine ten " * 5
    block, _ = block_of(title, (1080, 1080))
    last = block.lines[1].text
    assert block.shortened
    assert last.endswith("…")
    assert last[:-1].split()[-1] in title.split()


def test_a_title_that_fits_is_whole():
    title = "Solstice crew-neck tee, green with cream zigzag"
    block, _ = block_of(title, (1080, 1080))
    assert not block.shortened
    assert " ".join(line.text for line in block.lines if line.bold).startswith(title)


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("red mug", 10, ["red mug"]),
        ("red mug", 4, ["red", "mug"]),
        ("abcdefghij", 4, ["abcd", "efg…"]),
        ("竹韵双肩包轻便", 4, ["竹韵双肩", "包轻便"]),
        ("一二三，四五", 3, ["一二", "三…"]),  # no line begins with a comma
        ("北欧クッションカバー", 8, ["北欧", "クッションカバー"]),  # one word of katakana
        ("면 셔츠", 3, ["면", "셔츠"]),  # Korean breaks between words
        ("Damen-Stiefel", 8, ["Damen-", "Stiefel"]),
        ("my raincoat", 8, ["my", "raincoat"]),
        ("Damen-Stiefel-Paar", 9, ["Damen-", "Stiefel…"]),
        ("（一二）三", 2, ["（一", "二…"]),
        ("", 4, []),
        ("mug", 0, []),
    ],
)
def test_lines_break_where_typography_allows_it(text, width, lines):
    assert wrap(text, 2, lambda line: len(line) <= width).lines == lines


def test_control_and_direction_characters_are_left_out_and_unknown_ones_reported():
    bold, _ = faces()
    assert bold.drawable("red\u202e\x07 \t mug\u0301 \U0001f600 ก") == ("red muǵ", "\U0001f600ก")


def test_a_title_whose_letters_no_font_has_is_refused_rather_than_cut():
    with pytest.raises(BadFont, match="no font has the letters 'سترة' of the title; name one"):
        block_of("Nike سترة 😀", (1080, 1080))
    assert block_of("Nike 😀", (1080, 1080))[0].missing == "😀"


@pytest.mark.parametrize(("shaped", "missing"), [(True, ""), (False, "אב")])
def test_letters_that_run_left_are_missing_where_they_would_be_drawn_backwards(
    monkeypatch, shaped, missing
):
    hebrew = Mock(characters={ord("א"), ord("ב")})
    monkeypatch.setattr(typeface, "_is_shaped", lambda: shaped)
    assert Typeface((*bundled("bold"), hebrew)).drawable("Tee אב")[1] == missing


def test_every_character_is_drawn_by_a_font_that_has_it():
    bold, _ = faces()
    latin, asian = bundled("bold")
    text = "Tee 竹 €5 カ 머"
    runs = bold._runs(text)
    assert "".join(run.text for run in runs) == text
    for run in runs:
        assert {ord(c) for c in run.text} - {32} <= run.face.characters
    assert {run.face for run in runs} == {latin, asian}


@pytest.mark.parametrize(
    ("price", "currency", "fields", "text"),
    [
        (18.5, "EUR", {}, "€18.50"),
        (1234.5, "EUR", {"price": "{amount} {symbol}", "decimal": ","}, "1.234,50 €"),
        (1200, "JPY", {}, "¥1,200"),
        (9, "XTS", {}, "XTS\u00a09.00"),
        (9, "", {}, "9.00"),
        (9, "CHF", {"price": "{amount} {symbol}"}, "9.00 CHF"),
        (float("nan"), "EUR", {}, ""),
        (-1, "EUR", {}, ""),
    ],
)
def test_prices_are_set_as_the_template_says(price, currency, fields, text):
    template = Template(**fields)
    assert price_text(price, currency, template.price, template.decimal) == text


@pytest.mark.parametrize(
    ("price", "old", "percent"),
    [(80, 100, 20), (80.5, 100, 19), (100, 100, 0), (120, 100, 0), (0.27, 0.3, 10),
     (0, 10, 100), (5, float("inf"), 0), (-5, 10, 0)],
)  # fmt: skip
def test_a_discount_is_never_exaggerated(price, old, percent):
    assert discount(price, old) == percent


# Contrast


def test_black_on_white_has_the_contrast_that_the_standard_gives():
    white = np.full((2, 2, 3), 255, np.uint8)
    assert contrast_on((0, 0, 0), white) == pytest.approx(21)
    assert contrast_on((119, 119, 119), white) == pytest.approx(4.48, abs=0.01)


def test_text_that_cannot_be_read_becomes_black_or_white():
    dark = np.full((4, 4, 3), 40, np.uint8)
    color, contrast = readable((60, 60, 60), dark)
    assert color == (255, 255, 255)
    assert contrast > READABLE
    assert readable((220, 220, 220), dark)[0] == (220, 220, 220)


@pytest.mark.parametrize("page", ["#ffffff", "#777777", "#101820", "#ff2d2d", "auto"])
@pytest.mark.parametrize("text", ["auto", "#808080"])
def test_text_is_readable_on_any_page(photo, page, text):
    assert draw(photo, page=page, text=text).contrast >= READABLE


def test_text_is_readable_over_any_style(photo, street):
    for name in ("noir", "mosaic", "pop-art"):
        found = built_in().find(name)
        look = Look(Template(), style=found, strength=1, background_strength=1)
        assert draw(photo, look=look).contrast >= READABLE
        assert draw(street, look=look).contrast >= READABLE


# Pictures


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_nothing_is_written_outside_the_safe_margins(photo, size):
    width, height = (round(side / 2.7) for side in size)
    look = Look(Template(page="#ffffff", tint="#ffffff", text="#000000", accent="#000000"))
    made = draw_poster(photo, Advert("Red box " * 9, 18.5, "EUR", 24), width, height, look).pixels
    safe = frame_of(width, height, look.template.margin).safe
    dark = made.max(axis=2) < 100
    dark[safe.top : safe.bottom, safe.left : safe.right] = False
    assert not dark.any()


@pytest.mark.parametrize("size", [*SIZES, (240, 700)], ids=str)
def test_the_picture_has_the_size_that_was_asked_for(photo, street, size):
    for shown in (photo, street):
        assert draw(shown, size=size).pixels.shape == (size[1], size[0], 3)


def test_the_same_arguments_give_the_same_bytes(photo):
    found = built_in().find("watercolor")
    look = Look(Template(), style=found, strength=0.5, background_strength=1, seed=4)
    first, again = (draw(photo, look=look).pixels.tobytes() for _ in range(2))
    assert first == again
    assert draw(photo, look=look._replace(seed=5)).pixels.tobytes() != first


def test_the_product_keeps_its_colors_where_only_the_background_is_styled(photo):
    found = built_in().find("noir")
    look = Look(Template(tint="#ffd27f"), style=found, strength=0, background_strength=1)
    made = draw(photo, look=look)
    assert made.cut_out
    red = (np.abs(made.pixels.astype(int) - (200, 40, 50)).max(axis=2) < 4).mean()
    assert red > 0.1
    colored = np.ptp(made.pixels.astype(int), axis=2) > 40
    assert colored.mean() < red + 0.02 + 0.05  # the badge is colored too


def test_a_product_on_white_stands_on_the_backdrop_and_a_street_photo_fills_its_part(photo, street):
    made = draw(photo, tint="#80c0ff", backdrop="disc")
    blue = (made.pixels == (128, 192, 255)).all(axis=2)
    assert blue.mean() > 0.005
    assert not draw(street).cut_out


def test_a_gap_of_a_product_shows_the_backdrop_and_a_white_front_stays_white():
    ring = np.full((300, 300, 3), 255, np.uint8)
    ring[60:240, 60:240] = (30, 60, 160)
    ring[110:190, 110:190] = 255
    inner = draw(ring, tint="#80c0ff", backdrop="disc", badge=False).pixels
    assert ((inner == (128, 192, 255)).all(axis=2)).sum() > 0.02 * inner.shape[0] ** 2
    rope = np.full((300, 300, 3), 255, np.uint8)
    rope[150:240, 60:240] = rope[70:150, 100:180] = (30, 60, 160)
    rope[74:150, 104:176] = 255
    seen = draw(rope, tint="#80c0ff", backdrop="floor", badge=False).pixels
    assert (seen == 255).all(axis=2).mean() < 0.001  # a loop that is thinner than its gap is wide
    carton = np.full((300, 300, 3), 235, np.uint8)
    carton[60:240, 90:210] = (250, 250, 250)
    carton[60:240:6, 90:210] = (30, 90, 40)
    front = draw(carton, tint="#80c0ff", backdrop="disc", badge=False).pixels
    middle = front[120:150, 190:210].reshape(-1, 3)
    assert np.abs(np.ptp(middle.astype(int), axis=1)).min() < 6  # white without a tint


def test_the_badge_is_not_on_the_product(photo):
    made = draw(photo, accent="#00ff00", tint="#ffffff", page="#ffffff").pixels.astype(int)
    badge = (made[..., 1] > 200) & (made[..., 0] < 60)
    assert badge.any()
    plain = draw(photo, badge=False, tint="#ffffff", page="#ffffff").pixels.astype(int)
    red = np.abs(plain - (200, 40, 50)).max(axis=2) < 20
    assert (badge & red).sum() < 0.02 * badge.sum()


def test_without_an_old_price_there_is_no_badge_and_without_a_price_no_number(photo):
    look = Look(Template(accent="#00ff00"))
    for advert in (Advert("Box", 20, "EUR"), Advert("Box", 20, "EUR", 15), Advert("Box")):
        made = draw_poster(photo, advert, 300, 300, look).pixels.astype(int)
        assert not ((made[..., 1] > 200) & (made[..., 0] < 60) & (made[..., 2] < 60)).any()


def test_a_logo_is_at_the_upper_left_on_light_and_on_dark(photo):
    logo = np.full((40, 80, 3), 255, np.uint8)
    logo[10:30, 10:70] = (0, 0, 0)
    for page in ("#ffffff", "#101820"):
        look = Look(Template(page=page, tint=page), logo=logo)
        made = draw_poster(photo, Advert("Box"), 400, 400, look).pixels
        corner = made[26:70, 26:110].max(axis=2)
        assert corner.min() < 30
        assert corner.max() > 225


@pytest.mark.parametrize("fills", [False, True])
def test_a_logo_lies_beside_the_product(fills):
    logo = np.zeros((40, 80, 3), np.uint8)
    wide = np.full((240, 300, 3), 255, np.uint8)
    wide[20 : 240 if fills else 220, 20:280] = (200, 40, 50)  # up to the lower edge of its photo
    without = draw(wide, look=Look(Template())).pixels
    made = draw(wide, look=Look(Template(), logo=logo)).pixels
    black = (made.max(axis=2) < 30) & (np.arange(400)[:, None] < 120)
    bottom = np.flatnonzero(black.any(axis=1)).max()
    red = np.abs(made.astype(int) - (200, 40, 50)).max(axis=2) < 20
    assert (np.abs(without[:bottom].astype(int) - (200, 40, 50)).max(axis=2) < 20).any()
    assert not red[: bottom + 1, :120].any()


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 400), (400, 1), (3, 3), (2500, 40)], ids=lambda shape: f"{shape}"
)
def test_photos_of_any_shape_give_a_picture(shape):
    pixels = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert draw(pixels).pixels.shape == (400, 400, 3)
    assert draw(np.full((*shape, 3), 255, np.uint8)).pixels.shape == (400, 400, 3)


# Templates and fonts


def test_a_space_between_korean_words_is_no_wider_than_between_latin_ones():
    bold, _ = faces()
    korean = bold.width("한 한", 100) - 2 * bold.width("한", 100)
    assert korean == pytest.approx(bold.width("a b", 100) - bold.width("ab", 100), abs=3)


def test_a_template_is_read_from_toml_and_from_json(tmp_path):
    toml, json = tmp_path / "t.toml", tmp_path / "t.json"
    toml.write_text('page = "#ffffff"\nbadge = false\n', encoding="utf-8")
    json.write_text('{"page": "#ffffff", "badge": false}', encoding="utf-8")
    assert read_template(toml) == read_template(json) == Template(page="#ffffff", badge=False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('pgae = "#ffffff"', "unknown field 'pgae': did you mean 'page'? there are page, tint"),
        ('page = "red"', "page must be auto or a color such as #1a2b3c, got 'red'"),
        ("title_lines = 9", "title_lines must be 1 to 4, got 9"),
        ('title_lines = "2"', "expected `int`, got `str` - at `$.title_lines`"),
        ("margin = 0.4", "margin must be 0.02 to 0.15 of the shorter side, got 0.4"),
        ('price = "{symbol}"', "price must contain {amount}"),
        (f'price = "{"x" * 40}{{amount}}"', "at most 32 characters"),
        ('backdrop = "sphere"', "sphere"),
        (f'note = "{"x" * 201}"', "note must have at most 200 characters, got 201"),
        ("page = ", "invalid value"),
        (f"note = {'[' * 5000}", "nested too deeply"),
    ],
)
def test_a_wrong_template_is_refused_with_the_field(tmp_path, text, message):
    path = tmp_path / "t.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadTemplate) as refused:
        read_template(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert message in str(refused.value)


def test_a_template_that_is_no_small_text_file_is_refused(tmp_path):
    (tmp_path / "a.yaml").write_text("page: red", encoding="utf-8")
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe\x00" * 9)
    (tmp_path / "c.json").write_bytes(b" " * 10_001)
    os.mkfifo(tmp_path / "d.toml")
    for name in ("a.yaml", "b.toml", "c.json", "d.toml", "missing.toml"):
        with pytest.raises(BadTemplate, match=name):
            read_template(tmp_path / name)
    with pytest.raises(BadTemplate, match="expected `object`"):
        template_of(b"[1]", toml=False)


def test_a_file_that_is_no_font_is_refused(tmp_path):
    path = tmp_path / "font.ttf"
    for data in (b"", b"not a font at all, only text", bundled("bold")[0]._data[:3000]):
        path.write_bytes(data)
        with pytest.raises(BadFont, match=r"font\.ttf"):
            read_face(path)
    with pytest.raises(BadFont, match="cannot be read"):
        read_face(tmp_path / "missing.ttf")


def test_the_characters_of_a_font_are_those_that_it_draws_differently_from_a_missing_one():
    face = bundled("medium")[0]
    font = face.at(40)
    missing = bytes(font.getmask("\uf8ff"))
    for character in "aZé€Ωж":
        assert ord(character) in face.characters
        assert bytes(font.getmask(character)) != missing
    assert ord("竹") not in face.characters


def test_damaged_tables_of_a_font_are_a_clear_error_or_none(rng):
    whole = bundled("bold")[0]._data
    refused = 0
    for _ in range(40):
        data = bytearray(whole)
        for at in rng.integers(0, 2000, 40):
            data[at] = int(rng.integers(0, 256))
        try:
            Face(bytes(data), "x.otf")
        except BadFont:
            refused += 1
    assert refused > 0
    assert characters_of(whole, "x.otf")


def test_a_font_of_the_shops_own_is_tried_first(photo):
    own = bundled("medium")[1]  # of Chinese, which has Latin letters' full-width forms only
    look = Look(Template(), fonts=[own])
    first = draw_poster(photo, Advert("竹 Mug"), 300, 300, look).pixels
    assert first.shape == (300, 300, 3)
    assert Image.fromarray(first).getbbox() is not None


@pytest.mark.parametrize(("below", "kept"), [(4, 0), (40, 255)], ids=["shadow", "pale sole"])
def test_a_thin_rim_of_shadow_is_no_part_of_a_product_and_a_pale_sole_is(below, kept):
    photo = np.full((192, 192, 3), 255, np.uint8)
    photo[50:130, 40:150] = (20, 40, 120)
    photo[130 : 130 + below, 40:150] = 190
    alpha = np.zeros((192, 192), np.uint8)
    alpha[50 : 130 + below, 40:150] = 255
    made = without_pale_rims(photo, alpha, np.ones((192, 192, 3), np.float32))
    assert (made[50:130, 40:150] == 255).all()
    assert (made[130 : 130 + below, 40:150] == kept).all()
