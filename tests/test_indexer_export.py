"""An export holds every item, and indexing it gives the same shop."""

from __future__ import annotations

import csv
import io
import json
from contextlib import closing, contextmanager
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from indexer.catalog import parquetfile
from indexer.catalog.item_parser import text_from
from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.errors import CannotWrite
from indexer.items import Item, Skipped, clean_id
from indexer.jobs.build import build_index
from indexer.shop.export import (
    ExportReport,
    attribute_columns,
    export_items,
    row_of,
    writer_of,
)
from indexer.shop.folder import ShopFolder
from indexer.store.store import Store
from tests.conftest import COLORS, plain

ENDINGS = ["csv", "jsonl", "parquet"]
RECORDS = [
    {
        "id": "a", "product_id": "p", "title": 'A "quoted", red\nmug; x', "description": "B",
        "categories": ["Home/Mugs", "Sale"], "price": 12.5, "currency": "EUR", "in_stock": False,
        "url": "https://shop.example/a?b=1", "images": ["red.png", "blue.png"],
        "attributes": {"color": "red", "sizes": ["S", "M"], "new": True, "weight": 1.5},
    },
    {
        "id": "ü", "title": "=1+1", "images": ["blue.png"], "description": "'+1 and ''0012",
        "attributes": {"price": "low", "@SUM(A1)": "-2+3", "degrees": "-5", "code": "'0012"},
        "categories": ["Food, Drinks & Snacks"],
    },
    {
        "id": "z", "price": 0, "images": ["red.png", "none.png"],
        "categories": ["Home; Garden", "Sale"],
    },
]  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path) -> ShopFolder:
    folder = tmp_path / "catalog"
    folder.mkdir()
    for color in ("red", "blue"):
        plain(COLORS[color], 24).save(folder / f"{color}.png")
    lines = "".join(json.dumps(record) + "\n" for record in RECORDS)
    (folder / "catalog.jsonl").write_text(lines, encoding="utf-8")
    found = ShopFolder(tmp_path / "shop")
    build_index(open_catalog(folder / "catalog.jsonl"), found, ColorEncoder())
    return found


@pytest.fixture(scope="module")
def within_one_process():
    """Parquet is read in this process, since one of its own takes half a second to start."""

    @contextmanager
    def written_by(write, path):
        out = io.BytesIO()
        write(str(path), out)
        yield io.BytesIO(out.getvalue())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquetfile, "written_by", written_by)
        yield


def items_of(shop: ShopFolder) -> dict[str, Item]:
    with Store(shop.store) as store, store.read() as reader:
        return {record.item.item_id: record.item for record in reader.items()}


def test_no_cell_of_a_csv_export_is_a_formula(shop, tmp_path):
    export_items(shop, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    cells = [*header, *(cell for row in rows for cell in row)]
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))] == ["-5"]
    assert "'=1+1" in cells


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_export_is_a_catalog_of_the_same_items(shop, tmp_path, within_one_process, ending):
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / "catalog" / f"export.{ending}"
    report = export_items(shop, path)
    assert report == ExportReport(str(path), 3, 4)
    entries = list(open_catalog(path))
    assert [entry for entry in entries if isinstance(entry, Skipped)] == []
    found = {entry.item.item_id: entry.item for entry in entries if not isinstance(entry, Skipped)}
    before = items_of(shop)
    assert list(found) == ["a", "z", "ü"]  # in byte order
    for field in ("product_id", "title", "categories", "price", "currency", "in_stock", "url"):
        for item_id, item in found.items():
            assert getattr(item, field) == getattr(before[item_id], field), field
    assert found["a"].images == ["red.png", "blue.png"]
    assert found["z"].images == ["red.png"]  # the other could not be read
    assert found["ü"].description == before["ü"].description == "'+1 and ''0012"
    assert found["ü"].attributes.items() >= {"@SUM(A1)": "-2+3", "degrees": "-5"}.items()
    assert found["ü"].attributes["code"] == "'0012"
    assert found["a"].attributes["sizes"] == ["S", "M"]
    assert found["a"].attributes == before["a"].attributes
    assert found["ü"].attributes == before["ü"].attributes


