"""Things over HTTP: found, searched with, and chosen by auto_crop."""

from __future__ import annotations

import base64
import contextlib
import io
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from indexer.errors import Overloaded, RecognizerNotFound
from service.runtime import recognition
from tests.conftest import Services
from tests.scenes import TEAL, scene
from tests.tinydetector import write_detector


@pytest.fixture(scope="module")
def http(tiny_shop, tmp_path_factory):
    with contextlib.closing(Services(tiny_shop)) as services:
        detector = write_detector(tmp_path_factory.mktemp("detector"))
        yield services.start(recognizer=f"onnx:{detector}")


def recognize(http, image: bytes, **fields):
    return http.post("/v1/recognize", files={"image": image}, data=fields)


def test_the_things_in_a_photo_are_returned_without_hits(http):
    reply = recognize(http, scene(red=(1, 1), yellow=(5, 4)))
    assert reply.status_code == 200
    things = reply.json()["things"]
    assert [set(thing) for thing in things] == [
        {"box", "score", "name", "hits", "no_close_match", "sold", "mask"}
    ] * 2
    assert [thing["hits"] for thing in things] == [[], []]
    assert sorted(thing["box"] for thing in things) == [
        pytest.approx([1 / 8, 1 / 8, 2 / 8, 2 / 8], abs=0.01),
        pytest.approx([5 / 8, 4 / 8, 6 / 8, 5 / 8], abs=0.01),
    ]
    assert reply.json()["timings"]["recognize_ms"] > 0


def test_with_search_each_thing_has_its_own_hits(http):
    reply = recognize(http, scene(red=(1, 1), yellow=(5, 4)), search="true", limit=3)
    things = reply.json()["things"]
    assert {thing["hits"][0]["attributes"]["color"] for thing in things} == {"red", "yellow"}
    assert [len(thing["hits"]) for thing in things] == [3, 3]
    assert things[0]["hits"][0]["image_url"].startswith("/v1/items/")


def test_a_filter_restricts_the_hits_of_every_thing(http):
    reply = recognize(
        http, scene(red=(1, 1), yellow=(5, 4)), search="true", filter='category = "Home/Mugs"'
    )
    hits = [hit for thing in reply.json()["things"] for hit in thing["hits"]]
    assert hits
    assert {hit["categories"][0] for hit in hits} == {"Home/Mugs"}


def test_the_regions_of_a_photo_are_encoded_in_one_batch(serve, tmp_path):
    http = serve(recognizer=f"onnx:{write_detector(tmp_path)}")
    recognize(http, scene(red=(1, 1), yellow=(5, 4), white=(3, 6)), search="true")
    metrics = http.get("/metrics").text
    (count,) = [line for line in metrics.splitlines() if "vitrine_batch_photos_count" in line]
    (total,) = [line for line in metrics.splitlines() if "vitrine_batch_photos_sum" in line]
    assert (count.split()[-1], total.split()[-1]) == ("1.0", "3.0")


def test_a_photo_of_nothing_has_no_things(http):
    assert recognize(http, scene(), search="true").json()["things"] == []


def test_no_more_things_are_returned_than_asked_for(http):
    reply = recognize(http, scene(red=(1, 1), yellow=(5, 4), white=(3, 6)), most=2)
    assert len(reply.json()["things"]) == 2


@pytest.mark.parametrize(
    ("fields", "param"),
    [({"limit": 0}, "limit"), ({"most": 1000}, "most"), ({"search": "maybe"}, "search"),
     ({"masks": "svg"}, "masks"),
     ({"search": "1", "filter": "price <"}, "filter"), ({"colour": "red"}, "colour")],
)  # fmt: skip
def test_a_wrong_field_is_refused_by_its_name(http, fields, param):
    reply = recognize(http, scene(red=(1, 1)), **fields)
    assert (reply.status_code, reply.json()["param"]) == (422, param)


def test_bytes_that_are_no_photo_are_refused(http):
    for image in (b"", b"not a photo", scene(red=(1, 1))[:200]):
        reply = recognize(http, image)
        assert (reply.status_code, reply.json()["code"]) == (422, "bad_image")
        assert reply.json()["param"] == "image"
    assert http.post("/v1/recognize", data={"search": "1"}).status_code in (415, 422)


def test_a_recognizer_that_cannot_be_loaded_is_an_error_of_its_own(serve, tmp_path):
    http = serve(recognizer=f"onnx:{tmp_path}/none.onnx")
    reply = recognize(http, scene(red=(1, 1)))
    assert (reply.status_code, reply.json()["code"]) == (503, "recognizer_not_found")
    assert str(tmp_path) not in reply.text
    assert http.post("/v1/search/image", files={"image": scene()}).status_code == 200


def test_finding_things_counts_as_several_searches(serve, tmp_path):
    path = write_detector(tmp_path)
    http = serve(recognizer=f"onnx:{path}", searches_per_s=0.001, searches_burst=4)
    assert recognize(http, scene(red=(1, 1))).status_code == 200
    assert recognize(http, scene(red=(1, 1))).status_code == 429


@pytest.mark.parametrize("form", ["png", "rle"])
def test_masks_are_over_the_whole_photo_and_only_if_asked_for(http, form):
    image = scene((200, 200, 200), red=(1, 1), yellow=(5, 4))
    things = recognize(http, image, masks=form, search="true").json()["things"]
    x0, y0, x1, y1 = things[0]["box"]
    mask = decoded(things[0]["mask"])
    height, width = mask.shape
    truth = np.zeros((height, width), bool)
    truth[round(y0 * height) : round(y1 * height), round(x0 * width) : round(x1 * width)] = True
    assert (mask & truth).sum() / (mask | truth).sum() > 0.9
    assert things[0]["mask"]["unsure"] is False
    assert all(thing["mask"] is None for thing in recognize(http, image).json()["things"])


