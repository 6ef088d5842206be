"""The training package on drawn pictures: what it reads, what it makes of it, what it exports."""

from __future__ import annotations

import csv
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from indexer.encoders.train import disguise
from indexer.encoders.train.__main__ import main
from indexer.encoders.train.data import is_held_out, magento_kind, read_photos
from indexer.encoders.train.views import _PARTS, VIEW_SIZE, Recipe, Round, make_round

WEIGHTS = Path(__file__).parents[1] / "indexer" / "encoders" / "weights" / "builtin.onnx"


def write_table(path: Path, header: str, *rows: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([line.split(",") for line in (header, *rows)])


def draw(path: Path, color: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (60, 40), "white")
    ImageDraw.Draw(image).ellipse((15, 8, 45, 32), fill=color)
    image.save(path)


def views_of(photo: np.ndarray) -> Round:
    rng = np.random.default_rng(0)
    return Round(
        photo,
        rng.integers(0, 256, (len(photo), VIEW_SIZE, VIEW_SIZE, 3), dtype=np.uint8),
        rng.integers(0, 256, (len(photo), 1280), dtype=np.uint8),
        rng.integers(-128, 128, (len(photo), 7, 7, 320), dtype=np.int8),
        rng.integers(-128, 128, (len(photo), 14, 14, 96), dtype=np.int8),
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two groceries with a catalog picture and a photo each, and one clothing photo."""
    folder = tmp_path / "data"
    for name, color in (("Lemon", "yellow"), ("Plum", "purple")):
        draw(folder / "grocery" / f"iconic/{name}.jpg", color)
        draw(folder / "grocery" / f"photos/{name}.jpg", color)
    draw(folder / "clothing" / "photos/0.jpg", "navy")
    write_table(
        folder / "grocery" / "catalog.csv",
        "id,image",
        "Lemon,iconic/Lemon.jpg",
        "Plum,iconic/Plum.jpg",
    )
    write_table(
        folder / "grocery" / "photos_train.csv",
        "image,item_id",
        "photos/Lemon.jpg,Lemon",
        "photos/Plum.jpg,Plum",
    )
    write_table(folder / "grocery" / "photos_val.csv", "image,item_id", "photos/secret.jpg,Plum")
    write_table(folder / "clothing" / "photos_train.csv", "image,category", "photos/0.jpg,pants")
    return folder


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
    thing = disguise.thing_on_white(pixels)
    assert thing is not None
    assert thing.sum() == 20 * 20
    moved = disguise.put_on(pixels, thing, np.zeros_like(pixels))
    assert tuple(moved[20, 30]) == (200, 30, 30)
    assert tuple(moved[0, 0]) == (0, 0, 0)


def test_a_photo_with_a_full_background_has_no_thing_on_white() -> None:
    assert disguise.thing_on_white(np.full((40, 60, 3), 90, np.uint8)) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda x: disguise.cartoon(x, 4),
        disguise.sketch,
        lambda x: disguise.paint(x, x[::-1].copy(), 0.5),
        lambda x: disguise.compress(x, 30),
    ],
)
def test_a_disguise_keeps_shape_and_type(change: object) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    changed = change(pixels)  # type: ignore[operator]
    assert (changed.shape, changed.dtype) == (pixels.shape, np.uint8)


@pytest.mark.torch
def test_the_exported_file_gives_the_vectors_of_the_network(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from indexer.encoders.train.export import check, export, load_network
    from indexer.encoders.train.network import Network, Shape

    torch.manual_seed(0)
    # Wide enough that some weights are stored as int8 and some as float16.
    network = Network(Shape((8, 16, 16, 80), (1, 1, 1, 1), 48)).eval()
    pixels = torch.randint(0, 256, (4, 3, 64, 64)).float()
    with torch.inference_mode():
        before = network(pixels)
    export(network, tmp_path / "small.onnx", name="small", size=64, fit="squash")
    assert check(network, tmp_path / "small.onnx", 64) < 1e-3
    again = load_network(tmp_path / "small.onnx")
    assert check(again, tmp_path / "small.onnx", 64) < 1e-3
    with torch.inference_mode():
        assert float((before * again(pixels)).sum(1).min()) > 0.999


@pytest.mark.torch
def test_the_shipped_weights_can_be_trained_further() -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from indexer.encoders.train.export import load_network

    network = load_network(WEIGHTS).train()
    network(torch.zeros(2, 3, 96, 96)).sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.torch
def test_augmented_pictures_depend_on_the_generator_alone() -> None:
    torch = pytest.importorskip("torch")
    from indexer.encoders.train.augment import augment

    pixels = torch.randint(0, 256, (12, 3, 64, 64), dtype=torch.uint8)
    first, second = (augment(pixels, 32, torch.Generator().manual_seed(3))[0] for _ in range(2))
    assert first.shape == (12, 3, 32, 32)
    assert torch.equal(first, second)
    assert float(first.min()) >= 0.0
    assert float(first.max()) <= 255.0


@pytest.mark.torch
def test_a_patch_comes_from_the_next_picture_and_its_share_is_told() -> None:
    torch = pytest.importorskip("torch")
    from indexer.encoders.train.augment import patch

    x = torch.arange(4.0)[:, None, None, None].expand(4, 3, 32, 32).clone()
    donor, own = patch(x, torch.tensor([0, 2]), torch.Generator().manual_seed(1))
    assert donor.tolist() == [2, 1, 0, 3]
    assert own[[1, 3]].tolist() == [1.0, 1.0]
    for row, other in ((0, 2.0), (2, 0.0)):
        patched = float((x[row, 0] == other).float().mean())
        assert patched == pytest.approx(1.0 - float(own[row]))
        assert 0.05 < patched < 0.5


@pytest.mark.torch
def test_labeled_photos_are_cropped_anew_in_the_last_part_of_a_training(data: Path) -> None:
    torch = pytest.importorskip("torch")
    from indexer.encoders.train.batches import Batches
    from indexer.encoders.train.originals import Originals
    from indexer.encoders.train.plan import Plan

    photos = read_photos(data)
    plan = Plan(steps=10, pairs=4, sizes=((1.0, 32),), fresh_from=0.5)
    originals = Originals(photos, [True] * len(photos), seed=1)
    assert len(originals) == len(photos)
    photo = np.repeat(np.arange(len(photos)), [p.repeats for p in photos])
    batches = Batches(photos, [views_of(photo)], plan, [True] * len(photos), originals)
    assert batches.crop(4, torch.Generator()) is None
    assert len(batches.draw(4).photo) == 8
    assert len(batches.draw(5).photo) == 4
    first, again = (batches.crop(5, torch.Generator().manual_seed(2)) for _ in range(2))
    assert first is not None
    assert again is not None
    assert first.x.shape == (4, 3, 32, 32)
    assert torch.equal(first.x, again.x)
    names = [photos[i].item or photos[i].path for i in first.photo.tolist()]
    assert names[:2] == names[2:]  # a pair shows one item, or one photo


@pytest.mark.torch
def test_a_file_in_whole_numbers_gives_nearly_the_same_vectors(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from indexer.encoders.train.export import check, export, load_network
    from indexer.encoders.train.integers import to_integers
    from indexer.encoders.train.network import Network, Shape

    torch.manual_seed(0)
    network = Network(Shape((16, 16, 32, 32), (1, 1, 1, 1), 64)).eval()
    path = tmp_path / "small.onnx"
    export(network, path, name="small", size=64, fit="squash")
    size, side = path.stat().st_size, path.with_suffix(".json").read_bytes()
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (32, 8, 8, 3), dtype=np.uint8).repeat(8, 1).repeat(8, 2)
    kept = to_integers(path, pixels)
    assert 0.995 <= kept.least <= kept.mean < 1.0
    assert path.stat().st_size != size
    assert path.with_suffix(".json").read_bytes() == side
    assert check(load_network(path), path, 64) < 0.02


@pytest.mark.torch
def test_losses_are_lower_for_the_right_answer_and_skip_the_unlabeled() -> None:
    torch = pytest.importorskip("torch")
    from indexer.encoders.train.losses import UNLABELED, Proxies, same_thing

    torch.manual_seed(0)
    proxies = Proxies(5, 20.0)
    rows = proxies.vectors.detach().clone()
    right, wrong = torch.arange(5), (torch.arange(5) + 1) % 5
    groups = torch.arange(5).repeat(2)
    with torch.no_grad():
        assert float(proxies(rows, right)) < float(proxies(rows, wrong))
        assert float(proxies(rows, torch.full((5,), UNLABELED))) == 0.0
        alike = same_thing(torch.cat([rows, rows]), groups)
        assert float(alike) < float(same_thing(torch.cat([rows, -rows]), groups))


@pytest.mark.torch
def test_training_goes_on_from_its_checkpoint_and_refuses_another_plan(
    data: Path, tmp_path: Path
) -> None:
    torch = pytest.importorskip("torch")
    from indexer.encoders.train.batches import Batches
    from indexer.encoders.train.fit import fit
    from indexer.encoders.train.network import Shape
    from indexer.encoders.train.originals import Originals
    from indexer.encoders.train.plan import Plan

    photos = read_photos(data)
    photo = np.repeat(np.arange(len(photos)), [p.repeats for p in photos])
    views = views_of(photo)
    shape = Shape((4, 4, 4, 4), (1, 1, 1, 1), 8)
    plan = Plan(shape=shape, steps=3, pairs=4, sizes=((1.0, 32),), workers=2)
    checkpoint = tmp_path / "checkpoint.pt"
    use = [True] * len(photos)
    batches = Batches(photos, [views], plan, use, Originals(photos, use, seed=1))
    threads = torch.get_num_threads()
    try:
        first = fit(batches, plan, checkpoint, lambda line: None)
        again = fit(batches, plan, checkpoint, lambda line: None)  # nothing is left to do
        assert torch.equal(first.head.weight, again.head.weight)
        other = Plan(shape=shape, steps=4, pairs=4, sizes=((1.0, 32),), workers=2)
        with pytest.raises(ValueError, match="another plan"):
            fit(batches, other, checkpoint, lambda line: None)
        fewer = [photo.source != "clothing" for photo in photos]
        batches = Batches(photos, [views], plan, fewer, Originals(photos, fewer, seed=1))
        with pytest.raises(ValueError, match="made with other photos; remove it"):
            fit(batches, plan, checkpoint, lambda line: None)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.torch
def test_when_one_of_a_crew_fails_the_others_end_their_step_and_no_more() -> None:
    torch = pytest.importorskip("torch")
    from indexer.encoders.train.crew import Crew

    crew, steps, threads = Crew(), 0, torch.get_num_threads()

    def work(worker: str) -> None:
        nonlocal steps
        if worker == "broken":
            raise OSError("disk full")
        while not crew.stopped:
            assert torch.get_num_threads() == 1
            steps += 1
            time.sleep(0.001)

    with pytest.raises(OSError, match="disk full"):
        crew.run(work, ["whole", "broken", "whole"])  # would never come back otherwise
    assert steps > 0
    assert torch.get_num_threads() == threads


def test_views_of_other_photos_are_not_taken_for_these(data: Path, tmp_path: Path) -> None:
    photos = read_photos(data)
    teacher = tmp_path / "teacher.tflite"
    teacher.write_bytes(b"a teacher")
    folder = tmp_path / "views"
    folder.mkdir()
    for part in _PARTS:
        (folder / f"round-000-{part}.npy").touch()
    (folder / "recipe.sha256").write_text(Recipe(photos, teacher, [], [], 1).digest())
    for other in (
        Recipe(photos[::-1], teacher, [], [], 1),
        Recipe(photos, teacher, [photos[0].path], [], 1),
        Recipe(photos, teacher, [], [], 2),
    ):
        with pytest.raises(ValueError, match=r"are of other photos.*remove that folder"):
            make_round(other, folder, 0, workers=1)
    with pytest.raises(FileNotFoundError, match=r"nobody\.tflite"):
        make_round(Recipe(photos, tmp_path / "nobody.tflite", [], [], 1), folder, 0, workers=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--steps", "0"], "--steps: expected 1 or more, got 0"),
        (["--workers", "-1"], "--workers: expected 1 or more, got -1"),
        (
            ["--without", "books"],
            "--without books: there is no such set, only clothing, drawn, grocery",
        ),
        (["--out", "nowhere/at/all.onnx"], "there is no folder"),
        (["--teacher", "nobody.tflite"], "there is no teacher nobody.tflite"),
        (["--data", "nowhere"], "no training set below nowhere"),
    ],
)
def test_what_is_wrong_with_a_training_is_said_before_it_begins(
    arguments: list[str],
    message: str,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def nothing(*_: object, **__: object) -> None:
        raise AssertionError("the shop is drawn, or views are made")

    monkeypatch.setattr("indexer.encoders.train.__main__.write_shop", _empty_shop)
    monkeypatch.setattr("indexer.encoders.train.__main__.make_round", nothing)
    teacher = tmp_path / "teacher.tflite"
    teacher.touch()
    given = ["--data", str(data), "--out", str(tmp_path / "x.onnx"), "--teacher", str(teacher)]
    monkeypatch.setattr(sys, "argv", ["train", *given, *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def _empty_shop(folder: Path, **_: object) -> None:
    folder.mkdir()
    (folder / "catalog.csv").write_text("id,images\nmug,a.jpg\n")
    (folder / "queries.csv").write_text("image,item_id\n")


def test_a_drawn_shop_gives_items_with_catalog_pictures_and_photos(tmp_path: Path) -> None:
    folder = tmp_path / "drawn"
    folder.mkdir()
    (folder / "catalog.csv").write_text("id,images\nmug-red,images/a.jpg;images/b.jpg\n")
    (folder / "queries.csv").write_text("image,item_id\nphotos/000.jpg,mug-red\n")
    photos = read_photos(tmp_path)
    assert [photo.path.name for photo in photos] == ["a.jpg", "b.jpg", "000.jpg"]
    assert {(photo.source, photo.item) for photo in photos} == {("drawn", "drawn/mug-red")}
