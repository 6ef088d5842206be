"""A shop that is written to while it is searched: each answer is of one moment of it."""

from __future__ import annotations

import gc
import multiprocessing
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from indexer.jobs.rebuild import rebuild_index
from indexer.store.store import Store
from indexer.vectors.contract import Contract
from indexer.vectors.faiss_backend import FaissBackend
from indexer.vectors.numpy_backend import NumpyBackend
from indexer.writing.writes import Draft, ImageInput, delete_items, patched, put_items
from search.bound_query import BoundQuery
from search.engine import SearchEngine
from search.query import EmbeddingPart, Query, TextPart
from tests.spokes import ENCODER, draft, nearest, new_shop, shop, spoke

__all__ = ["shop"]  # fixtures


@pytest.fixture
def live(shop):
    with SearchEngine.open(shop.path) as engine:
        yield engine


def test_what_is_put_is_found_after_a_refresh_and_not_before(live):
    live.put([draft("new", 5)])
    assert nearest(live) == ["i0", "i1", "i2"]
    assert live.refresh()
    assert nearest(live) == ["i0", "new", "i1"]
    assert not live.refresh()


def test_what_is_deleted_is_not_found_even_before_a_refresh(live):
    live.delete(["i0"])
    assert nearest(live) == ["i1", "i2", "i3"]  # a hit that is gone makes the search look again
    assert live.status().items == 8


def test_a_shop_whose_every_item_was_deleted_answers_with_nothing(live, shop):
    live.delete([f"i{n}" for n in range(9)])
    with SearchEngine.open(shop.path) as emptied:
        assert nearest(emptied) == []
        assert nearest(emptied, filter="price < 5") == []


def test_what_is_replaced_is_found_where_it_is_now_and_nowhere_else(live):
    live.put([draft("i0", 35)])
    live.refresh()
    assert nearest(live, 9) == ["i1", "i2", "i3", "i0", *(f"i{n}" for n in range(4, 9))]
    assert live.status().rows == 9


def test_fields_alone_move_no_row_and_reach_filters_facets_and_hits(live):
    live.put([Draft("i1", lambda old: patched("i1", {"price": 99, "currency": "EUR"}, old))])
    live.refresh()
    assert nearest(live, 9, "price > 50") == ["i1"]
    assert "i1" not in nearest(live, 9, "price < 50")
    assert live.backlog() == (0, 1, 9)


def test_a_step_that_failed_is_made_again_and_leaves_nothing_alive_that_was_deleted(
    live, monkeypatch
):
    live.delete(["i0"])
    live.put([draft("i1", 60)])
    with monkeypatch.context() as broken:
        broken.setattr(
            "indexer.vectors.index.VectorIndex.build", lambda *_: (_ for _ in ()).throw(MemoryError)
        )
        with pytest.raises(MemoryError):
            live.refresh()
    assert live.refresh()
    assert nearest(live, 9) == ["i2", "i3", "i4", "i5", "i1", "i6", "i7", "i8"]


def test_words_follow(live):
    live.put([draft("new", 5, title="a kettle"), draft("i2", 20, title="a teapot")])
    live.delete(["i3"])
    live.refresh()
    assert [hit.item_id for hit in live.by_text("kettle teapot")] == ["i2", "new"]
    assert [hit.item_id for hit in live.by_text("number2 number3 number4")] == ["i4"]


def test_a_new_attribute_can_be_filtered_and_an_unknown_one_still_cannot(live):
    live.put([draft("new", 5, attributes={"fit": "slim"})])
    live.refresh()
    assert nearest(live, 9, "fit = slim") == ["new"]
    assert nearest(live, 9, "not fit = slim")[0] == "i0"
    with pytest.raises(Exception, match="unknown filter field 'cut'"):
        nearest(live, 9, "cut = slim")


def test_an_item_that_comes_back_is_one_item(live):
    for _ in range(3):
        live.delete(["i0"])
        live.put([draft("i0", 0, title="back")])
        live.refresh()
    assert nearest(live, 9).count("i0") == 1
    assert live.status().items == 9


def test_a_product_that_gets_another_variant_is_one_hit(live):
    live.put([draft("i0-blue", 1, product_id="i0")])
    live.refresh()
    assert nearest(live) == ["i0", "i1", "i2"]
    assert live.status().products == 9


def test_an_engine_that_is_opened_later_answers_like_the_one_that_followed(live, shop):
    live.put([draft(f"n{n}", 5 + 7 * n, title=f"kettle{n}", price=1.0) for n in range(12)])
    live.delete(["i4", "n3"])
    live.put([draft("i5", 3, title="kettle moved")])
    live.refresh()
    with SearchEngine.open(shop.path) as fresh:
        assert nearest(fresh, 30) == nearest(live, 30)
        assert fresh.status() == live.status()
        assert [h.item_id for h in fresh.by_text("kettle moved", 30)] == [
            h.item_id for h in live.by_text("kettle moved", 30)
        ]