def decoded(mask: dict) -> np.ndarray:
    if mask["png"] is not None:
        with Image.open(io.BytesIO(base64.b64decode(mask["png"]))) as image:
            pixels = np.asarray(image.convert("L")) > 0
        assert list(pixels.shape) == mask["size"]
        return pixels
    height, width = mask["size"]
    values = np.arange(len(mask["counts"])) % 2 == 1
    return np.repeat(values, mask["counts"]).reshape(width, height).T


# auto_crop


def search(http, image: bytes, **fields):
    return http.post("/v1/search/image", files={"image": image}, data=fields)


def test_auto_crop_searches_with_the_thing_and_says_which_region_it_was(http):
    photo = scene(TEAL, red=(3, 3))
    reply = search(http, photo, auto_crop="true", limit=2).json()
    assert reply["hits"][0]["attributes"]["color"] == "red"
    x0, y0, x1, y1 = reply["cropped"]
    assert x0 < 3 / 8 < 4 / 8 < x1
    assert y0 < 3 / 8 < 4 / 8 < y1
    plain = search(http, photo, limit=2).json()
    assert plain["cropped"] is None
    assert plain["hits"][0]["attributes"]["color"] != "red"


def test_auto_crop_of_a_photo_of_nothing_searches_with_all_of_it(http):
    photo = scene()
    reply = search(http, photo, auto_crop="true").json()
    assert reply["cropped"] is None
    ids = [hit["item_id"] for hit in reply["hits"]]
    assert ids == [hit["item_id"] for hit in search(http, photo).json()["hits"]]


def test_auto_crop_turns_its_own_pages(http):
    photo = scene(red=(3, 3))
    first = search(http, photo, auto_crop="true", limit=4).json()
    second = search(http, photo, auto_crop="true", limit=4, cursor=first["next_cursor"]).json()
    whole = search(http, photo, auto_crop="true", limit=8).json()
    ids = [hit["item_id"] for hit in first["hits"] + second["hits"]]
    assert ids == [hit["item_id"] for hit in whole["hits"]]


def test_auto_crop_works_beside_words(http):
    reply = search(http, scene(TEAL, red=(3, 3)), auto_crop="true", text="mug").json()
    assert reply["mode"] == "fused"
    assert reply["cropped"] is not None
    assert "red-mug" in [hit["item_id"] for hit in reply["hits"][:3]]


@pytest.mark.parametrize("fields", [{"box": "0,0,0.5,0.5"}, {"weight": "-1", "text": "mug"}])
def test_auto_crop_excludes_a_box_and_a_negative_photo(http, fields):
    reply = search(http, scene(red=(3, 3)), auto_crop="true", **fields)
    assert (reply.status_code, reply.json()["param"]) == (422, "auto_crop")


# The very same, and words


def test_verify_compares_every_hit_of_the_page(http):
    pytest.importorskip("cv2", reason="needs the extra opencv")
    photo = scene(red=(3, 3))
    hits = search(http, photo, verify="true", limit=4).json()["hits"]
    plain = search(http, photo, limit=4).json()["hits"]
    assert {hit["item_id"] for hit in hits} == {hit["item_id"] for hit in plain}
    assert all(set(hit["verification"]) == {"points", "likeness"} for hit in hits)
    assert all(hit["verification"] is None for hit in plain)


def test_verify_without_opencv_is_refused_by_name(http, monkeypatch):
    monkeypatch.setattr("search.recognition.verify.find_spec", lambda _: None)
    reply = search(http, scene(red=(3, 3)), verify="true")
    assert (reply.status_code, reply.json()["param"]) == (422, "verify")


@pytest.fixture
def unread(serve, tmp_path):
    """A service that has read no words yet: it keeps the reader of its first photo."""
    return serve(recognizer=f"onnx:{write_detector(tmp_path)}")


def test_words_in_the_photo_reorder_the_hits(unread, monkeypatch):
    photo = scene(red=(3, 3))
    plain = search(unread, photo, limit=4, group="item").json()["hits"]
    word = "shoe" if "mug" in plain[0]["item_id"] else "mug"

    class Reader:
        def read(self, pixels):
            return [word.upper()]

    monkeypatch.setattr("service.runtime.recognition.TextReader", Reader)
    hits = search(unread, photo, ocr="true", limit=4, group="item").json()["hits"]
    assert word in hits[0]["item_id"]
    assert {hit["item_id"] for hit in hits} == {hit["item_id"] for hit in plain}


def test_reading_words_without_rapidocr_is_an_error_of_its_own(unread, monkeypatch):
    monkeypatch.setattr("indexer.recognizers.text_reader.find_spec", lambda _: None)
    reply = search(unread, scene(red=(3, 3)), ocr="true")
    assert (reply.status_code, reply.json()["code"]) == (503, "recognizer_not_found")


def test_requests_do_not_wait_for_one_that_tries_a_recognizer_for_long(monkeypatch):
    trying, tried = threading.Event(), threading.Event()

    def load(_id):
        trying.set()
        tried.wait()
        raise RecognizerNotFound("it took more than 10 s")

    monkeypatch.setattr(recognition, "load_recognizer", load)
    monkeypatch.setattr(recognition, "_WAIT_S", 0.01)
    monkeypatch.setattr(recognition, "TextReader", lambda: "reader")
    shared = recognition.SharedRecognizer("onnx:endless.onnx")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(shared.get)
        trying.wait()
        try:
            with pytest.raises(Overloaded, match="is being loaded"):
                shared.get()
            assert shared.reader() == "reader"
        finally:
            tried.set()
        with pytest.raises(RecognizerNotFound, match="more than 10 s"):
            first.result()
