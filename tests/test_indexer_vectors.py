"""The FAISS index: nearest rows, exactly, best first."""

from __future__ import annotations

import builtins

import numpy as np
import pytest

from indexer.arrays import unit
from indexer.errors import IndexCorrupt, IndexMismatch, VitrineError
from indexer.vectors.contract import Contract
from indexer.vectors.index import VectorIndex
from indexer.vectors.row_table import RowTable

# Four directions of the plane under row numbers that are not their positions.
ROWS = np.array([3, 5, 8, 40])
PLANE = np.array([[1, 0], [0, 1], [-1, 0], [0.6, 0.8]], dtype=np.float32)
EAST = np.array([[1, 0]], dtype=np.float32)


@pytest.fixture
def index() -> VectorIndex:
    return VectorIndex.build(PLANE, ROWS)


def test_the_nearest_rows_come_best_first_with_their_cosine(index):
    rows, scores = index.search(EAST, 4)
    assert rows.tolist() == [[3, 40, 5, 8]]
    assert scores[0] == pytest.approx([1, 0.6, 0, -1])


def test_each_query_has_its_own_line(index):
    rows, scores = index.search(np.concatenate([EAST, -EAST]), 1)
    assert rows.tolist() == [[3], [8]]
    assert scores.tolist() == [[1], [1]]


def test_where_fewer_rows_exist_the_tail_is_minus_one_and_minus_infinity(index):
    rows, scores = index.search(EAST, 6)
    assert rows[0, 4:].tolist() == [-1, -1]
    assert scores[0, 4:].tolist() == [-np.inf, -np.inf]


def test_only_allowed_positions_are_found(index):
    rows, scores = index.search(EAST, 3, np.array([False, True, True, False]))
    assert rows.tolist() == [[5, 8, -1]]
    assert scores[0].tolist() == [0, -1, -np.inf]


def test_where_nothing_is_allowed_nothing_is_found(index):
    rows, scores = index.search(EAST, 2, np.zeros(4, dtype=np.bool_))
    assert rows.tolist() == [[-1, -1]]
    assert np.isneginf(scores).all()


def test_an_empty_index_finds_nothing():
    empty = VectorIndex.build(np.empty((0, 2), dtype=np.float32), np.empty(0, dtype=np.int64))
    rows, scores = empty.search(EAST, 2)
    assert (len(empty), rows.tolist()) == (0, [[-1, -1]])
    assert np.isneginf(scores).all()


def test_no_query_gives_no_answer(index):
    rows, scores = index.search(np.empty((0, 2), dtype=np.float32), 3)
    assert rows.shape == scores.shape == (0, 3)


@pytest.mark.parametrize("shape", [(1, 3), (2,), (1, 1, 2)])
def test_a_query_of_another_dimension_is_a_mismatch(index, shape):
    with pytest.raises(IndexMismatch, match="does not fit an index of dimension 2"):
        index.search(np.ones(shape, dtype=np.float32), 1)


def test_positions_lead_back_from_rows(index):
    assert RowTable(index.rows).positions_of(np.array([40, 3, 8])).tolist() == [3, 0, 2]


def test_rows_need_not_rise():
    index = VectorIndex.build(PLANE, np.array([40, 3, 8, 5]))
    assert RowTable(index.rows).positions_of(np.array([3, 5, 8, 40])).tolist() == [1, 3, 2, 0]


def test_search_agrees_with_numpy_on_random_vectors(rng):
    vectors = unit(rng.normal(size=(500, 16)))
    rows = rng.permutation(1000)[:500]
    queries = unit(rng.normal(size=(20, 16)))
    allowed = rng.random(500) < 0.3
    found, scores = VectorIndex.build(vectors, rows).search(queries, 10, allowed)
    likeness = np.where(allowed, queries @ vectors.T, -np.inf)  # (20, 500)
    order = np.argsort(-likeness, axis=1)[:, :10]
    assert found.tolist() == rows[order].tolist()
    assert scores == pytest.approx(np.take_along_axis(likeness, order, axis=1), abs=1e-6)