# Names that mean something in other tables, names that no column can have, cells that are read as
# something else, and texts of every script.
NAMES = st.sampled_from(
    ["status", "active", "sku", "price", "id", "attributes", "Title", "column 1", "a.jpg", "=A1",
     "a;b|c\td", "tags", "cost", "weight:number", "vitrine_export", "x\ny", "'5",
     "variants", "尺寸"]
)  # fmt: skip
TEXTS = st.sampled_from(
    ["draft", "0", "false", "12.50", "0012", "a;b", "A > B / C", '["a"]', '"q', "=1+1", "'=x", "#",
     "&amp;", "<b>x</b>", "line\r\nbreak", "NaN", "null", "{}", "x<endrecord>", "# x", "Total"]
) | st.text(max_size=8).map(text_from).filter(bool)  # fmt: skip
VALUES = TEXTS | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
IDS = TEXTS.map(clean_id).filter(lambda text: text.strip(".") and text.isprintable())
ITEMS = st.builds(
    Item,
    item_id=IDS,
    product_id=IDS,
    title=TEXTS,
    description=TEXTS,
    categories=st.lists(TEXTS.map(lambda text: text.strip("/")).filter(bool), max_size=3),
    price=st.none() | st.floats(0, 1e9),
    currency=st.sampled_from(["", "EUR", "USD"]),
    in_stock=st.booleans(),
    url=st.sampled_from(["", "https://shop.example/a?b=1,2;3", "/a"]),
    attributes=st.dictionaries(NAMES | TEXTS, VALUES | st.lists(TEXTS, min_size=1, max_size=3)),
    images=st.lists(
        st.sampled_from(["a.jpg", "b, c.jpg", "d;e.png", "https://e.example/f.jpg"]), unique=True
    ),
)


@pytest.mark.parametrize("ending", ENDINGS)
@hypothesis.settings(max_examples=10)
@hypothesis.given(st.lists(ITEMS, min_size=1, max_size=4, unique_by=lambda item: item.item_id))
def test_whatever_items_a_shop_has_an_export_gives_them_back(
    tmp_path_factory, within_one_process, ending, items
):
    path = tmp_path_factory.mktemp("export") / f"items.{ending}"
    writer = writer_of(path, path, attribute_columns(items), has_vectors=False)
    with closing(writer):
        writer.write([row_of(item, item.images) for item in items])
    entries = list(open_catalog(path))
    assert [entry.item for entry in entries if not isinstance(entry, Skipped)] == items
    assert len(entries) == len(items)  # nothing is reported


def test_what_a_person_changes_in_an_export_is_read_as_in_any_table(shop, tmp_path):
    export_items(shop, tmp_path / "catalog" / "a.csv")
    text = (tmp_path / "catalog" / "a.csv").read_text(encoding="utf-8")
    text = text.replace("12.5,EUR,false", '"1.299,50 €",,sold out').replace(",1.5,", ",heavy,")
    (tmp_path / "catalog" / "a.csv").write_text(text, encoding="utf-8")
    item = next(iter(open_catalog(tmp_path / "catalog" / "a.csv"))).item
    assert (item.price, item.currency, item.in_stock) == (1299.5, "EUR", False)
    assert item.attributes["weight"] == "heavy"


def test_a_csv_has_a_column_for_each_attribute(shop, tmp_path):
    export_items(shop, tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert (rows[0]["color"], rows[0]["sizes"], rows[0]["new"]) == ("red", '["S","M"]', "true")
    assert rows[0]["weight:number"] == "1.5"
    others = {"@SUM(A1)": "-2+3", "price": "low"}  # names that are no columns of their own
    assert (json.loads(rows[2]["attributes"]), rows[2]["price"]) == (others, "")


@pytest.mark.parametrize("ending", ENDINGS)
def test_with_vectors_each_image_has_its_own(shop, tmp_path, within_one_process, ending):
    path = tmp_path / "catalog" / f"export.{ending}"
    if ending == "parquet":
        pq = pytest.importorskip("pyarrow.parquet")
    report = export_items(shop, path, vectors=True)
    assert report.encoder == "color"
    if ending == "parquet":
        rows = pq.read_table(path).to_pylist()
    elif ending == "csv":
        with path.open(encoding="utf-8", newline="") as file:
            rows = [
                row | {"embeddings": json.loads(row["embeddings"])} for row in csv.DictReader(file)
            ]
    else:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [len(row["embeddings"]) for row in rows] == [2, 1, 1]
    square = np.full((24, 24, 3), COLORS["red"], dtype=np.uint8)
    (vector,) = ColorEncoder().encode_images([square])
    assert np.allclose(rows[0]["embeddings"][0], vector, atol=2e-3)
    entries = list(open_catalog(path))
    assert all("embeddings" not in entry.item.attributes for entry in entries)


def test_an_export_that_cannot_be_written_leaves_no_file(shop, tmp_path):
    with pytest.raises(CannotWrite, match=r"ending in \.csv, .*got '\.doc'"):
        export_items(shop, tmp_path / "a.doc")
    with pytest.raises(CannotWrite, match=r"cannot write .*a\.csv"):
        export_items(shop, tmp_path / "none" / "a.csv")
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(CannotWrite, match=r"cannot write .*a\.csv"):
        export_items(shop, tmp_path / "a.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "catalog", "shop"]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs the list of open files")
@pytest.mark.parametrize("ending", ENDINGS)
def test_an_export_that_is_interrupted_leaves_no_file_open(shop, tmp_path, ending):
    if ending == "parquet":
        pytest.importorskip("pyarrow")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_items(shop, tmp_path / f"items.{ending}", progress=stop)
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    opened = [str(link.readlink()) for link in links]
    assert not [name for name in opened if str(tmp_path) in name]
    assert list(tmp_path.glob(".items*")) == []
