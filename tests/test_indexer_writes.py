"""Live writes: what is acknowledged is stored, and what is wrong harms nothing else."""

from __future__ import annotations

import os
import pkgutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from indexer.arrays import Pixels, Vectors
from indexer.catalog.sources import open_catalog
from indexer.encoders.base import Model
from indexer.encoders.color import ColorEncoder
from indexer.errors import BadImage, UnknownItem
from indexer.items import Item
from indexer.jobs.build import build_index
from indexer.jobs.rebuild import rebuild_index
from indexer.shop.folder import ShopFolder
from indexer.store.records import PictureKey
from indexer.store.store import Store
from indexer.store.transactions import Writer
from indexer.writing import image_pipeline, writes
from indexer.writing.migration_encoders import MigrationEncoders
from indexer.writing.writes import Draft, ImageInput, delete_items, patched, put_items
from search.engine import SearchEngine
from tests.conftest import COLORS, jpeg, plain, write_catalog

ENCODER = ColorEncoder()
KEY = Model.of(ENCODER).key


def refuse() -> bytes:
    raise BadImage("no such file")


def draft(item_id: str, *colors: str, spot: int = 9, **fields) -> Draft:
    item = Item(item_id=item_id, product_id=item_id, **fields)
    pictures = {color: jpeg(plain(COLORS[color], spot=spot)) for color in colors}
    sources = [ImageInput(f"{c}.jpg", lambda data=data: data) for c, data in pictures.items()]
    return Draft(item_id, lambda _: item, sources)


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "catalog.lmdb", create=True)
    yield opened
    opened.close()


def put(store, *drafts):
    return [(one.item_id, one.status) for one in put_items(store, ENCODER, drafts)]


def stored(store):
    with store.read() as reader:
        return {record.item.item_id: record for record in reader.items()}


def test_an_item_is_created_replaced_and_left_alone_when_it_is_the_same(store):
    assert put(store, draft("a", "red")) == [("a", "created")]
    assert put(store, draft("a", "red")) == [("a", "unchanged")]
    assert put(store, draft("a", "red", title="New")) == [("a", "updated")]
    with store.read() as reader:
        assert reader.sequence == 2
        assert reader.has_embedding(KEY, PictureKey(reader.item("a").images[0].content))
        assert reader.item("a").item.title == "New"


def test_one_bad_item_and_one_bad_image_lose_nothing_else(store):
    good = draft("good", "red", "blue")
    half = draft("half", "green")
    half = half._replace(
        images=[ImageInput("no.jpg", refuse), *half.images, ImageInput("x", lambda: b"junk")]
    )
    torn = jpeg(plain(COLORS["red"]))[:400]
    bad = draft("bad")._replace(images=[ImageInput("torn.jpg", lambda: torn)])
    outcomes = put_items(store, ENCODER, [bad, good, half, draft("none")])
    assert [(one.item_id, one.status) for one in outcomes] == [
        ("bad", "refused"),
        ("good", "created"),
        ("half", "created"),
        ("none", "refused"),
    ]
    assert outcomes[0].reason == "no image that can be read"
    assert "a broken JPEG image" in outcomes[0].images[0].reason
    assert [(one.image, one.reason[:12]) for one in outcomes[2].images] == [
        ("no.jpg", "no such file"),
        ("x", "not an image"),
    ]
    assert outcomes[3].reason == "no image"
    assert sorted(stored(store)) == ["good", "half"]
    assert len(stored(store)["half"].images) == 1


def test_an_item_that_is_refused_keeps_what_is_stored_of_it(store):
    put(store, draft("a", "red", title="Old"))
    assert put(store, draft("a")._replace(images=[ImageInput("no.jpg", refuse)])) == [
        ("a", "refused")
    ]
    assert stored(store)["a"].item.title == "Old"


def test_an_item_that_names_no_images_keeps_those_it_has(store):
    put(store, draft("a", "red", "blue", title="Old"))
    rows = [image.rows for image in stored(store)["a"].images]
    assert put(store, draft("a", title="New")._replace(images=None)) == [("a", "updated")]
    record = stored(store)["a"]
    assert (record.item.title, [image.rows for image in record.images]) == ("New", rows)
    assert record.item.images == ["red.jpg", "blue.jpg"]
    assert put(store, draft("b")._replace(images=None)) == [("b", "refused")]


def test_an_image_of_the_item_is_kept_by_its_name_beside_a_new_one(store):
    put(store, draft("a", "red", "blue"))
    row = stored(store)["a"].images[1].rows
    both = [ImageInput("blue.jpg"), *draft("a", "green").images, ImageInput("never.jpg")]
    (outcome,) = put_items(store, ENCODER, [draft("a")._replace(images=both)])
    assert [one.image for one in outcome.images] == ["never.jpg"]
    record = stored(store)["a"]
    assert [image.path for image in record.images] == ["blue.jpg", "green.jpg"]
    assert record.images[0].rows == row
    with store.read() as reader:
        assert len(list(reader.rows())) == 2


