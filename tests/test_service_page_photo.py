"""Photos on the page in a real browser: the ways in, and the crop box."""

from __future__ import annotations

import base64

import pytest
from PIL import Image

from tests.page_driver import (
    PASTE,
    PHONE,
    answer,
    before_the_cut,
    browser,
    crop_words,
    drag,
    drop,
    drop_whole,
    encoded,
    hits,
    page,
    photo_of,
    sent,
    settled,
    shop,
    tabs,
    two_things,
    visit,
)

__all__ = ["browser", "page", "shop", "tabs", "visit"]  # fixtures
pytestmark = pytest.mark.browser

# --- Ways in ---------------------------------------------------------------------------------


def test_a_dropped_photo_finds_its_own_product_first(page, shop):
    item = shop.first_of("Mugs")
    reply = answer(page, lambda: drop(page, photo_of(shop, item)))
    assert hits(page)[0] == item["id"]
    assert hits(page) == [hit["item_id"] for hit in reply["hits"]]
    first = page.locator("#grid .card").first
    assert item["title"] in first.inner_text()
    assert item["price"] in first.inner_text()
    assert "Closest" in first.inner_text()
    assert f"{reply['hits'][0]['score']:.2f}" not in first.inner_text()  # no raw cosine
    sure = [hit["item_id"] for hit in reply["hits"] if hit["confidence"] >= 0.5]
    assert 0 < len(sure) < len(reply["hits"])
    assert before_the_cut(page) == sure
    said = page.locator("#say").inner_text()
    assert f"{len(reply['hits'])} " in said
    assert f"products in {len(shop.items)} colors and sizes, most similar first" in said
    assert "items" not in said  # of which a product may be several


def test_a_photo_of_nothing_that_is_sold_says_so_above_what_comes_nearest(page, shop):
    noise = Image.effect_noise((400, 300), 120).convert("RGB")
    reply = answer(page, lambda: drop(page, encoded(noise)))
    assert reply["no_close_match"]
    assert "No close match" in page.inner_text("#notice")
    assert page.locator("#grid .badge, #grid .cut").count() == 0
    assert hits(page) == [hit["item_id"] for hit in reply["hits"]]
    assert page.locator("#notice").bounding_box()["y"] < page.locator("#grid").bounding_box()["y"]
    known = answer(page, lambda: drop(page, photo_of(shop, shop.first_of("Teapots"))))
    assert not known["no_close_match"]
    assert not page.is_visible("#notice")


def test_a_pasted_picture_is_searched(page, shop):
    item = shop.first_of("Lamps")
    data = base64.b64encode(encoded(shop.picture(item), "PNG")).decode()
    answer(page, lambda: page.evaluate(PASTE, data))
    assert hits(page)[0] == item["id"]


def test_a_chosen_file_is_searched(page, shop):
    item = shop.first_of("Chairs")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a photo").click()
    file = {"name": "p.jpg", "mimeType": "image/jpeg", "buffer": photo_of(shop, item)}
    answer(page, lambda: chooser.value.set_files(file))
    assert hits(page)[0] == item["id"]


def test_a_photo_is_taken_with_the_camera(page):
    page.get_by_role("button", name="Take a photo").click()
    shutter = page.get_by_role("button", name="Take the photo")
    page.wait_for_selector("#shutter:enabled")
    answer(page, shutter.click)
    assert not shutter.is_visible()
    assert page.locator(".frame img").is_visible()
    assert page.evaluate("document.getElementById('video').srcObject") is None


def test_a_camera_that_opens_too_late_is_closed_again(page):
    page.evaluate("""() => {
      const media = navigator.mediaDevices;
      const ask = media.getUserMedia.bind(media);
      window.streams = [];
      media.getUserMedia = async (wanted) => {
        const stream = await ask(wanted);
        window.streams.push(stream);
        return stream;
      };
    }""")
    page.get_by_role("button", name="Take a photo").click()
    page.wait_for_selector("#shutter:enabled")
    page.evaluate("() => { for (const _ of [1, 2]) document.getElementById('flip').click(); }")
    page.wait_for_function("() => window.streams.length === 3")
    page.wait_for_selector("#shutter:enabled")
    page.get_by_role("button", name="Cancel").click()
    page.wait_for_function("() => document.getElementById('video').srcObject === null")
    live = (
        "() => window.streams.flatMap((s) => s.getTracks()).filter((t) => t.readyState === 'live')"
    )
    assert page.evaluate(f"({live})().length") == 0


def test_of_two_photos_the_one_shown_last_is_searched(page, shop):
    page.evaluate("""() => {
      const read = window.createImageBitmap;
      let first = true;
      window.createImageBitmap = async (...given) => {
        if (first) {
          first = false;
          await new Promise((done) => { window.release = done; });
        }
        return read(...given);
      };
    }""")
    drop(page, photo_of(shop, shop.first_of("Hoodies")))
    last = shop.first_of("Teapots")
    answer(page, lambda: drop(page, photo_of(shop, last)))
    page.evaluate(
        "() => { window.release(); return new Promise((done) => setTimeout(done, 200)); }"
    )
    assert page.evaluate("window.seen.sent.length") == 1
    assert hits(page)[0] == last["id"]


