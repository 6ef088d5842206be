"""The checkup of a shop: quiet while all is well, and naming what is not."""

from __future__ import annotations

import shutil
from pathlib import Path

import faiss
import numpy as np
import pytest

from indexer.encoders.base import Model
from indexer.encoders.color import ColorEncoder
from indexer.errors import IndexNotFound
from indexer.items import ORIGINAL, Item
from indexer.jobs.migrate import migrate
from indexer.shop.checkup import Checkup, check_shop
from indexer.shop.folder import ShopFolder
from indexer.shop.manifest import MANIFEST, _seal
from indexer.shop.promotion import drop
from indexer.store.pictures import set_images
from indexer.store.records import PictureKey, Row
from indexer.store.store import Store
from indexer.writing.writes import Draft, ImageInput, put_items
from tests.conftest import COLORS, write_catalog
from tests.twomodels import NEW, OtherColors, silent

COLOR = Model("color", "0" * 64).key


@pytest.fixture
def shop(tiny_shop: Path, tmp_path) -> ShopFolder:
    shutil.copytree(tiny_shop, tmp_path / "shop")
    return ShopFolder(tmp_path / "shop")


@pytest.fixture
def store(shop):
    opened = Store(shop.store)
    yield opened
    opened.close()


def check(shop: ShopFolder) -> Checkup:
    return check_shop(shop, progress=silent)


def test_a_whole_shop_has_no_problems(shop):
    found = check(shop)
    assert found.problems == []
    assert (found.generations, found.items, found.rows, found.embeddings) == (
        ["000001"],
        12,
        24,
        18,
    )


@pytest.mark.parametrize("file", ["vectors.faiss", "rows.npy", "words.sqlite", MANIFEST])
def test_a_damaged_file_is_named(shop, file):
    path = shop.generations / "000001" / file
    path.write_bytes(path.read_bytes()[:-3])
    (problem,) = check(shop).problems
    assert file in problem


def test_a_damaged_current_or_one_that_leads_nowhere_is_told(shop):
    shop.current_file.write_text("000009")
    assert check(shop).problems == [
        f"{shop.current_file} names 000009, and there is no such generation"
    ]
    shop.current_file.write_bytes(b"\xff")
    assert "CURRENT cannot be read" in check(shop).problems[0]


def test_a_row_of_nothing_and_an_image_without_row_are_told(shop, store):
    with store.write() as writer:
        (number, row) = next(writer.rows())
        writer.delete_row(number)
        writer.put_row(1000, Row("nobody", 0, ORIGINAL, row.content))
    problems = check(shop).problems
    assert problems[0] == "2 rows and items do not agree, such as row 0"
    assert problems[1] == "row 1000 has a number that was never reserved"


def test_a_missing_embedding_is_counted(shop, store):
    with store.write() as writer:
        writer.delete_keys(writer.embedding_keys(COLOR, 1))
    (problem,) = check(shop).problems
    assert problem == "1 of 18 images lack an embedding by color"


def test_an_image_that_counts_as_lost_and_is_not_is_told(shop, store):
    with store.write() as writer:
        ((_, key),) = writer.embedding_keys(COLOR, 1)
        writer.put_embedding(COLOR, PictureKey(key[8:24]), b"")
    (problem,) = check(shop).problems
    assert problem == (
        "1 of 18 images are marked as lost for color, but have a picture; index or put them again"
    )


def test_an_index_of_other_vectors_than_the_store_has_is_told(shop):
    """A generation whose checksums hold and whose vectors are wrong: what no checksum tells."""
    folder = shop.generations / "000001"
    index = faiss.read_index(str(folder / "vectors.faiss"))
    vectors = index.reconstruct_n(0, index.ntotal)
    wrong = faiss.IndexFlatIP(index.d)
    wrong.add(np.ascontiguousarray(vectors[:, ::-1]))
    rewrite(shop, "vectors.faiss", lambda path: faiss.write_index(wrong, str(path)))
    problems = check(shop).problems
    assert len(problems) == 2
    assert "of 24 sampled rows of" in problems[0]
    assert problems[0].endswith("differ from the store")
    assert problems[1].endswith("do not find themselves")