def test_where_the_log_was_shortened_everything_is_read_again(live, shop):
    live.put([draft("new", 5, title="kettle")])
    live.delete(["i1"])
    store = Store(shop.store)
    store.delete_changes(10**6)
    store.close()
    assert live.refresh()
    assert nearest(live) == ["i0", "new", "i2"]
    assert [hit.item_id for hit in live.by_text("kettle")] == ["new"]
    with SearchEngine.open(shop.path) as fresh:
        assert nearest(fresh) == ["i0", "new", "i2"]
        assert [hit.item_id for hit in fresh.by_text("kettle")] == ["new"]


def test_many_small_writes_leave_few_segments(live):
    for n in range(60):
        live.put([draft(f"n{n}", n)])
        live.refresh()
    view = live._live.view
    assert len(view.segments) <= 5
    assert view.rows == 69
    assert nearest(live, 4) == ["i0", "n0", "n1", "n2"]


def test_hits_of_equal_score_stand_alike_in_every_process(live, shop):
    """One opened before the writes and one after count items differently."""
    for item_id in ("z", "m", "a"):
        live.put([draft(item_id, 0, title="a thing like another")])
    live.refresh()

    def worded(engine: SearchEngine) -> list[str]:
        query = Query(parts=[TextPart("another")], limit=3)
        return [hit.item_id for hit in engine.search(query).hits]

    with SearchEngine.open(shop.path) as later:
        assert nearest(live, 4) == nearest(later, 4) == ["a", "i0", "m", "z"]
        assert worded(live) == worded(later) == ["a", "m", "z"]


def test_a_shop_that_is_emptied_answers_nothing_and_can_be_rebuilt_and_filled(live, shop):
    live.delete([f"i{n}" for n in range(9)])
    live.refresh()
    assert nearest(live) == []
    assert live.items() == []
    assert live.by_text("thing") == []
    assert rebuild_index(shop, ENCODER).rows == 0
    with SearchEngine.open(shop.path) as empty:
        assert nearest(empty) == []
        empty.put([draft("first", 3)])
        empty.refresh()
        assert nearest(empty) == ["first"]
        assert [item.item_id for item in empty.items()] == ["first"]


def test_a_rebuild_loses_nothing_that_is_written_meanwhile(live, shop, monkeypatch):
    from indexer.jobs import components

    check = components.check_index

    def write_then_check(*given, **options):
        live.put([draft("meanwhile", 4)])
        live.delete(["i1"])
        return check(*given, **options)

    live.put([draft("before", 6)])
    monkeypatch.setattr(components, "check_index", write_then_check)
    rebuild_index(shop, ENCODER)
    live.refresh()
    with SearchEngine.open(shop.path) as fresh:
        assert fresh.generation == "000002"
        assert fresh.backlog().rows == 2
        assert nearest(fresh) == nearest(live) == ["i0", "meanwhile", "before"]


@pytest.mark.slow
def test_answers_never_mix_two_moments_of_the_shop(live):
    """Price and title say the same version; a filter on the one must never give the other."""
    done = threading.Event()
    wrong: list[object] = []
    answers = [0]

    def write() -> None:
        for version in range(1, 21):
            title = "even" if version % 2 == 0 else "odd"
            live.put([draft(f"i{n}", 10 * n, price=version % 2, title=title) for n in range(3)])
            live.refresh()
        done.set()

    def ask(words: bool) -> None:
        from search.filters.grammar import parse_filter

        part = TextPart("even") if words else EmbeddingPart(spoke(0)[0])
        query = Query(parts=[part], limit=9, filter=parse_filter("price < 1"), facets=["in_stock"])
        while not done.is_set():
            reply = live.search(query)
            answers[0] += 1
            bad = [h for h in reply.hits if h.price != 0 or (words and h.title != "even")]
            ids = {hit.item_id for hit in reply.hits} & {"i1", "i2"}
            if (
                bad
                or len(ids) == 1
                or sum(f.count for f in reply.facets["in_stock"]) != reply.total
            ):
                wrong.append(reply)

    threads = [threading.Thread(target=ask, args=(words,)) for words in (False, True, False)]
    for thread in threads:
        thread.start()
    write()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert answers[0] > 10


def test_an_item_that_changes_under_every_search_is_answered_at_one_moment(live, monkeypatch):
    """It passes the filter whenever a search begins, and no more when its fields are read."""
    count_facets, refresh = BoundQuery.count_facets, live._live.refresh

    def change_first(bound):
        live.put([draft("i0", 0, price=1.0)])
        return count_facets(bound)

    def change_back_first():
        live.put([draft("i0", 0, price=0.0)])
        return refresh()

    monkeypatch.setattr(BoundQuery, "count_facets", change_first)
    monkeypatch.setattr(live._live, "refresh", change_back_first)
    (hit,) = live.by_text("i0", filter="price < 1")
    assert (hit.item_id, hit.price) == ("i0", 0.0)