def test_a_large_sideways_photo_goes_out_small_and_upright(page, shop):
    upright = shop.picture(shop.first_of("Dresses")).resize((1500, 2000))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: shown a quarter turn clockwise
    data = encoded(upright.transpose(Image.Transpose.ROTATE_90), quality=80, exif=exif)
    answer(page, lambda: drop(page, data))
    assert hits(page)[0] == shop.first_of("Dresses")["id"]
    size = page.evaluate("""async () => {
      const bitmap = await createImageBitmap(window.seen.sent[0].get("image"));
      return [bitmap.width, bitmap.height];
    }""")
    assert size == [1200, 1600]


def test_a_small_photo_goes_out_as_it_is(page, shop):
    data = photo_of(shop, shop.first_of("Mugs"))
    answer(page, lambda: drop(page, data))
    assert page.evaluate("window.seen.sent[0].get('image').size") == len(data)


def test_a_format_only_the_browser_reads_goes_out_as_jpeg(page, shop):
    item = shop.first_of("Mugs")
    data = encoded(shop.picture(item), "BMP")
    answer(page, lambda: drop(page, data, "scan.bmp", "image/bmp"))
    assert page.evaluate("window.seen.sent[0].get('image').type") == "image/jpeg"
    assert hits(page)[0] == item["id"]


def test_the_first_visit_offers_items_to_start_from(page):
    tries = page.locator("#tries .card:not(.skeleton)")
    tries.first.wait_for()
    assert tries.count() == 12
    item = tries.first.get_attribute("data-item")
    answer(page, lambda: tries.first.get_by_role("link").click())
    assert f"item={item}" in page.url
    assert item not in page.locator("#tries").inner_text()


# --- The crop box ----------------------------------------------------------------------------


def test_moving_the_crop_box_searches_what_is_in_it(page, shop):
    left, right, data = two_things(shop)
    drop_whole(page, data)
    answer(page, lambda: drag(page, (0.98, 0.96), (0.48, 0.96)))  # by its corner, to the left half
    assert crop_words(page).startswith("Crop box: 0 to 50 percent")
    assert hits(page)[0] == left["id"]
    answer(page, lambda: drag(page, (0.25, 0.2), (0.9, 0.2)))  # by its middle, to the right half
    assert hits(page)[0] == right["id"]
    page.get_by_role("button", name="Whole photo").click()
    page.wait_for_function("() => document.querySelector('.crop').classList.contains('whole')")


def test_long_words_below_the_photo_do_not_widen_it(page, shop):
    drop_whole(page, two_things(shop)[2])
    before = page.locator(".frame").bounding_box()
    hint = (
        "document.getElementById('source-words').textContent = 'Mark what you look for '.repeat(9)"
    )
    page.evaluate(hint)
    assert page.locator(".frame").bounding_box() == before


def test_a_box_drawn_on_the_photo_is_what_is_searched(page, shop):
    whole = drop_whole(page, two_things(shop)[2])
    drawn = answer(page, lambda: drag(page, (0.6, 0.2), (0.9, 0.8)))
    assert [hit["score"] for hit in drawn["hits"]] != [hit["score"] for hit in whole["hits"]]
    edges = [float(edge) for edge in sent(page, "box").split(",")]
    assert edges == pytest.approx([0.6, 0.2, 0.9, 0.8], abs=0.02)


def test_the_crop_box_moves_and_resizes_by_keyboard(page, shop):
    _, right, data = two_things(shop)
    drop_whole(page, data)
    page.locator(".crop").focus()

    def press() -> None:
        for _ in range(25):
            page.keyboard.press("Shift+ArrowLeft")
        for _ in range(25):
            page.keyboard.press("ArrowRight")

    answer(page, press)
    # Where the keys come slowly the page asks in between: what counts is the last box.
    asked = "() => Number(window.seen.sent.at(-1).get('box')?.split(',')[0]).toFixed(2) === '0.50'"
    page.wait_for_function(asked)
    settled(page)
    assert crop_words(page).startswith("Crop box: 50 to 100 percent")
    assert hits(page)[0] == right["id"]
    page.keyboard.press("Escape")
    page.wait_for_function("() => document.querySelector('.crop').classList.contains('whole')")


def test_a_tap_on_a_phone_asks_about_what_is_under_the_finger(visit, shop):
    phone = visit(viewport=PHONE, has_touch=True, is_mobile=True)
    drop_whole(phone, two_things(shop)[2])
    for x in (0.3, 0.7):
        area = phone.locator(".frame").bounding_box()
        point = (area["x"] + x * area["width"], area["y"] + 0.1 * area["height"])
        answer(phone, lambda point=point: phone.touchscreen.tap(*point))
        left, _, right, _ = (float(edge) for edge in sent(phone, "box").split(","))
        assert (left + right) / 2 == pytest.approx(x, abs=0.02)