def test_vectors_that_are_no_unit_vectors_are_told_with_their_items(shop, store):
    one = np.full(112, 112**-0.5)
    faults = {
        "zero": 0 * one,
        "not finite": np.nan * one,
        "not of length 1": 3 * one,
        "not of 112 numbers": one[:50],
    }
    with store.write() as writer:
        for color, vector in zip(COLORS, faults.values(), strict=False):
            content = writer.item(f"{color}-shoe").images[0].content
            writer.put_embedding(COLOR, PictureKey(content), vector.astype(np.float16).tobytes())
    problems = "\n".join(check(shop).problems)
    for color, fault in zip(COLORS, faults, strict=False):
        name = f"{color}-shoe images/{color}-shoe-1.jpg"
        assert f"1 of 18 embeddings by color are {fault}: {name}; delete" in problems


def test_the_vectors_of_a_candidate_are_looked_at_too(shop, store):
    migrate(shop, OtherColors(), progress=silent)
    with store.write() as writer:
        row = next(row for _, row in writer.rows())
        writer.put_embedding(Model("other", NEW).key, row.picture, bytes(224))
    (problem,) = check(shop).problems
    assert problem.startswith(f"1 of 18 embeddings by other are zero: {row.item_id} ")


def test_a_picture_that_is_neither_stored_nor_at_its_path_is_lost(shop, store, tmp_path):
    """Not one that came as an embedding alone, nor one whose file is what was indexed."""
    write_catalog(tmp_path / "catalog")
    with store.write() as writer:
        set_images(writer, tmp_path / "catalog", None)
        for item_id in ("red-shoe", "blue-shoe"):
            image = writer.item(item_id).images[0]
            writer.delete_keys([("images", image.content)])
    make = lambda _: Item(item_id="bare", product_id="bare")  # noqa: E731
    put_items(store, ColorEncoder(), [Draft("bare", make, [ImageInput("x")], np.ones((1, 112)))])
    assert check(shop).problems == []
    (tmp_path / "catalog" / "images" / "red-shoe-1.jpg").write_bytes(b"another picture")
    (problem,) = check(shop).problems
    assert problem.startswith("1 of 19 images have no picture any more, neither in the store nor")
    assert ": red-shoe images/red-shoe-1.jpg; they are found, but not shown" in problem


def test_a_picture_that_another_item_has_at_its_path_is_not_lost(shop, store, tmp_path):
    """The second picture of the red shoe is the second one of the red mug."""
    write_catalog(tmp_path / "catalog")
    with store.write() as writer:
        set_images(writer, tmp_path / "catalog", None)
        image = writer.item("red-shoe").images[1]
        assert image.content == writer.item("red-mug").images[1].content
        writer.delete_keys([("images", image.content)])
    (tmp_path / "catalog" / "images" / "red-shoe-2.jpg").unlink()
    assert check(shop).problems == []
    (tmp_path / "catalog" / "images" / "red-mug-2.jpg").unlink()
    assert len(check(shop).problems) == 1


def test_other_weights_are_noted_and_no_fault(shop):
    assert check(shop).notes == []
    name = migrate(shop, OtherColors(), progress=silent).generation
    found = check(shop)
    assert (found.problems, found.notes) == (
        [],
        [f"generation {name} is of other (99999999); color (00000000) serves"],
    )
    drop(shop, name)
    (told,) = check(shop).notes
    assert told.startswith("18 embeddings are of weights that no generation uses; 'vitrine gc")


def rewrite(shop: ShopFolder, file: str, write) -> None:
    """Change a file of generation 1 and make its manifest agree."""
    import hashlib

    import msgspec

    folder = shop.generations / "000001"
    write(folder / file)
    fields = msgspec.json.decode((folder / MANIFEST).read_bytes())
    data = (folder / file).read_bytes()
    fields["files"][file] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    fields["seal"] = _seal(fields)
    (folder / MANIFEST).write_bytes(msgspec.json.encode(fields))


def test_a_store_that_cannot_be_read_is_told(shop):
    (shop.store / "data.mdb").write_bytes(b"\0" * 100)
    (problem,) = check(shop).problems
    assert "catalog.lmdb" in problem


def test_where_nothing_was_built_there_is_nothing_to_check(tmp_path):
    with pytest.raises(IndexNotFound, match="build one with 'vitrine index"):
        check(ShopFolder(tmp_path))
