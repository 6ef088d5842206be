"""One budget of threads bounds decoding, encoding, searching and writing alike."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import numpy as np
import pytest

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.encoders.registry import load_encoder
from indexer.items import Item
from indexer.jobs import plan
from indexer.jobs.build import build_index
from indexer.shop.folder import ShopFolder
from indexer.store.store import Store
from indexer.threads import THREADS, ThreadBudget
from indexer.vectors.faiss_search import faiss_search
from indexer.vectors.recipes import all_cores
from indexer.vectors.recipes import build_index as build_flat
from indexer.writing import embed_catalog, reembed, writes
from search.engine import SearchEngine
from search.quality import evaluate
from service.http.app import create_app
from service.runtime.compaction import Compaction
from service.settings import Settings
from style import strips
from style.strips import STRIP_THREADS, over_strips
from tests.conftest import COLORS, jpeg, plain


@pytest.fixture(autouse=True)
def unlimited():
    yield
    THREADS.limit = STRIP_THREADS.limit = None


def test_without_a_limit_it_is_the_cores_of_the_process():
    assert ThreadBudget().count >= 1
    assert ThreadBudget(3).count == 3


def test_the_service_sets_the_limit_and_its_pools_obey_it():
    create_app(Settings(threads=3))
    assert (THREADS.limit, THREADS.count, all_cores()) == (3, 3, 3)
    create_app(Settings())
    assert THREADS.limit is None


def test_a_command_obeys_the_setting(monkeypatch, capsys):
    from service.cli.main import main

    monkeypatch.setenv("VITRINE_THREADS", "2")
    with pytest.raises(SystemExit):
        main(["index", "no-such-catalog", "--shop", "no-such-shop"])
    assert THREADS.limit == 2


# Each command that encodes or searches much, with what it needs to be understood.
BOUNDED = {
    "plan": ["no-catalog"],
    "index": ["no-catalog", "--shop", "no-shop"],
    "put": ["no-catalog", "--shop", "no-shop"],
    "rebuild": ["--shop", "no-shop"],
    "search": ["no-photo", "--shop", "no-shop"],
    "classify": ["no-photo", "--shop", "no-shop"],
    "audit": ["--shop", "no-shop"],
    "look": ["no-photo", "--shop", "no-shop"],
    "cutout": ["no-photo", "--out", "out.png"],
    "campaign": ["--shop", "no-shop", "--out", "out"],
    "enhance": ["no-photo", "--out", "out.jpg"],
    "exposure": ["--shop", "no-shop", "--field", "brand"],
    "eval": ["--shop", "no-shop", "--queries", "no-queries"],
    "eval-rec": ["--shop", "no-shop", "--events", "no-events.csv"],
    "events estimate": ["no-lists.csv", "--shop", "no-shop", "--weights", "no-weights.json"],
    "recommend": ["--shop", "no-shop", "--user", "u"],
    "train-ranker": ["--shop", "no-shop"],
    "migrate": ["--shop", "no-shop", "--encoder", "color"],
    "compare": ["--shop", "no-shop"],
    "promote": ["000001", "--shop", "no-shop"],
    "rollback": ["--shop", "no-shop"],
    "train-encoder": ["--shop", "no-shop", "--out", "out.onnx"],
    "style": ["no-photo", "--style", "sepia", "--out", "out.jpg"],
    "styles add": ["sepia", "--shop", "no-shop"],
    "styles remove": ["sepia", "--shop", "no-shop"],
}


@pytest.mark.parametrize("name", BOUNDED)
def test_a_command_obeys_its_option_before_the_setting(name, monkeypatch, capsys, tmp_path):
    from service.cli.main import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VITRINE_THREADS", "2")
    with pytest.raises(SystemExit) as ended:
        main([*name.split(), *BOUNDED[name], "--threads", "3"])
    assert ended.value.code == 1  # understood, and nothing there to work on
    assert (THREADS.limit, STRIP_THREADS.limit) == (3, 3)
    with pytest.raises(SystemExit):
        main([*name.split(), *BOUNDED[name]])
    assert (THREADS.limit, STRIP_THREADS.limit) == (2, 2)


def test_serve_hands_its_option_to_the_service(tiny_shop, monkeypatch):
    from service.cli.main import main
    from service.http import server

    given = []
    monkeypatch.setattr(server, "serve", lambda settings, ready: given.append(settings.threads))
    monkeypatch.setenv("VITRINE_THREADS", "2")
    for words in ([], ["--threads", "3"]):
        with pytest.raises(SystemExit):
            main(["serve", "--shop", str(tiny_shop), *words])
    assert given == [2, 3]


def test_every_other_command_neither_encodes_nor_searches_much():
    import click

    from service.cli.main import vitrine

    def commands(group: click.Group, before: str = "") -> Iterator[tuple[str, click.Command]]:
        for name in group.list_commands(click.Context(group)):
            command = group.get_command(click.Context(group), name)
            if isinstance(command, click.Group):
                yield from commands(command, f"{name} ")
            else:
                yield before + name, command

    found = dict(commands(vitrine))
    taking = {
        name
        for name, command in found.items()
        if any(parameter.name == "threads" for parameter in command.params)
    }
    assert taking == {*BOUNDED, "serve"}
    assert set(found) - taking == {
        *("delete", "status", "check", "generations", "drop", "gc", "snapshot", "restore"),
        "replicate",
        *("doctor", "export", "synonyms", "enrich", "describe", "ask", "faq import", "faq list"),
        "mcp",
        "train-style",  # torch has a setting of its own
        *("events import", "events learn", "events export", "events erase", "events expire"),
        *("events compact", "events publish", "events interleaved"),
        *("keys add", "keys list", "keys remove", "keys rotate"),
        *("reviews import", "reviews score", "reviews train"),
        *("styles list", "styles export", "sample"),
        "demo",  # its index and its service are processes of their own
    }


def test_a_service_rebuilds_with_no_more_threads_than_it_has(tiny_shop):
    def options(settings: Settings) -> list[str]:
        return Compaction(tiny_shop, None, settings)._options

    assert options(Settings(threads=3)) == ["--threads", "3"]
    assert options(Settings()) == []


def test_a_search_of_many_queries_takes_as_many_threads(monkeypatch):
    import faiss

    asked = []
    monkeypatch.setattr(faiss, "omp_set_num_threads", asked.append)
    THREADS.limit = 3
    vectors = np.eye(64, dtype=np.float32)
    index = build_flat("Flat", vectors).index
    asked.clear()
    faiss_search(index, vectors, 5, None)
    faiss_search(index, vectors[:1], 5, None)
    assert asked == [3, 1]


def test_a_style_paints_in_as_many_threads(monkeypatch):
    made = decoders(monkeypatch, strips, "ThreadPoolExecutor")
    STRIP_THREADS.limit = 2
    over_strips(100, 100, lambda _top, _bottom: None, pixels=1000)
    STRIP_THREADS.limit = 1  # no pool
    over_strips(100, 100, lambda _top, _bottom: None, pixels=1000)
    assert made == [2]


def test_embedding_again_and_planning_decode_in_as_many_threads(
    tiny_catalog, tiny_shop, tmp_path, monkeypatch
):
    made = [decoders(monkeypatch, module, "ThreadPoolExecutor") for module in (reembed, plan)]
    THREADS.limit = 2
    shop = shutil.copytree(tiny_shop, tmp_path / "shop")
    with Store(ShopFolder(shop).store) as store, store.write() as writer:
        encoder = Renamed()
        work = reembed.Reembedding(store, encoder)
        work.embed_in(writer, reembed.missing_pictures(writer, encoder))
    plan.plan_index(open_catalog(tiny_catalog), encoder, free_bytes=0)
    assert [set(counts) for counts in made] == [{2}, {2}]


class Renamed(ColorEncoder):
    """An encoder that the shop has not seen."""

    id = "renamed"
    weights_hash = "9" * 64


def test_photos_with_known_answers_are_decoded_in_as_many_threads(tiny_shop, tmp_path, monkeypatch):
    made = decoders(monkeypatch, evaluate, "ThreadPoolExecutor")
    THREADS.limit = 2
    (tmp_path / "red.jpg").write_bytes(jpeg(plain(COLORS["red"])))
    truth = evaluate.Truth(tmp_path / "red.jpg", "item", "red-mug")
    with SearchEngine.open(tiny_shop) as engine:
        evaluate.evaluate(engine, [truth])
    assert set(made) == {2}


def test_an_encoder_calculates_in_as_many_threads(monkeypatch):
    import onnxruntime

    asked = []

    class Session(onnxruntime.InferenceSession):
        def __init__(self, path, options, **more):
            asked.append(options.intra_op_num_threads)
            super().__init__(path, options, **more)

    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    THREADS.limit = 1
    load_encoder("builtin")
    load_encoder("builtin", threads=2)
    assert asked == [1, 2]


def decoders(monkeypatch, module, name):
    """Collect how many threads each pool of this module is made with."""
    pool, made = getattr(module, name), []

    def counted(count, *args, **kwargs):
        made.append(count)
        return pool(count, *args, **kwargs)

    monkeypatch.setattr(module, name, counted)
    return made


def test_a_write_reads_its_pictures_in_as_many_threads(tiny_shop, tmp_path, monkeypatch):
    shutil.copytree(tiny_shop, tmp_path / "shop")
    made = decoders(monkeypatch, writes, "ThreadPoolExecutor")
    THREADS.limit = 2
    picture = jpeg(plain(COLORS["red"]))
    sources = [writes.ImageInput(f"{n}.jpg", lambda: picture) for n in range(5)]
    drafts = [writes.Draft("new", lambda _: new_item(5), sources)]
    with SearchEngine.open(tmp_path / "shop") as engine:
        (outcome,) = engine.put(drafts)
    assert outcome.status == "created"
    assert made == [2]


def new_item(images: int):
    names = [f"{n}.jpg" for n in range(images)]
    return Item(item_id="new", product_id="new", images=names)


def test_a_build_decodes_in_as_many_threads(tiny_catalog, tmp_path, monkeypatch):
    made = decoders(monkeypatch, embed_catalog, "ThreadPoolExecutor")
    THREADS.limit = 1
    build_index(open_catalog(tiny_catalog), ShopFolder(tmp_path / "shop"), ColorEncoder())
    assert made == [1]