def test_a_patch_changes_what_it_names_and_null_is_back_to_the_default():
    old = Item(
        item_id="a", product_id="p", title="T", price=3.0, attributes={"color": "red", "size": "S"}
    )
    new = patched("a", {"price": None, "attributes": {"size": None, "fit": "slim"}}, old)
    assert (new.title, new.price, new.product_id) == ("T", None, "p")
    assert new.attributes == {"color": "red", "fit": "slim"}
    assert patched("a", {"attributes": None, "product_id": None}, old).attributes == {}
    assert patched("a", {"product_id": None}, old).product_id == "a"
    with pytest.raises(UnknownItem, match="no item 'b'"):
        patched("b", {}, None)


def test_patches_of_one_item_at_the_same_time_are_all_kept(store):
    put(store, draft("a", "red"))

    def change(name: str) -> None:
        for _ in range(10):
            make = lambda old: patched("a", {"attributes": {name: "yes"}}, old)  # noqa: E731
            put_items(store, ENCODER, [Draft("a", make)])

    threads = [threading.Thread(target=change, args=(f"n{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(stored(store)["a"].item.attributes) == ["n0", "n1", "n2", "n3"]


@pytest.mark.parametrize("length", [7, 1e30, 1e-30])
def test_embeddings_that_are_given_are_stored_of_unit_length_and_apart_from_the_picture(
    store, length
):
    data = jpeg(plain(COLORS["red"]))
    vectors = np.eye(3, ENCODER.dim, dtype=np.float32) * np.float32(length)
    item = Item(item_id="v", product_id="v")
    sources = [
        ImageInput("with.jpg", lambda: data),
        ImageInput("name only"),
        ImageInput("junk", lambda: b"x"),
    ]
    (outcome,) = put_items(store, ENCODER, [Draft("v", lambda _: item, sources, vectors)])
    assert [one.image for one in outcome.images] == ["junk"]
    put(store, draft("r", "red")._replace(images=[ImageInput("p.jpg", lambda: data)]))
    records = stored(store)
    with store.read() as reader:
        pairs = [PictureKey(image.content) for image in records["v"].images]
        assert reader.embeddings(KEY, pairs, ENCODER.dim).tolist() == np.eye(2, 112).tolist()
        assert reader.image(PictureKey(records["v"].images[0].content))
        assert reader.image(PictureKey(records["v"].images[1].content)) is None
        encoded = reader.embeddings(KEY, [PictureKey(records["r"].images[0].content)], 112)
    assert encoded[0, 0] != 1.0


def test_deleting_says_what_was_there(store):
    put(store, draft("a", "red"), draft("b", "red"))
    outcomes = delete_items(store, ["a", "ghost", "", "a"])
    assert [one.status for one in outcomes] == ["deleted", "unknown", "unknown", "unknown"]
    assert sorted(stored(store)) == ["b"]
    with store.read() as reader:
        assert [row.item_id for _, row in reader.rows()] == ["b"]


def test_a_sweep_between_encoding_and_storing_loses_no_embedding(store, monkeypatch):
    put(store, draft("a", "red"))
    swept: list[int] = []
    prepared = writes._ChunkWriter._encode

    def encode(self, ready):
        prepared(self, ready)
        if not swept:
            delete_items(store, ["a"])
            swept.append(store.delete_unused())

    monkeypatch.setattr(writes._ChunkWriter, "_encode", encode)
    assert put(store, draft("b", "red")) == [("b", "created")]
    assert swept == [2]
    with store.read() as reader:
        (image,) = reader.item("b").images
        assert reader.has_embedding(KEY, PictureKey(image.content))
        assert reader.image(PictureKey(image.content))


def test_a_sweep_that_is_halfway_through_leaves_no_item_without_its_picture(store, monkeypatch):
    put(store, draft("a", "red"))
    prepared = writes._ChunkWriter._encode
    delete_keys = Writer.delete_keys
    swept: list[str] = []

    def delete_one(self, keys):
        if swept:
            raise KeyboardInterrupt
        swept.extend(database for database, _ in keys)
        delete_keys(self, keys)

    def encode(self, ready):
        prepared(self, ready)
        if not swept:
            delete_items(store, ["a"])
            with pytest.raises(KeyboardInterrupt):
                store.delete_unused()

    monkeypatch.setattr("indexer.store.store._DELETED_AT_ONCE", 1)
    monkeypatch.setattr(Writer, "delete_keys", delete_one)
    monkeypatch.setattr(writes._ChunkWriter, "_encode", encode)
    assert put(store, draft("b", "red")) == [("b", "created")]
    assert len(swept) == 1
    with store.read() as reader:
        (image,) = reader.item("b").images
        assert reader.has_embedding(KEY, PictureKey(image.content))
        assert reader.image(PictureKey(image.content))


def test_an_upload_of_a_picture_that_a_catalog_only_named_can_be_shown(tmp_path):
    catalog = write_catalog(tmp_path / "catalog")
    build_index(open_catalog(catalog), ShopFolder(tmp_path / "shop"), ENCODER, keep_images="paths")
    data = (tmp_path / "catalog/images/red-mug-1.jpg").read_bytes()
    uploaded = draft("new")._replace(images=[ImageInput("upload", lambda: data)])
    with SearchEngine.open(tmp_path / "shop") as engine:
        assert engine.put([uploaded])[0].status == "created"
        assert engine.thumbnail("new").startswith(b"\xff\xd8")


def test_a_picture_that_many_items_share_is_decoded_once(tmp_path, monkeypatch):
    decoded: list[int] = []
    run = image_pipeline.open_photo

    def counting(data, *preprocess, **options):
        decoded.append(len(data))
        return run(data, *preprocess, **options)

    (tmp_path / "one.jpg").write_bytes(jpeg(plain(COLORS["red"])))
    lines = "\n".join(f"i{n},one.jpg" for n in range(40))
    (tmp_path / "catalog.csv").write_text(f"id,images\n{lines}\n")
    monkeypatch.setattr(image_pipeline, "open_photo", counting)
    report = build_index(
        open_catalog(tmp_path / "catalog.csv"), ShopFolder(tmp_path / "shop"), ENCODER
    )
    assert (report.items, report.encoded, report.reused) == (40, 1, 39)
    assert len(decoded) == 1


def test_broken_pixels_that_many_items_share_are_told_of_each(tmp_path):
    (tmp_path / "torn.jpg").write_bytes(jpeg(plain(COLORS["red"]))[:500])
    (tmp_path / "good.jpg").write_bytes(jpeg(plain(COLORS["red"])))
    lines = "\n".join(f"i{n},torn.jpg;good.jpg" for n in range(20))
    (tmp_path / "catalog.csv").write_text(f"id,images\n{lines}\n")
    report = build_index(
        open_catalog(tmp_path / "catalog.csv"), ShopFolder(tmp_path / "shop"), ENCODER
    )
    assert [(one.item_id, one.image) for one in report.skipped] == [
        (f"i{n}", "torn.jpg") for n in range(20)
    ]
    assert report.rows == 20


def test_what_is_written_while_a_catalog_is_indexed_stays_as_it_was_left(tmp_path, monkeypatch):
    catalog = write_catalog(tmp_path / "catalog")
    shop = ShopFolder(tmp_path / "shop")
    build_index(open_catalog(catalog), shop, ENCODER)
    import indexer.jobs.build as build

    embed_catalog = build.embed_catalog

    def embed_while_others_write(*given, **options):
        done = embed_catalog(*given, **options)
        store = Store(shop.store)
        put(store, draft("new", "red"), draft("red-mug", "green", title="Put meanwhile"))
        delete_items(store, ["blue-mug"])
        store.close()
        return done

    text = catalog.read_text().splitlines()
    kept = [line for line in text if not line.startswith("white-")]
    catalog.write_text("\n".join(kept).replace("Red mug", "From the catalog") + "\n")
    monkeypatch.setattr(build, "embed_catalog", embed_while_others_write)
    build_index(open_catalog(catalog), shop, ENCODER)
    with SearchEngine.open(shop.path) as engine:
        assert engine.has_item("new")
        assert engine.item("red-mug").title == "Put meanwhile"
        assert not engine.has_item("blue-mug")
        assert not engine.has_item("white-mug")
        assert engine.has_item("black-mug")


class Trained(ColorEncoder):
    """The same encoder with other weights: its vectors are others."""

    weights_hash = "f" * 64

    def encode_images(self, images: Sequence[Pixels]) -> Vectors:
        return np.roll(super().encode_images(images), 1, axis=1)


@pytest.mark.parametrize("moment", ["jobs.build.embed_catalog", "jobs.index_choice.calibrate"])
@pytest.mark.slow
def test_what_is_written_while_new_weights_are_indexed_is_found_by_them(
    tmp_path, monkeypatch, moment
):
    """A service that still has the old weights writes: before the index is laid out, and after."""
    catalog = open_catalog(write_catalog(tmp_path / "catalog"))
    shop = ShopFolder(tmp_path / "shop")
    build_index(catalog, shop, ENCODER)
    step = pkgutil.resolve_name(f"indexer.{moment}")

    def write_first(*given, **named):
        with Store_of(shop) as store:
            others = MigrationEncoders(store, ENCODER, load=lambda *_: Trained())
            put_items(store, ENCODER, [draft("new", "red", spot=33)], migration_encoders=others)
        return step(*given, **named)

    monkeypatch.setattr(f"indexer.{moment}", write_first)
    assert build_index(catalog, shop, Trained()).published
    with SearchEngine.open(shop.path, encoder=Trained()) as engine:
        hits = engine.by_image(jpeg(plain(COLORS["red"])), k=3)
    assert sorted(hit.item_id for hit in hits) == ["new", "red-mug", "red-shoe"]
    rebuild_index(shop, Trained())


@pytest.mark.slow
def test_a_rebuild_brings_everything_into_the_index_and_shortens_the_log(make_shop):
    folder = ShopFolder(make_shop())
    with Store_of(folder) as store:
        put(store, draft("new", "red", spot=30, title="Fresh"))
        delete_items(store, ["blue-mug"])
    before = shop_answers(folder.path)
    report = rebuild_index(folder, ENCODER)
    assert (report.published, report.items, report.rows) == (True, 12, 23)
    assert shop_answers(folder.path) == before
    with SearchEngine.open(folder.path) as engine:
        assert engine.backlog() == (0, 0, 23)
    assert rebuild_index(folder, ENCODER).published is False
    for _ in range(3):  # until no generation from before the writes is kept
        with Store_of(folder) as store:
            put(store, draft("new", "red", spot=30, title=os.urandom(4).hex()))
        rebuild_index(folder, ENCODER)
    with Store_of(folder) as store, store.read() as reader:
        assert reader.count("changes") <= 2
        assert reader.changes_since(0) is None


class Store_of:  # noqa: N801 - reads as what it is
    """The store of a shop, closed at the end of the block."""

    def __init__(self, shop: ShopFolder) -> None:
        self.store = Store(shop.store)

    def __enter__(self) -> Store:
        return self.store

    def __exit__(self, *exc: object) -> None:
        self.store.close()


def shop_answers(shop: Path) -> list[tuple[str, float]]:
    with SearchEngine.open(shop) as engine:
        hits = engine.by_image(jpeg(plain(COLORS["red"], spot=30)), k=20)
        return [(hit.item_id, round(hit.score, 4)) for hit in hits]


WRITER = """
import sys
from pathlib import Path
import numpy as np
from indexer.writing.migration_encoders import MigrationEncoders
from indexer.encoders.color import ColorEncoder
from indexer.items import Item
from indexer.store.store import Store
from indexer.writing.writes import Draft, ImageInput, delete_items, put_items
store, encoder = Store(Path(sys.argv[1])), ColorEncoder()
rng = np.random.default_rng(int(sys.argv[2]))
n = 0
while True:
    n += 1
    item = Item(item_id=f"w{n}", product_id=f"w{n}")
    vector = rng.normal(size=(1, encoder.dim)).astype(np.float32)
    put_items(store, encoder, [Draft(item.item_id, lambda _: item, [ImageInput("")], vector)])
    print("put", n, flush=True)
    if n % 3 == 0:
        delete_items(store, [f"w{n - 1}"])
        print("delete", n - 1, flush=True)
"""


@pytest.mark.parametrize("lines", [1, 20, 47])
@pytest.mark.slow
def test_a_writer_that_is_killed_has_lost_nothing_that_it_acknowledged(tmp_path, lines):
    Store(tmp_path / "s", create=True).close()
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, tmp_path / "s", str(lines)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(lines)]
    process.send_signal(signal.SIGKILL)
    said += process.stdout.readlines()
    process.wait()
    process.stdout.close()
    said = [line.split() for line in said if line.endswith("\n")]
    store = Store(tmp_path / "s")
    records = stored(store)
    kept = {f"w{number}" for verb, number in said if verb == "put"}
    kept -= {f"w{number}" for verb, number in said if verb == "delete"}
    last = max(int(number) for verb, number in said if verb == "put")
    # What was under way when it died may have reached the disk without having been told.
    assert kept - {f"w{last - 1}"} <= set(records) <= kept | {f"w{last + 1}"}
    with store.read() as reader:
        rows = {row.item_id for _, row in reader.rows()}
        assert rows == set(records)
        for record in records.values():
            assert reader.has_embedding(KEY, PictureKey(record.images[0].content))
    assert put(store, draft("after", "red")) == [("after", "created")]  # its lock is not held
    store.close()
