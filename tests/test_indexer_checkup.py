"""The checkup of a shop: quiet while all is well, and naming what is not."""

from __future__ import annotations

import shutil
from pathlib import Path

import faiss
import numpy as np
import pytest

from indexer.checkup import Checkup, check_shop
from indexer.errors import IndexNotFound
from indexer.generation import MANIFEST, ShopFolder, _seal
from indexer.items import ORIGINAL
from indexer.store import Row, Store, encoder_key
from tests.test_indexer_succession import silent

COLOR = encoder_key("color", "0" * 64)


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
    assert problems[1] == "row 1000 has a number that is yet to be given out"


def test_a_missing_embedding_is_counted(shop, store):
    with store.write() as writer:
        writer.delete_keys(writer.embedding_keys(COLOR, 1))
    (problem,) = check(shop).problems
    assert problem == "1 of 18 images lack an embedding by color"


def test_an_image_that_counts_as_lost_and_is_not_is_told(shop, store):
    with store.write() as writer:
        ((_, key),) = writer.embedding_keys(COLOR, 1)
        writer.put_embedding(COLOR, key[8:24], b"")
    (problem,) = check(shop).problems
    assert problem == (
        "1 of 18 images count as lost to color, and have a picture; index or put them again"
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
    assert problems[0].endswith("are not as in the store")
    assert problems[1].endswith("do not find themselves")


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
