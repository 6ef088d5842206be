"""Adapting an encoder to a shop: what is learned from, what is held out, and when it is refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.encoders.onnxfile import WEIGHTS
from indexer.encoders.registry import load_encoder
from indexer.errors import BadCatalog, EncoderNotFound
from indexer.jobs.build import build_index
from indexer.shop.folder import ShopFolder
from indexer.store.store import Store
from indexer.training.dataset import FEWEST_QUERIES, Dataset, Pair, read_dataset, read_pairs
from tests.conftest import COLORS, jpeg, plain, write_catalog

BUILTIN = WEIGHTS / "builtin.onnx"


def write_pairs(path: Path, rows: list[tuple[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("image", "item_id"), *rows])
    return path


def dataset_of(catalog: Path, folder: Path, pairs: list[Pair] | None = None) -> Dataset:
    shop = ShopFolder(folder / "learning")
    build_index(open_catalog(catalog), shop, ColorEncoder())
    store = Store(shop.store)
    try:
        return read_dataset(store, pairs or [])
    finally:
        store.close()


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    return write_catalog(tmp_path / "catalog")


@pytest.fixture
def photos(tmp_path: Path) -> list[Pair]:
    """Six photos of each of six shoes."""
    (tmp_path / "photos").mkdir()
    pairs = []
    for color, rgb in COLORS.items():
        for n in range(6):
            path = tmp_path / "photos" / f"{color}-{n}.jpg"
            path.write_bytes(jpeg(plain(rgb, side=120, spot=20 + 5 * n)))
            pairs.append(Pair(path, f"{color}-shoe"))
    return pairs


@pytest.fixture
def single(tmp_path: Path) -> Path:
    """A shop of one picture for each item."""
    folder = tmp_path / "single"
    folder.mkdir()
    for n in range(30):
        (folder / f"{n}.jpg").write_bytes(jpeg(plain((8 * n, 99, 200 - 6 * n))))
    return folder


def test_of_photos_one_in_six_of_each_item_is_held_out(catalog, photos, tmp_path, monkeypatch):
    monkeypatch.setattr("indexer.training.dataset.FEWEST_QUERIES", 6)
    dataset = dataset_of(catalog, tmp_path, photos)
    assert dataset.task.startswith("held-out photos")
    assert (dataset.photo.sum(), dataset.gallery.sum()) == (36, 12)
    asked = [dataset.items[n] for n in dataset.item[dataset.query]]
    assert sorted(asked) == sorted(f"{color}-shoe" for color in COLORS)
    assert (dataset.held_out == dataset.query).all()
    assert not dataset.query[~dataset.photo].any()


def test_without_photos_whole_items_are_held_out(catalog, tmp_path, monkeypatch):
    monkeypatch.setattr("indexer.training.dataset.FEWEST_QUERIES", 3)
    dataset = dataset_of(catalog, tmp_path)
    held = set(dataset.item[dataset.held_out].tolist())
    assert len(held) == 3  # a quarter of the twelve
    assert set(dataset.item[~dataset.held_out].tolist()).isdisjoint(held)
    assert set(dataset.item[dataset.query].tolist()) == held
    assert not (dataset.query & dataset.gallery).any()


def test_items_of_one_product_are_held_out_together(catalog, tmp_path, monkeypatch):
    monkeypatch.setattr("indexer.training.dataset.FEWEST_QUERIES", 2)
    with catalog.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["product_id"] = row["id"].split("-")[0]  # the mug and the shoe of a color
    with catalog.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    dataset = dataset_of(catalog, tmp_path)
    held = sorted(dataset.items[n] for n in set(dataset.item[dataset.held_out].tolist()))
    colors = {item_id.split("-")[0] for item_id in held}
    assert len(colors) == 2  # a quarter of the six
    assert held == sorted(f"{color}-{kind}" for color in colors for kind in ("mug", "shoe"))


def test_a_pair_given_twice_is_one_photo(catalog, photos, tmp_path, monkeypatch):
    monkeypatch.setattr("indexer.training.dataset.FEWEST_QUERIES", 6)
    dataset = dataset_of(catalog, tmp_path, [*photos, *photos])
    assert dataset.photo.sum() == 36


def test_kinds_are_main_categories_with_several_items(catalog, tmp_path, monkeypatch):
    monkeypatch.setattr("indexer.training.dataset.FEWEST_QUERIES", 1)
    text = catalog.read_text(encoding="utf-8").replace("Home/Mugs", "Home/Red", 1)
    catalog.write_text(text, encoding="utf-8")
    dataset = dataset_of(catalog, tmp_path)
    assert dataset.kinds == ["Home/Mugs", "Wear/Shoes"]
    assert dataset.notes == ["categories with only one item are not learned: 1"]
    lonely = [dataset.items[n] for n in set(dataset.item[dataset.kind < 0].tolist())]
    assert lonely == ["red-mug"]


def test_one_picture_for_each_item_and_no_pairs_is_refused(single, tmp_path):
    with pytest.raises(BadCatalog, match="one picture and there are no pairs"):
        dataset_of(single, tmp_path)


def test_too_few_held_out_questions_are_refused(catalog, photos, tmp_path):
    with pytest.raises(BadCatalog, match=f"1 can be held out, needed {FEWEST_QUERIES}"):
        dataset_of(catalog, tmp_path, photos[:6])


def test_photos_that_cannot_be_used_are_named(catalog, photos, tmp_path, monkeypatch):
    monkeypatch.setattr("indexer.training.dataset.FEWEST_QUERIES", 6)
    (tmp_path / "text.jpg").write_text("hello")
    bad = [Pair(tmp_path / "text.jpg", "red-shoe"), Pair(photos[0].image, "hat")]
    dataset = dataset_of(catalog, tmp_path, [*photos, *bad, Pair(tmp_path / "gone", "red-mug")])
    assert [one.reason[:20] for one in dataset.skipped] == [
        "not an image we read",
        "the shop has no item",
        "no such file",
    ]
    assert Path(dataset.skipped[0].image).name == "text.jpg"


def test_pairs_of_which_none_can_be_used_are_refused(catalog, tmp_path):
    with pytest.raises(BadCatalog, match=r"none of 1 pairs can be used.*no such file"):
        dataset_of(catalog, tmp_path, [Pair(tmp_path / "gone.jpg", "red-shoe")])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it has no rows"),
        (b"photo,item\na.jpg,b\n", "it has 'photo', 'item'"),
        (b"image,item_id\n", "it has no rows"),
        (b"\xff\xfe\x00\x01", "is not a CSV file in UTF-8"),
    ],
)
def test_a_corrupt_pairs_file_is_refused(tmp_path, content, message):
    path = tmp_path / "pairs.csv"
    path.write_bytes(content)
    with pytest.raises(BadCatalog, match=message):
        read_pairs(path)


def test_a_pairs_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadCatalog, match=r"cannot read .*No such file"):
        read_pairs(tmp_path / "gone.csv")


# The closed form


def test_what_differs_within_items_is_whitened_away():
    pytest.importorskip("onnx")
    from indexer.training.closed_form import within_item_whitening

    rng = np.random.default_rng(0)
    items = np.arange(40).repeat(4)
    vectors = np.zeros((160, 8))
    vectors[:, :3] = rng.normal(size=(40, 3))[items]  # what the item is
    vectors[:, 5] = 5 * rng.normal(size=160)  # the light
    matrix = within_item_whitening(vectors, items, shrinkage=0.001, power=1.0)

    def right(rows):
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        likeness = rows @ rows.T
        np.fill_diagonal(likeness, -1)
        return (items[likeness.argmax(1)] == items).mean()

    assert right(vectors) < 0.5
    assert right(vectors @ matrix.T) > 0.98
    leading = (vectors @ matrix.T)[:, :3]  # the leading numbers say most
    assert right(leading) > 0.98


def test_items_of_one_picture_each_have_nothing_to_whiten():
    pytest.importorskip("onnx")
    from indexer.training.closed_form import within_item_whitening

    with pytest.raises(ValueError, match="no item has two pictures"):
        within_item_whitening(np.eye(4), np.arange(4), 0.1, 1.0)


def test_the_first_rung_answers_more_and_joins_the_file(drawn_shop, drawn_pairs, tmp_path):
    pytest.importorskip("onnx")
    from indexer.training.closed_form import adapt_head

    dataset = dataset_of(drawn_shop.catalog, tmp_path, drawn_pairs)
    out = tmp_path / "shop.onnx"
    done = adapt_head(BUILTIN, dataset, out)
    assert done.written
    assert done.steps == 0
    assert done.after[:, 0].sum() >= done.before[:, 0].sum() + 2
    assert out.with_suffix(".json").read_bytes() == BUILTIN.with_suffix(".json").read_bytes()
    vectors = load_encoder(f"onnx:{out}").encode_images(list(dataset.pixels[:3]))
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-4)


# With torch


def adapting(**changes):
    adapt = pytest.importorskip("indexer.training.adapt", reason="needs torch and onnx")
    return adapt, adapt.AdaptHyperparameters(
        **{"steps": 12, "pairs": 12, "workers": 1, "evaluations": 2, **changes}
    )


def quiet(done: int, total: int, figure: float) -> None:
    pass


@pytest.fixture
def drawn_pairs(drawn_shop) -> list[Pair]:
    """Every picture of the drawn shop as a dark, coarse negative of swapped colors, also mirrored.

    No photo looks so: the bundled weights find the item of some of them.
    """
    pairs = []
    folder = drawn_shop.folder / "images"
    with drawn_shop.catalog.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    out = drawn_shop.folder.parent / "disguised"
    out.mkdir(exist_ok=True)
    for row in rows:
        for n, name in enumerate(row["images"].split(";")):
            for turn in (False, True):
                path = out / f"{row['id']}-{n}-{turn}.jpg"
                if not path.is_file():
                    with Image.open(folder.parent / name) as image:
                        small = image.convert("RGB").resize((96, 96)).crop((12, 12, 84, 84))
                    values = np.asarray(small)[:, :: -1 if turn else 1]
                    negative = ((255 - values[:, :, [1, 2, 0]]) * 0.4).astype(np.uint8)
                    coarse = Image.fromarray(negative).resize((9, 9)).resize((72, 72))
                    path.write_bytes(jpeg(coarse))
                pairs.append(Pair(path, row["id"]))
    return pairs


def export_small(network, path: Path, size: int) -> Path:
    """Write a network that takes pictures of ``size`` px."""
    from indexer.training.export import export

    export(network, path, name="small", size=size, fit="squash")
    return path


@pytest.mark.torch
def test_adapting_to_drawn_items_improves_them(drawn_shop, drawn_pairs, tmp_path, monkeypatch):
    adapt, params = adapting(rate=1e-3, pairs=8)
    from indexer.training.export import load_network

    # Pictures of 96 px take a fifth of the time.
    monkeypatch.setattr(adapt, "_SMALL_SIDE", 96)
    start = export_small(load_network(BUILTIN), tmp_path / "start.onnx", 96)
    monkeypatch.setattr(adapt, "_RANGE_PICTURES", 10_000)  # so it stays in floating point
    dataset = dataset_of(drawn_shop.catalog, tmp_path, drawn_pairs)
    out = tmp_path / "shop.onnx"
    done = adapt.adapt(start, dataset, out, params, name="drawn", report=quiet)
    assert done.steps == 12
    assert len(done.before) == len(done.after) == 24
    assert done.after[:, 0].sum() >= done.before[:, 0].sum() + 4  # 6 when this was written
    assert done.written
    assert not list(tmp_path.glob(".shop*"))
    encoder = load_encoder(f"onnx:{out}")
    assert encoder.dim == 256
    pictures = list(adapt.Evaluation(dataset, 96).pictures(dataset.query.nonzero()[0]))
    old = load_encoder(f"onnx:{start}").encode_images(pictures)
    new = encoder.encode_images(pictures)
    assert np.linalg.norm(new, axis=1) == pytest.approx(1, abs=1e-4)
    assert (old * new).sum(1).max() < 0.999  # what was written is what was learned


@pytest.mark.torch
def test_what_answers_no_more_than_before_is_not_written(catalog, photos, tmp_path, monkeypatch):
    monkeypatch.setattr("indexer.training.dataset.FEWEST_QUERIES", 6)
    adapt, params = adapting(rate=0.0, steps=2)  # it cannot learn anything
    from indexer.training.network import Network, Shape
    from indexer.training.quantize import quantize_file

    monkeypatch.setattr(adapt, "_RANGE_PICTURES", 48)
    monkeypatch.setattr(adapt, "_SMALL_SIDE", 64)
    quantized = []

    def quantize(path, pixels):
        quantized.append((path.name, len(pixels)))
        return quantize_file(path, pixels)

    monkeypatch.setattr(adapt, "quantize_file", quantize)
    start = export_small(Network(Shape(0.1, 0.3)), tmp_path / "start.onnx", 64)
    out = tmp_path / "same.onnx"
    done = adapt.adapt(
        start, dataset_of(catalog, tmp_path, photos), out, params, name="same", report=quiet
    )
    # The same weights, but in whole numbers learned from other pictures: an answer may turn.
    assert quantized == [("same.onnx", 48)]
    assert done.after[:, 0].sum() - done.before[:, 0].sum() < 2
    assert not done.written
    assert not out.exists()


@pytest.mark.torch
def test_a_file_of_another_network_cannot_be_trained_on(catalog, photos, tmp_path, monkeypatch):
    onnx = pytest.importorskip("onnx")
    monkeypatch.setattr("indexer.training.dataset.FEWEST_QUERIES", 6)
    adapt, params = adapting()
    dataset = dataset_of(catalog, tmp_path, photos)
    foreign = tmp_path / "foreign.onnx"
    model = onnx.load(BUILTIN)
    del model.metadata_props[:]
    onnx.save(model, foreign)
    side = json.loads(BUILTIN.with_suffix(".json").read_text())
    foreign.with_suffix(".json").write_text(json.dumps(side))
    with pytest.raises(EncoderNotFound, match=r"cannot train on .*does not name its shape"):
        adapt.adapt(foreign, dataset, tmp_path / "x.onnx", params, name="x", report=quiet)


@pytest.mark.torch
def test_a_file_of_another_input_shape_cannot_be_trained_on(catalog, photos, tmp_path, monkeypatch):
    monkeypatch.setattr("indexer.training.dataset.FEWEST_QUERIES", 6)
    adapt, params = adapting()
    dataset = dataset_of(catalog, tmp_path, photos)
    other = tmp_path / "other.onnx"
    other.write_bytes(BUILTIN.read_bytes())
    side = json.loads(BUILTIN.with_suffix(".json").read_text())
    other.with_suffix(".json").write_text(json.dumps({**side, "size": 96}))
    with pytest.raises(EncoderNotFound, match="does not run as its JSON file says"):
        adapt.adapt(other, dataset, tmp_path / "x.onnx", params, name="x", report=quiet)
    assert not (tmp_path / "x.onnx").exists()