@pytest.mark.parametrize("recipe", ["Flat", "Flat-fp16"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 1.0])
def test_allowed_rows_are_found_alike_however_they_are_reached(monkeypatch, rng, recipe, share):
    index = VectorIndex.build(unit(rng.normal(size=(600, 16))), np.arange(600), recipe)
    queries = unit(rng.normal(size=(3, 16)))
    allowed = rng.random(600) < share

    def found(copied: int, block: int) -> tuple[list, list]:
        monkeypatch.setattr("indexer.vectors.index._COPY_BYTES", copied)
        monkeypatch.setattr("indexer.vectors.index._BLOCK_BYTES", block)
        rows, scores = index.search(queries, 12, allowed)
        return rows.tolist(), scores.tolist()

    looked_up = found(copied=-1, block=0)
    assert found(copied=64, block=1 << 20) == looked_up
    assert found(copied=64, block=300) == looked_up  # some rows at a time, fewer than are wanted


def test_an_index_that_was_saved_answers_the_same(index, tmp_path):
    index.save(tmp_path / "v", tmp_path / "r.npy")
    again = VectorIndex.load(tmp_path / "v", tmp_path / "r.npy")
    assert again.rows.tolist() == ROWS.tolist()
    assert again.dim == 2
    assert again.search(EAST, 4)[0].tolist() == index.search(EAST, 4)[0].tolist()


@pytest.mark.parametrize("file", ["v", "r.npy"])
@pytest.mark.parametrize("content", [b"", b"rubbish" * 99])
def test_files_that_are_no_index_are_corrupt(index, tmp_path, file, content):
    index.save(tmp_path / "v", tmp_path / "r.npy")
    (tmp_path / file).write_bytes(content)
    with pytest.raises(IndexCorrupt, match="cannot be read"):
        VectorIndex.load(tmp_path / "v", tmp_path / "r.npy")


def test_a_row_table_of_another_length_is_corrupt(index, tmp_path):
    index.save(tmp_path / "v", tmp_path / "r.npy")
    with (tmp_path / "r.npy").open("wb") as file:
        np.save(file, ROWS[:3])
    with pytest.raises(IndexCorrupt, match="holds 4 vectors, its row table 3 rows"):
        VectorIndex.load(tmp_path / "v", tmp_path / "r.npy")


def test_a_row_table_with_objects_in_it_is_never_unpickled(index, tmp_path):
    index.save(tmp_path / "v", tmp_path / "r.npy")
    with (tmp_path / "r.npy").open("wb") as file:
        np.save(file, np.array([{}, {}, {}, {}], dtype=object), allow_pickle=True)
    with pytest.raises(IndexCorrupt, match="allow_pickle=False"):
        VectorIndex.load(tmp_path / "v", tmp_path / "r.npy")


@pytest.mark.parametrize(
    ("kind", "shape"), [("<f8", (4,)), ("<U4", (4,)), ("<i8", (2, 2)), ("<i8", ())]
)
def test_a_row_table_of_another_kind_is_corrupt(index, tmp_path, kind, shape):
    index.save(tmp_path / "v", tmp_path / "r.npy")
    np.save(tmp_path / "r.npy", np.zeros(shape, dtype=kind))
    with pytest.raises(IndexCorrupt, match=r"r.npy should be int64 \(n,\), it is"):
        VectorIndex.load(tmp_path / "v", tmp_path / "r.npy")


def test_a_row_table_that_claims_terabytes_is_corrupt(index, tmp_path):
    index.save(tmp_path / "v", tmp_path / "r.npy")
    head, tail = (tmp_path / "r.npy").read_bytes().split(b"(4,)", 1)
    lying = b"(4000000000000,)"  # in place of spaces that fill the header
    (tmp_path / "r.npy").write_bytes(head + lying + tail.replace(b" " * 12, b"", 1))
    with pytest.raises(IndexCorrupt, match="cannot be read: Unable to allocate"):
        VectorIndex.load(tmp_path / "v", tmp_path / "r.npy")


