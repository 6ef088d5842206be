"""Heat maps: the part that is alike glows."""

import json

import numpy as np
import pytest
from PIL import Image

from indexer.encoders.color import ColorEncoder
from indexer.errors import BadImage
from indexer.imaging.preprocess import Preprocess
from search.recognition.explain import (
    GRID,
    covered_vectors,
    draw_heat,
    explain,
    heat_of,
    mapped_box,
)
from service.cli.main import main
from tests.conftest import jpeg, plain

RED, GRAY = (220, 30, 40), (128, 128, 128)


def corner(side=160):
    """A gray picture whose top left quarter is red."""
    image = Image.new("RGB", (side, side), GRAY)
    image.paste(RED, (0, 0, side // 2, side // 2))
    return image


def pixels(image):
    return np.asarray(image)


def test_the_red_corner_makes_the_score_for_a_red_picture():
    encoder = ColorEncoder()
    target = encoder.encode_images([pixels(plain(RED))])[0]
    square = encoder.preprocess.apply(pixels(corner()))
    heat, score = heat_of(covered_vectors(encoder, square), target)
    assert heat.shape == (GRID, GRID)
    assert score > 0
    assert heat[:3, :3].min() > heat[5:, 5:].max()
    assert np.unravel_index(heat.argmax(), heat.shape) < (4, 4)


def test_query_and_hit_are_explained_together():
    (found,) = explain(ColorEncoder(), jpeg(corner()), [jpeg(plain(RED))])
    assert found.query.score == pytest.approx(found.hit.score, abs=1e-5)
    assert found.query.values[:3, :3].mean() > found.query.values[5:, 5:].mean()
    assert found.query.box == (0, 0, 1, 1)


def test_a_region_of_the_query_is_explained_inside_of_that_region():
    box = (0.5, 0.0, 1.0, 0.5)
    (found,) = explain(ColorEncoder(), jpeg(corner()), [jpeg(plain(RED))], box)
    assert found.query.box == pytest.approx(box)


def test_no_hits_are_no_explanations():
    assert explain(ColorEncoder(), jpeg(corner()), []) == []


def test_a_photo_that_cannot_be_read_is_refused():
    with pytest.raises(BadImage):
        explain(ColorEncoder(), b"no photo", [jpeg(plain(RED))])


@pytest.mark.parametrize(
    ("preprocess", "box"),
    [
        (Preprocess(32), (0, 0, 1, 1)),
        (Preprocess(32, fit="crop"), (0.25, 0, 0.75, 1)),
        (Preprocess(32, fit="pad"), (0, -0.5, 1, 1.5)),
        (Preprocess(32, fit="crop", scaled=64), (0.375, 0.25, 0.625, 0.75)),
        (Preprocess(32, scaled=64), (0.25, 0.25, 0.75, 0.75)),
    ],
)
def test_the_map_lies_on_what_the_encoder_sees(preprocess, box):
    wide = np.zeros((100, 200, 3), np.uint8)
    assert mapped_box(wide, preprocess) == pytest.approx(box)


def test_the_hot_part_of_a_drawing_glows_and_the_rest_is_gray():
    (found,) = explain(ColorEncoder(), jpeg(corner()), [jpeg(plain(RED))])
    drawn = draw_heat(pixels(corner()), found.query).astype(int)
    glow = drawn[:, :, 0] - drawn[:, :, 2]  # (h, w)
    assert glow[10:60, 10:60].mean() > 60
    assert abs(glow[120:, 120:]).mean() < 10


def test_the_command_draws_the_heat_of_the_hits(tiny_shop, tmp_path, capsys):
    (tmp_path / "a.jpg").write_bytes(jpeg(corner()))
    sheet = tmp_path / "heat.png"
    words = ["search", str(tmp_path / "a.jpg"), "--shop", str(tiny_shop), "-k", "2", "--json"]
    with pytest.raises(SystemExit) as end:
        main([*words, "--explain", str(sheet)])
    assert end.value.code == 0
    assert len(json.loads(capsys.readouterr().out)["hits"]) == 2
    with Image.open(sheet) as drawn:
        assert drawn.height > drawn.width / 4


def test_the_command_explains_similar_items_too(tiny_shop, tmp_path, capsys):
    sheet = tmp_path / "heat.png"
    words = ["search", "--item", "red-shoe", "--shop", str(tiny_shop), "-k", "1"]
    with pytest.raises(SystemExit) as end:
        main([*words, "--explain", str(sheet)])
    assert end.value.code == 0
    assert sheet.is_file()


def test_words_alone_cannot_be_explained(tiny_shop, tmp_path, capsys):
    words = ["search", "--text", "red", "--shop", str(tiny_shop)]
    with pytest.raises(SystemExit) as end:
        main([*words, "--explain", str(tmp_path / "heat.png")])
    assert end.value.code == 2
    assert "--explain needs a PHOTO or --item" in capsys.readouterr().err


def test_a_search_by_photo_explains_its_first_hits(http):
    reply = http.post(
        "/v1/search/image",
        files={"image": ("a.jpg", jpeg(corner()), "image/jpeg")},
        data={"explain": "true", "limit": "5"},
    )
    assert reply.status_code == 200
    body = reply.json()
    assert len(body["hits"]) == 5
    first = body["explanations"][0]
    assert [one["item_id"] for one in body["explanations"]] == [
        hit["item_id"] for hit in body["hits"][:3]
    ]
    assert np.array(first["query"]["values"]).shape == (GRID, GRID)
    assert first["hit"]["box"] == [0, 0, 1, 1]


def test_similar_items_are_explained_on_request(http):
    body = http.get("/v1/items/red-shoe/similar?explain=true&limit=1").json()
    assert len(body["explanations"]) == 1
    assert http.get("/v1/items/red-shoe/similar?limit=1").json()["explanations"] == []


def test_a_query_that_cannot_be_read_is_refused_before_it_is_explained(http):
    reply = http.post(
        "/v1/search/image",
        files={"image": ("a.jpg", b"no photo", "image/jpeg")},
        data={"explain": "true"},
    )
    assert (reply.status_code, reply.json()["param"]) == (422, "image")
