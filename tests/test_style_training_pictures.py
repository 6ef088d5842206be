"""Pictures of a training: found, turned upright, laid on white, and refused by name."""

from __future__ import annotations

import pytest
from PIL import Image

from style.errors import BadTraining

pytest.importorskip("torch", reason="training needs torch")

from style.training.pictures import find_pictures, read_pictures


def test_pictures_are_found_below_a_folder_and_unreadable_ones_named(tmp_path):
    with pytest.raises(BadTraining, match="no pictures"):
        find_pictures(tmp_path)
    (tmp_path / "a").mkdir()
    Image.new("RGB", (300, 200)).save(tmp_path / "a" / "x.png")
    (paths,) = [find_pictures(tmp_path)]
    read = read_pictures(paths, paths)
    assert read.photos[0].shape == (176, 264, 3)
    (tmp_path / "y.jpg").write_text("hello")
    with pytest.raises(BadTraining, match=r"y\.jpg"):
        read_pictures(find_pictures(tmp_path), paths)


def test_a_transparent_photo_lies_on_white(tmp_path):
    clear = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    clear.paste((200, 20, 20, 255), (10, 10, 30, 30))
    clear.save(tmp_path / "x.png")
    clear.convert("P").save(tmp_path / "y.png", transparency=clear.convert("P").getpixel((0, 0)))
    for pixels in read_pictures(find_pictures(tmp_path), []).photos:
        assert pixels[0, 0].tolist() == [255, 255, 255]
        assert pixels[88, 88, 0] > 150 > pixels[88, 88, 1]


def test_a_photo_is_turned_as_its_exif_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it clockwise
    Image.new("RGB", (40, 20)).save(tmp_path / "x.jpg", exif=exif)
    (pixels,) = read_pictures([tmp_path / "x.jpg"], []).photos
    assert pixels.shape == (352, 176, 3)


def test_a_picture_that_would_grow_huge_is_refused_by_its_sides(tmp_path):
    Image.new("RGB", (20_000, 1)).save(tmp_path / "x.png")
    with pytest.raises(BadTraining, match=r"x\.png: 20000 x 1 pixels; one side may be at most 10"):
        read_pictures([], [tmp_path / "x.png"])
    Image.new("RGB", (10, 1)).save(tmp_path / "x.png")
    assert read_pictures([tmp_path / "x.png"], []).photos[0].shape == (176, 1760, 3)