@pytest.mark.parametrize(
    ("factory", "metric", "recipe", "found"),
    [
        ("Flat", "METRIC_L2", "Flat", "it is IndexFlat by L2"),
        ("Flat", "METRIC_L1", "Flat", "it is IndexFlat by metric 2"),
        ("SQfp16", "METRIC_L2", "Flat-fp16", "it is IndexScalarQuantizer by L2, QT_fp16"),
        ("SQbf16", "METRIC_INNER_PRODUCT", "Flat-fp16", "by inner product, codec "),
        ("HNSW24_SQfp16", "METRIC_L2", "HNSW24-fp16", "it is IndexHNSWSQ by L2, 24 neighbors"),
        ("HNSW16_SQfp16", "METRIC_INNER_PRODUCT", "HNSW24-fp16", "16 neighbors"),
        ("LSH", "METRIC_L2", "Flat", "it is IndexLSH by L2"),
        ("IVF4,Flat", "METRIC_INNER_PRODUCT", "Flat", "it is IndexIVFFlat by inner product"),
        ("PCA4,Flat", "METRIC_INNER_PRODUCT", "Flat", "it is IndexPreTransform by inner product"),
        ("IDMap,Flat", "METRIC_INNER_PRODUCT", "Flat", "it is IndexIDMap by inner product"),
    ],
)
def test_an_index_of_another_kind_or_metric_is_corrupt(
    rng, tmp_path, factory, metric, recipe, found
):
    faiss = pytest.importorskip("faiss")
    vectors, rows = tmp_path / "v.faiss", tmp_path / "rows.npy"
    other = faiss.index_factory(8, factory, getattr(faiss, metric))
    values = rng.standard_normal((200, 8)).astype(np.float32)
    other.train(values)
    if factory.startswith("IDMap"):
        other.add_with_ids(values, np.arange(200))
    else:
        other.add(values)
    faiss.write_index(other, str(vectors))
    np.save(rows, np.arange(200))
    with pytest.raises(
        IndexCorrupt, match=r"v\.faiss should be Index.* by inner product"
    ) as raised:
        VectorIndex.load(vectors, rows, Contract(recipe=recipe))
    assert found in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_of_no_index_is_corrupt(index, tmp_path):
    index.save(tmp_path / "v.faiss", tmp_path / "rows.npy")
    (tmp_path / "v.faiss").write_bytes(b"null")
    with pytest.raises(IndexCorrupt, match=r"v\.faiss holds no index"):
        VectorIndex.load(tmp_path / "v.faiss", tmp_path / "rows.npy")


def test_without_faiss_the_extras_are_named(monkeypatch):
    real = builtins.__import__

    def without_faiss(name, *args, **kwargs):
        if name == "faiss":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_faiss)
    with pytest.raises(VitrineError, match=r"pip install 'vitrine\[cpu\]'"):
        VectorIndex.build(PLANE, ROWS)


def test_unit_scales_rows_to_length_one_and_leaves_zeros_alone():
    scaled = unit(np.array([[3.0, 4.0], [0.0, 0.0], [-2.0, 0.0]]))
    assert scaled == pytest.approx(np.array([[0.6, 0.8], [0, 0], [-1, 0]]))
    assert scaled.dtype == np.float32
    assert unit(np.array([0.0, 5.0])).tolist() == [0, 1]


@pytest.mark.parametrize("rows", [[3, 5, 8, 40], [40, 3, 8, 5]], ids=["rising", "not rising"])
def test_a_row_that_an_index_lacks_has_no_position(rows):
    table = RowTable(np.array(rows))
    asked = [0, 3, 4, 40, 41, 8]
    expected = [rows.index(row) if row in rows else -1 for row in asked]
    assert table.positions_of(np.array(asked)).tolist() == expected
    assert [table.position_of(row) for row in asked] == expected


def test_an_index_without_rows_has_no_positions():
    table = RowTable(np.empty(0, np.int64))
    assert table.positions_of(np.array([0, 7])).tolist() == [-1, -1]
    assert table.position_of(7) == -1
