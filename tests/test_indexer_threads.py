"""One budget of threads bounds decoding, encoding, searching and writing alike."""

from __future__ import annotations

import shutil

import pytest

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.encoders.registry import load_encoder
from indexer.items import Item
from indexer.jobs.build import build_index
from indexer.shop.folder import ShopFolder
from indexer.threads import THREADS, ThreadBudget
from indexer.vectors.recipes import all_cores
from indexer.writing import embed_catalog, writes
from search.engine import SearchEngine
from service.http.app import create_app
from service.settings import Settings
from tests.conftest import COLORS, jpeg, plain


@pytest.fixture(autouse=True)
def unlimited():
    yield
    THREADS.limit = None


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
