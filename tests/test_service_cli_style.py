"""``vitrine style`` and ``vitrine styles`` seen from outside."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from style.registry import apply_apart, built_in
from style.styleimage import StyleImage, StyleImageStyler
from style.tone import ToneStyler
from tests.commandline import vitrine
from tests.styledphotos import one_line, photo, read

__all__ = ["photo", "vitrine"]  # fixtures


def test_styles_list_gives_names_kinds_and_default_strengths(vitrine):
    styles = json.loads(vitrine("styles", "list", "--json").out)["styles"]
    assert [list(style) for style in styles] == [["name", "kind", "strength"]] * len(styles)
    kinds = {style["name"]: style["kind"] for style in styles}
    assert kinds["noir"] == "tone"
    assert kinds["watercolor"] == "texture"
    assert list(kinds) == sorted(kinds)
    assert all(0 < style["strength"] <= 1 for style in styles)
    assert [line.split()[0] for line in vitrine("styles", "list").out.splitlines()[1:]] == [*kinds]


def test_style_writes_the_picture_and_says_how(vitrine, photo, tmp_path):
    out = tmp_path / "noir.png"
    done = vitrine("style", photo, "--style", "noir", "--out", out)
    assert (done.code, done.out) == (0, f"{out}: 120 x 160, noir at strength 0.35\n")
    assert (read(out) == ToneStyler().apply(read(photo), "noir", 0.35)).all()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["noir.png", "photo.png"]


def test_strength_0_gives_the_photo_bit_for_bit(vitrine, photo, tmp_path):
    vitrine("style", photo, "--style", "oil", "--strength", 0, "--out", tmp_path / "same.png")
    assert (read(tmp_path / "same.png") == read(photo)).all()


def test_json_has_the_provenance_that_makes_the_picture_again(vitrine, photo, tmp_path):
    out = tmp_path / "ink.png"
    done = vitrine("style", photo, "--style", "ink", "--seed", 4, "--out", out, "--json")
    record = json.loads(done.out)["provenance"]
    assert record == {
        "styler": "painter",
        "weights": record["weights"],
        "style": "ink",
        "strength": built_in().find("ink").info.strength,
        "seed": 4,
    }
    styler = built_in().find(record["style"]).styler
    again = styler.apply(read(photo), record["style"], record["strength"], seed=record["seed"])
    assert (read(out) == again).all()


def test_background_strength_0_leaves_the_background_as_it_is(vitrine, photo, tmp_path):
    out = tmp_path / "apart.png"
    done = vitrine(
        *("style", photo, "--style", "warm-evening", "--strength", 1),
        *("--background-strength", 0, "--out", out, "--json"),
    )
    assert json.loads(done.out)["mask_confidence"] > 0.9
    made, before = read(out), read(photo)
    assert (made[:40] == before[:40]).all()
    assert (made[60:100, 40:80] != before[60:100, 40:80]).any(axis=2).all()


def test_a_busy_background_is_said_and_styled_with_the_product(vitrine, tmp_path, rng):
    busy = tmp_path / "busy.png"
    Image.fromarray(rng.integers(0, 256, (90, 90, 3), dtype=np.uint8)).save(busy)
    out = tmp_path / "out.png"
    done = vitrine(
        *("style", busy, "--style", "film", "--strength", 1),
        *("--background-strength", 0, "--out", out),
    )
    assert done.code == 0
    assert "the background is not plain" in done.err
    assert (read(out) == ToneStyler().apply(read(busy), "film", 1)).all()


def test_a_look_goes_out_as_a_cube_and_comes_in_again(vitrine, photo, tmp_path):
    cube = tmp_path / "ours.cube"
    assert vitrine("styles", "export", "golden", "--out", cube).code == 0
    done = vitrine("style", photo, "--cube", cube, "--out", tmp_path / "a.png")
    assert "ours at strength 1" in done.out
    expected = ToneStyler().apply(read(photo), "golden", 1).astype(int)
    assert np.abs(read(tmp_path / "a.png") - expected).max() <= 1


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("--style", "watercolour"), ("did you mean 'watercolor'?", "autumn")),
        (("--style", "oil", "--strength", 1.5), ("strength must be from 0", "got 1.5")),
        (("--style", "oil", "--strength", "nan"), ("got nan",)),
        (("--style", "oil", "--background-strength", -1), ("background strength must", "got -1.0")),
        (("--cube", "none.cube"), ("none.cube: no such file",)),
    ],
)
def test_wrong_words_are_refused_in_one_line_and_write_nothing(
    vitrine, photo, tmp_path, words, parts
):
    out = tmp_path / "out.png"
    one_line(vitrine("style", photo, *words, "--out", out), *parts)
    assert not out.exists()


def test_wrong_files_are_refused_in_one_line(vitrine, photo, tmp_path):
    style = ("style", photo, "--style", "noir", "--out")
    one_line(vitrine(*style, tmp_path / "out.gif"), "must end in .jpg", "out.gif'")
    one_line(vitrine(*style, photo), "must not be the photo itself")
    one_line(vitrine(*style, tmp_path / "no" / "out.png"), "cannot write", "No such file")
    missing = tmp_path / "missing.jpg"
    out = tmp_path / "out.png"
    one_line(vitrine("style", missing, "--style", "noir", "--out", out), "missing.jpg: no such")
    (tmp_path / "text.jpg").write_text("hello")
    text = tmp_path / "text.jpg"
    one_line(vitrine("style", text, "--style", "noir", "--out", out), "text.jpg: not an image")
    one_line(vitrine("styles", "export", "oil", "--out", out), "oil is a texture style")
    one_line(vitrine("styles", "export", "oill", "--out", out), "did you mean 'oil'?")
    assert not out.exists()


def test_style_and_cube_together_are_wrong_usage(vitrine, photo, tmp_path):
    done = vitrine("style", photo, "--out", tmp_path / "out.png")
    assert done.code == 2
    assert "one of --style NAME, --cube FILE" in done.err
    done = vitrine(
        *("style", photo, "--style", "oil", "--style-image", photo, "--out", tmp_path / "out.png")
    )
    assert done.code == 2


def test_product_and_background_take_their_own_strengths(photo):
    pixels = read(photo)
    product = np.zeros(pixels.shape[:2], np.uint8)
    product[50:110, 30:90] = 255
    styler = ToneStyler()
    made = apply_apart(styler, pixels, "vivid", 1, 0.3, product)
    assert (made[product > 0] == styler.apply(pixels, "vivid", 1)[product > 0]).all()
    assert (made[product == 0] == styler.apply(pixels, "vivid", 0.3)[product == 0]).all()
    assert (apply_apart(styler, pixels, "vivid", 0, 0, product) == pixels).all()


@pytest.fixture
def painting(tmp_path: Path) -> Path:
    """Orange and brown stripes, as PNG."""
    pixels = np.full((60, 80, 3), (220, 120, 30), np.uint8)
    pixels[::8] = (90, 50, 20)
    path = tmp_path / "painting.png"
    Image.fromarray(pixels).save(path)
    return path


def test_a_style_image_gives_the_photo_its_colors_and_strokes(vitrine, photo, painting, tmp_path):
    out = tmp_path / "out.png"
    done = vitrine("style", photo, "--style-image", painting, "--out", out, "--json")
    record = json.loads(done.out)["provenance"]
    assert (record["styler"], record["style"]) == ("style-image", "painting")
    assert (read(out) != read(photo)).any(axis=2).mean() > 0.5
    again = StyleImageStyler({"painting": StyleImage(read(painting))}).apply(
        read(photo), "painting", record["strength"]
    )
    assert (read(out) == again).all()


def test_a_shop_adds_uses_lists_and_removes_styles_of_its_own(
    vitrine, make_shop, photo, painting, tmp_path
):
    shop, cube, out = make_shop(), tmp_path / "ours.cube", tmp_path / "out.png"
    vitrine("styles", "export", "golden", "--out", cube)
    assert vitrine("styles", "add", "fire", "--image", painting, "--shop", shop).code == 0
    assert vitrine("styles", "add", "brand", "--cube", cube, "--shop", shop).code == 0
    painting.unlink()
    cube.unlink()  # the shop keeps copies
    for name in ("fire", "brand"):
        done = vitrine("style", photo, "--style", name, "--shop", shop, "--out", out)
        assert done.code == 0
        assert (read(out) != read(photo)).any()
    one_line(vitrine("style", photo, "--style", "fire", "--out", out), "unknown style 'fire'")
    names = [
        style["name"]
        for style in json.loads(vitrine("styles", "list", "--shop", shop, "--json").out)["styles"]
    ]
    assert {"fire", "brand", "oil"} <= {*names}
    assert vitrine("styles", "remove", "fire", "--shop", shop).code == 0
    one_line(vitrine("styles", "remove", "fire", "--shop", shop), "'fire'")


def test_a_shop_is_indexed_in_a_style_of_its_own_until_that_is_removed(
    vitrine, make_shop, painting
):
    shop = make_shop()

    def indexed() -> dict[str, bool]:
        listed = json.loads(vitrine("styles", "list", "--shop", shop, "--json").out)["styles"]
        return {style["name"]: style["indexed"] for style in listed}

    vitrine("styles", "add", "fire", "--image", painting, "--shop", shop)
    assert indexed()["fire"] is False
    assert vitrine("styles", "add", "fire", "--shop", shop).code == 0
    assert indexed()["fire"] is True
    assert vitrine("styles", "remove", "fire", "--shop", shop).code == 0
    assert "fire" not in indexed()


def test_wrong_style_files_are_refused_in_one_line_and_leave_the_shop_as_it_was(
    vitrine, make_shop, painting, tmp_path
):
    shop, bad = make_shop(), tmp_path / "bad"
    before = sorted(path.name for path in shop.iterdir())
    add = ("styles", "add", "--shop", shop)
    bad.write_bytes(painting.read_bytes()[:-40])
    one_line(vitrine(*add, "a", "--image", bad), str(bad))
    bad.write_text("LUT_3D_SIZE 2\n0 0 0\n")
    one_line(vitrine(*add, "a", "--cube", bad), "needs 8 rows, got 1")
    one_line(vitrine(*add, "a", "--image", tmp_path / "none.png"), "none.png: no such file")
    one_line(vitrine(*add, "oil", "--image", painting), "'oil' is a built-in style")
    one_line(vitrine(*add, "../a", "--image", painting), "a-z, 0-9 and -")
    one_line(vitrine("styles", "remove", "oil", "--shop", shop), "'oil'")
    no_shop = ("styles", "add", "a", "--image", painting, "--shop", tmp_path / "none")
    one_line(vitrine(*no_shop), "no such folder")
    one_line(vitrine(*add, "a"), "unknown style 'a'")
    assert vitrine(*add, "a", "b", "--image", painting).code == 2
    assert sorted(path.name for path in shop.iterdir()) == before


def test_a_network_paints_in_the_style_of_the_image(vitrine, photo, painting, tmp_path):
    out = tmp_path / "out.png"
    network = tmp_path / "bad.onnx"
    network.write_bytes(b"hello")
    words = ("style", photo, "--style-image", painting, "--network", network, "--out", out)
    one_line(vitrine(*words), "bad.onnx: not a network of 'vitrine train-style'")
    one_line(vitrine(*words[:5], tmp_path / "none.onnx", "--out", out), "none.onnx: cannot be read")
    done = vitrine("style", photo, "--style", "oil", "--network", network, "--out", out)
    assert done.code == 2
    assert not out.exists()


def test_a_picture_too_long_for_webp_is_one_line_and_leaves_no_file(vitrine, tmp_path):
    Image.new("RGB", (16_384, 400), (200, 40, 50)).save(tmp_path / "long.png")
    out = tmp_path / "out.webp"
    done = vitrine("style", tmp_path / "long.png", "--style", "noir", "--out", out)
    one_line(done, "cannot write", "16384 x 400 pixels", "at most 16383 a side", "name a .png file")
    assert [path.name for path in tmp_path.iterdir()] == ["long.png"]
    assert vitrine("style", tmp_path / "long.png", "--style", "noir", "--out",
                   tmp_path / "out.png").code == 0  # fmt: skip
