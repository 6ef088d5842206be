"""What the detector of things is trained on: scenes whose boxes one can see."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.training.detector.backgrounds import Backgrounds
from indexer.training.detector.bank import MOST_THINGS, fill_bank, padded, read_shard, write_shard
from indexer.training.detector.compose import Composer
from indexer.training.detector.cutouts import Cutout, CutoutFile, chosen_files, save_cutout, tight
from indexer.training.detector.parts import (
    PARTS,
    Rows,
    part_numbers,
    part_shares,
    ridge,
    street_view,
)
from indexer.training.detector.pictures import SIDE, flipped, random_crop
from indexer.training.detector.scene import Scene
from indexer.training.detector.streets import (
    Street,
    empty_part,
    read_streets,
    street_cutouts,
    street_scene,
)

RED, GREEN = (230, 20, 20), (20, 210, 40)


def close(found: np.ndarray, expected: list[float], pixels: float = 4) -> bool:
    """Whether a box lies within some pixels of the expected one, both as shares of the sides."""
    return bool(np.abs(found - np.array(expected, np.float32)).max() <= pixels / SIDE)


def box_where(mask: np.ndarray) -> list[float]:
    rows, columns = np.nonzero(mask)
    height, width = mask.shape
    return [columns.min() / width, rows.min() / height,
            (columns.max() + 1) / width, (rows.max() + 1) / height]  # fmt: skip


def reddish(pixels: np.ndarray) -> np.ndarray:
    red, green, blue = pixels.astype(int).transpose(2, 0, 1)
    return (red > 1.6 * green) & (red > 1.6 * blue) & (red > 50)


# Composed scenes


def square(color: tuple[int, int, int] = RED, side: int = 60) -> Cutout:
    return Cutout(np.full((side, side, 3), color, np.uint8), np.full((side, side), 255, np.uint8))


class GrayGround(Backgrounds):
    """A background of one gray, so that the pasted things are all that is red."""

    def __init__(self) -> None:
        super().__init__([], [], [])

    def draw(self, rng: np.random.Generator, width: int, height: int) -> np.ndarray:
        return np.full((height, width, 3), 128, np.uint8)


def composer(*cutouts: Cutout) -> Composer:
    return Composer(cutouts, np.ones(len(cutouts)), GrayGround())


def test_the_box_of_a_composed_thing_is_where_its_color_is() -> None:
    for seed in range(12):
        scene = composer(square()).compose(np.random.default_rng(seed), "one")
        if reddish(scene.pixels).any():  # a few scenes are gray
            (box,) = scene.boxes
            assert close(box, box_where(reddish(scene.pixels))), seed


def test_an_empty_scene_has_a_background_and_no_box() -> None:
    scene = composer(square()).compose(np.random.default_rng(0), "none")
    assert scene.pixels.shape == (SIDE, SIDE, 3)
    assert scene.boxes.shape == scene.ignored.shape == (0, 4)
    assert not reddish(scene.pixels).any()


def test_the_things_of_a_shelf_are_side_by_side() -> None:
    counts = [len(composer(square()).compose(np.random.default_rng(n), "shelf").boxes)
              for n in range(8)]  # fmt: skip
    assert min(counts) >= 1
    assert max(counts) >= 8


def test_the_same_numbers_draw_the_same_scene() -> None:
    first, second = (composer(square(), square(GREEN)).compose(np.random.default_rng(3))
                     for _ in range(2))  # fmt: skip
    assert np.array_equal(first.pixels, second.pixels)
    assert np.array_equal(first.boxes, second.boxes)


def test_a_thing_that_another_one_hides_is_ignored_and_no_thing() -> None:
    from indexer.training.detector.compose import _boxes_of

    owner = np.full((10, 20), -1, np.int16)
    owner[0:10, 0:10] = 1  # covers nearly all of thing 0
    owner[0:2, 10:12] = 0
    boxes, ignored = _boxes_of(owner, [50, 100, 30])  # nothing of thing 2 is left
    assert boxes.tolist() == [pytest.approx([0, 0, 0.5, 1])]
    assert ignored.tolist() == [pytest.approx([0.5, 0, 0.6, 0.2])]


def test_backgrounds_of_every_kind_have_the_size_asked_for(tmp_path: Path) -> None:
    picture = tmp_path / "texture.png"
    Image.new("RGB", (50, 40), RED).save(picture)
    grounds = Backgrounds([picture], [picture], [])
    for kind in ("_plain", "_room", "_street", "_texture", "_photo"):
        drawn = getattr(grounds, kind)(np.random.default_rng(1), 64, 48)
        assert (drawn.shape, drawn.dtype) == ((48, 64, 3), np.uint8), kind


# Cutouts


def test_a_cutout_is_the_smallest_picture_around_what_is_opaque() -> None:
    cover = np.zeros((80, 100), np.uint8)
    cover[20:50, 30:90] = 255
    found = tight(Cutout(np.zeros((80, 100, 3), np.uint8), cover))
    assert found is not None
    assert found.cover.shape == (30, 60)
    assert found.cover.min() == 255
    assert tight(Cutout(np.zeros((80, 100, 3), np.uint8), np.zeros((80, 100), np.uint8))) is None


def test_a_product_is_cut_out_once_and_a_busy_picture_is_marked_as_none(tmp_path: Path) -> None:
    pixels = np.full((90, 120, 3), 255, np.uint8)
    pixels[20:70, 30:90] = RED
    Image.fromarray(pixels).save(tmp_path / "plain.png")
    noise = np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "busy.png")
    plain, busy = tmp_path / "cut-plain.png", tmp_path / "cut-busy.png"
    assert save_cutout((tmp_path / "plain.png", plain))
    assert not save_cutout((tmp_path / "busy.png", busy))
    with Image.open(plain) as cut:
        assert (cut.mode, cut.size) == ("RGBA", (60, 50))
    assert busy.stat().st_size == 0
    (tmp_path / "plain.png").unlink()  # what was cut out is not read again
    assert save_cutout((tmp_path / "plain.png", plain))


def test_the_same_files_are_chosen_every_time_and_no_more_than_asked() -> None:
    files = [CutoutFile(Path(f"{n}.jpg"), False, 3.0 if n % 3 else 0.4) for n in range(30)]
    chosen = chosen_files(files, 8)
    assert sorted(chosen) == sorted(chosen_files(files[::-1], 8))
    assert [sum(file.weight == weight for file in chosen) for weight in (0.4, 3.0)] == [8, 8]


# Street photos

NAMES = ("null", "hair", "skin", "shirt", "pants")


@pytest.fixture
def street(tmp_path: Path) -> Street:
    """A street photo (120 x 200) of hair, skin, a red shirt and green pants; beside them a wall."""
    labels = np.zeros((200, 120), np.uint8)
    labels[20:40, 14:30] = 1
    labels[40:60, 14:30] = 2
    labels[60:110, 8:38] = 3
    labels[110:180, 10:36] = 4
    colors = np.array([(90, 90, 90), (40, 30, 20), (220, 180, 150), RED, GREEN], np.uint8)
    for name in ("photos", "masks"):
        (tmp_path / name).mkdir()
    Image.fromarray(colors[labels]).save(tmp_path / "photos" / "0001.jpg", quality=95)
    Image.fromarray(labels).save(tmp_path / "masks" / "0001.png")
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("value", "name"), *enumerate(NAMES)])
    (found,) = read_streets(tmp_path)
    return found


def test_garments_are_things_and_hair_and_skin_are_not(street: Street) -> None:
    assert street.names == ("shirt", "pants")
    assert street.boxes[0].tolist() == pytest.approx([8 / 120, 60 / 200, 38 / 120, 110 / 200])
    assert street.shares[1] == pytest.approx(70 * 26 / (200 * 120))


def test_boxes_follow_the_crop_and_the_mirror_of_a_street_photo(street: Street) -> None:
    seen = 0
    for seed in range(12):
        scene = street_scene(street, np.random.default_rng(seed))
        red = reddish(scene.pixels)
        if not red.any():
            continue
        both = np.concatenate([scene.boxes, scene.ignored])
        assert any(close(box, box_where(red)) for box in both), seed
        seen += 1
    assert seen > 6


def test_a_garment_is_cut_out_along_its_mask(street: Street) -> None:
    shirt, pants = street_cutouts(street)
    assert shirt.cover.shape == (50, 30)
    assert pants.cover.min() == 255
    assert np.abs(shirt.pixels[25, 15].astype(int) - RED).max() < 25


def test_the_empty_part_of_a_street_photo_shows_nothing_of_the_person(street: Street) -> None:
    part = empty_part(street)
    assert part is not None
    assert part.shape == (200, 120 - 38 - 4, 3)
    assert np.abs(part.astype(int) - 90).max() < 12


def test_a_crop_moves_boxes_and_drops_those_that_are_mostly_outside() -> None:
    for seed in range(20):
        whole = np.array([[0.4, 0.4, 0.6, 0.6], [0.0, 0.0, 0.02, 0.02]], np.float32)
        (x0, y0, x1, y1), boxes, kept = random_crop(np.random.default_rng(seed), whole, 0.5)
        back = boxes[0] * [x1 - x0, y1 - y0, x1 - x0, y1 - y0] + [x0, y0, x0, y0]
        assert kept[0] == ((back[2] - back[0]) * (back[3] - back[1]) >= 0.4 * 0.04 - 1e-6)
        assert back[0] == pytest.approx(max(0.4, x0), abs=1e-5) or not kept[0]
        assert not kept[1] or (x0 < 0.02 and y0 < 0.02)


def test_a_mirrored_box_is_on_the_other_side() -> None:
    pixels = np.zeros((4, 10, 3), np.uint8)
    pixels[1:3, 0:2] = 255
    mirrored, boxes = flipped(pixels, np.array([[0, 0.25, 0.2, 0.75]], np.float32))
    assert boxes[0].tolist() == pytest.approx([0.8, 0.25, 1, 0.75])
    assert mirrored[1:3, 8:].min() == 255


# The bank


def maps_of(pixels: np.ndarray) -> list[np.ndarray]:
    """Three maps with the mean brightness of each scene."""
    mean = pixels.mean(axis=(1, 2, 3)).astype(np.float32)[:, None, None, None]
    return [np.tile(mean, (1, 1, side, side)) for side in (4, 2, 1)]


def gray_scene(level: int, boxes: int) -> Scene:
    corners = np.array([[0, 0, 0.1 + 0.02 * n, 0.1] for n in range(boxes)], np.float32)
    return Scene(np.full((SIDE, SIDE, 3), level, np.uint8), corners.reshape(-1, 4))


def test_a_shard_gives_back_the_maps_and_boxes_of_its_scenes(tmp_path: Path) -> None:
    scenes = [gray_scene(10 * n, n) for n in range(18)]  # more than one batch
    write_shard(tmp_path / "0000.npz", scenes, maps_of)
    shard = read_shard(tmp_path / "0000.npz")
    assert [level.shape[2] for level in shard.maps] == [4, 2, 1]
    assert shard.maps[0][:, 0, 0, 0].tolist() == [10.0 * n for n in range(18)]
    assert (shard.boxes[..., 2] > 0).sum(axis=1).tolist() == list(range(18))
    assert [path.name for path in tmp_path.iterdir()] == ["0000.npz"]


def test_the_smallest_things_of_a_crowded_scene_are_left_out() -> None:
    (row,) = padded([gray_scene(0, MOST_THINGS + 5).boxes])
    assert row[:, 2].min() == pytest.approx(0.1 + 0.02 * 5)


def test_shards_that_exist_are_not_made_again(tmp_path: Path) -> None:
    def fails() -> None:
        raise AssertionError("no scene is missing")

    for number in range(3):
        write_shard(tmp_path / f"{number:04}.npz", [gray_scene(0, 1)], maps_of)
    before = [path.stat().st_mtime_ns for path in sorted(tmp_path.iterdir())]
    paths = fill_bank(tmp_path, 3, fails, tmp_path / "no.onnx", 1, print)  # type: ignore[arg-type]
    assert [path.name for path in paths] == ["0000.npz", "0001.npz", "0002.npz"]
    assert [path.stat().st_mtime_ns for path in paths] == before


# Parts


def test_each_label_value_is_a_part_and_unknown_garments_are_other(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("value,name\n0,null\n1,hair\n2,jeans\n3,socks\n")
    numbers = part_numbers(tmp_path)
    assert [PARTS[number] for number in numbers[:4]] == ["background", "hair", "pants", "other"]


def test_the_shares_of_a_cell_are_those_of_its_labels() -> None:
    labels = np.zeros((80, 160), np.uint8)
    labels[:, 80:] = 3
    shares = part_shares(labels)
    assert shares[0, 0].tolist() == [1.0, *[0.0] * (len(PARTS) - 1)]
    assert shares[5, -1, 3] == 1
    assert shares.sum(axis=2) == pytest.approx(1)


def test_a_ridge_finds_the_map_that_made_the_targets() -> None:
    rng = np.random.default_rng(0)
    features = np.column_stack([rng.normal(2, [1, 5], (400, 2)), np.ones(400)]).astype(np.float32)
    chance = 1 / (1 + np.exp(-2 * (features[:, 0] - 2)))
    targets = np.stack([chance, 1 - chance], axis=1).astype(np.float32)
    weights = ridge(Rows(features, targets), 1e-6)
    assert weights[1] == pytest.approx([0, 0], abs=0.02)
    assert (features @ weights).sum(axis=1) == pytest.approx(1, abs=1e-3)
    assert np.corrcoef(features @ weights[:, 0], chance)[0, 1] > 0.95


def test_the_labels_of_a_view_lie_on_its_garments(street: Street) -> None:
    numbers = np.array([0, 1, 2, 3, 4], np.uint8)
    for view in (0, 1):
        pixels, labels = street_view(street, numbers, view)
        found = np.asarray(Image.fromarray(labels).resize((SIDE, SIDE), Image.Resampling.NEAREST))
        both = (found == 3) == reddish(pixels)
        assert both.mean() > 0.97, view