def put_in_another_process(path: str, item_id: str) -> None:
    store = Store(Path(path))
    put_items(store, ENCODER, [draft(item_id, 2)])
    delete_items(store, ["i1"])
    store.close()


@pytest.mark.slow
def test_what_another_process_writes_is_seen(live, shop):
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=put_in_another_process, args=(str(shop.store), "theirs"))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert live.refresh()
    assert nearest(live) == ["i0", "theirs", "i2"]


# Backends, and memory


def by_numpy(folder: Path, contract: Contract, *, serving: bool) -> NumpyBackend:
    """The generation's vectors under a backend that compares everything."""
    index = FaissBackend.open(folder, contract, serving=serving)
    return NumpyBackend.build(index.vectors_at(np.arange(len(index))), index.rows)


def test_a_shop_searched_by_another_backend_answers_the_same(live, shop, monkeypatch):
    """Through writes, deletions and joined segments; nothing above a backend knows which it is."""
    with monkeypatch.context() as patched:
        other_backend = SimpleNamespace(open=by_numpy)
        patched.setattr("search.opening.backend_of", lambda _contract: other_backend)
        other = SearchEngine.open(shop.path)
    with other:
        assert other.status().device == "cpu: numpy"
        for n in range(12):
            live.put([draft(f"n{n}", 3 + 7 * n, price=float(n)), draft(f"m{n}", 4 + 7 * n)])
            live.delete([f"m{n - 1}", f"i{n}"])
            assert live.refresh()
            assert other.refresh()
            assert nearest(other, 30) == nearest(live, 30)
            assert nearest(other, 30, "price > 3") == nearest(live, 30, "price > 3")
            assert other.by_item(f"n{n}") == live.by_item(f"n{n}")
        view = other._live.view
        assert {type(segment.vectors) for segment in view.segments} == {NumpyBackend}
        assert len(view.segments) == len(live._live.view.segments) > 1


def blocks_after_opening(path: Path, images: int, engines: ExitStack) -> int:
    """How many blocks of Python's memory an open shop of 200 items keeps."""
    vectors = np.repeat(spoke(1), images, axis=0)
    sources = [ImageInput(f"{image}.jpg") for image in range(images)]
    shop = new_shop(
        path,
        *(draft(f"i{n:03}", 0)._replace(images=sources, embeddings=vectors) for n in range(200)),
    )
    engines.enter_context(SearchEngine.open(shop.path))  # what the first one caches is not counted
    gc.collect()
    before = sys.getallocatedblocks()
    engine = engines.enter_context(SearchEngine.open(shop.path))
    gc.collect()
    assert engine.status().rows == 200 * images
    return sys.getallocatedblocks() - before


@pytest.mark.slow
def test_an_open_shop_keeps_no_python_object_for_a_row(tmp_path):
    with ExitStack() as engines:
        few = blocks_after_opening(tmp_path / "few", 1, engines)
        many = blocks_after_opening(tmp_path / "many", 11, engines)
    assert many - few < 200  # for 2,000 more rows


def test_each_hit_names_the_image_that_was_found_before_and_after_writes(tmp_path):
    """Also where the images of an item change places, and where small segments were joined."""
    sources = [ImageInput("0.jpg"), ImageInput("1.jpg"), ImageInput("2.jpg")]
    vectors = np.concatenate([spoke(80), spoke(10), spoke(40)])
    one = draft("one", 0)._replace(images=sources, embeddings=vectors)
    shop = new_shop(tmp_path / "shop", one, draft("two", 50))

    def found(engine: SearchEngine, degrees: int) -> list[tuple[str, int, str]]:
        query = Query(parts=[EmbeddingPart(spoke(degrees)[0])])
        hits = engine.search(query).hits
        return [(hit.item_id, hit.image_index, hit.image) for hit in hits]

    with SearchEngine.open(shop.path) as engine:
        assert found(engine, 10) == [("one", 1, "1.jpg"), ("two", 0, "")]
        assert found(engine, 79)[0] == ("one", 0, "0.jpg")
        turned = one._replace(images=sources[::-1], embeddings=vectors[::-1])
        for n in range(5):
            engine.put([turned if n % 2 == 0 else one, draft(f"far{n}", 170)])
            engine.refresh()
            at = 2 if n % 2 == 0 else 0
            assert found(engine, 79)[0] == ("one", at, "0.jpg")
            assert found(engine, 10)[0] == ("one", 1, "1.jpg")
        with SearchEngine.open(shop.path) as fresh:
            assert found(fresh, 79) == found(engine, 79)
