"""The memory of all decoders: held, waited for, refused, given back."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.errors import BadImage, Overloaded
from indexer.imaging.decodebudget import BUDGET, DEFAULT_MB, SETTING, DecodeBudget, give_memory_back
from indexer.imaging.images import decode
from indexer.jobs.build import build_index
from indexer.shop.folder import ShopFolder
from service.boundedsettings import BadSetting
from service.http.app import create_app
from service.processsettings import process_settings
from service.settings import Settings
from tests.imagesamples import save


@pytest.fixture(autouse=True)
def _as_before():
    yield
    BUDGET.megabytes, BUDGET.max_wait_s = DEFAULT_MB, None


def test_what_is_held_is_free_again_afterwards_and_after_an_error():
    budget = DecodeBudget(100)
    with budget.hold(60e6, "a picture"):
        assert budget.held == 60e6
    with pytest.raises(RuntimeError), budget.hold(60e6, "a picture"):
        raise RuntimeError
    assert budget.held == 0


def test_a_picture_that_needs_more_than_all_is_refused_by_its_figure_and_the_setting():
    expected = r"decoding PNG of 9 x 9 takes 101 MB, at most 100 MB .* raise VITRINE_MAX_DECODE_MB"
    with pytest.raises(BadImage, match=expected), DecodeBudget(100).hold(101e6, "PNG of 9 x 9"):
        pass


def test_large_pictures_take_turns_and_never_hold_more_than_all():
    budget, lock, most = DecodeBudget(100), threading.Lock(), 0.0

    def work(size: float) -> None:
        nonlocal most
        with budget.hold(size, "a picture"), lock:
            most = max(most, budget.held)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, [60e6, 30e6, 90e6, 5e6, 100e6] * 20))
    assert 0 < most <= 100e6
    assert budget.held == 0


def test_a_small_picture_does_not_wait_behind_a_large_one():
    budget, entered = DecodeBudget(100), threading.Event()

    def large() -> None:
        with budget.hold(90e6, "a large one"):
            entered.set()

    with budget.hold(50e6, "the first"):
        thread = threading.Thread(target=large)
        thread.start()
        with budget.hold(5e6, "a small one"):  # returns, though the large one waits
            assert not entered.is_set()
    thread.join()
    assert entered.is_set()


def test_who_waits_longer_than_allowed_is_told_to_try_again_and_holds_nothing():
    budget = DecodeBudget(100)
    budget.max_wait_s = 0.01
    expected = r"more than 0.01 s for 90 MB to decode a picture: .* 100 MB of VITRINE_MAX_DECODE_MB"
    for size in (90e6, 5e6):  # one that queues, and a small one
        with budget.hold(99e6, "the first"):
            wanted = pytest.raises(Overloaded, match=expected.replace("90", f"{size / 1e6:.0f}"))
            with wanted, budget.hold(size, "a picture"):
                pass
            assert budget.held == 99e6
    with budget.hold(100e6, "the next"):  # nobody waits before it
        assert budget.held == 100e6


def test_who_waits_for_a_budget_that_shrinks_is_refused():
    budget, errors = DecodeBudget(100), []

    def wait() -> None:
        try:
            with budget.hold(90e6, "a picture"):
                pass
        except BadImage as error:
            errors.append(str(error))

    with budget.hold(50e6, "the first"):
        thread = threading.Thread(target=wait)
        thread.start()
        budget.megabytes = 60
        thread.join()
    assert "at most 60 MB" in errors[0]
    assert budget.held == 0


def test_memory_is_given_back_after_large_pictures_alone(monkeypatch):
    given = []
    monkeypatch.setattr("indexer.imaging.decodebudget._malloc_trim", lambda: given.append)
    for size in (1e6, 50e6):
        with DecodeBudget(100).hold(size, "a picture"):
            assert given == []
    assert given == [0]


def test_nothing_is_given_back_where_the_c_library_cannot(monkeypatch):
    monkeypatch.setattr("indexer.imaging.decodebudget._malloc_trim", lambda: None)
    give_memory_back()
    budget = DecodeBudget(100)
    with budget.hold(50e6, "a picture"):
        pass
    assert budget.held == 0


def test_decoding_obeys_the_budget_of_the_process():
    data = save(Image.new("RGB", (2000, 2000)))
    assert decode(data).shape == (2000, 2000, 3)
    BUDGET.megabytes = 10
    with pytest.raises(BadImage, match=f"PNG of 2000 x 2000 takes .* {SETTING}"):
        decode(data)


def test_an_index_skips_by_name_what_the_budget_does_not_admit(tmp_path):
    for name, side in (("large", 2000), ("small", 20)):
        Image.new("RGB", (side, side), (200, 30, 40)).save(tmp_path / f"{name}.png")
    BUDGET.megabytes = 10
    report = build_index(open_catalog(tmp_path), ShopFolder(tmp_path / "shop"), ColorEncoder())
    assert report.items == 1
    assert any(SETTING in one.reason for one in report.skipped)


def test_the_service_takes_the_budget_and_the_wait_from_its_settings():
    create_app(Settings(max_decode_mb=77, queue_deadline_s=3))
    assert (BUDGET.megabytes, BUDGET.max_wait_s) == (77, 3)


def test_a_photo_that_finds_no_memory_in_time_is_told_to_come_again(serve):
    http = serve(max_decode_mb=50)
    BUDGET.max_wait_s = 0.05
    photo = {"image": ("photo.png", save(Image.new("RGB", (900, 900))))}
    with BUDGET.hold(49.9e6, "another photo"):
        refused = http.post("/v1/search/image", files=photo)
    assert refused.status_code == 503, refused.text
    assert refused.json()["code"] == "overloaded"
    assert SETTING in refused.json()["detail"]
    assert int(refused.headers["retry-after"]) >= 1
    assert http.post("/v1/search/image", files=photo).status_code == 200


def test_commands_read_this_setting_alone_and_name_it_when_it_is_wrong(monkeypatch):
    monkeypatch.setenv("VITRINE_PORT", "no port")
    monkeypatch.setenv(SETTING, "55")
    assert process_settings().max_decode_mb == 55
    monkeypatch.setenv(SETTING, "much")
    with pytest.raises(BadSetting, match=SETTING):
        process_settings()


def test_a_command_that_decodes_sets_the_budget(monkeypatch, capsys):
    from service.cli.main import main

    monkeypatch.setenv(SETTING, "55")
    with pytest.raises(SystemExit) as end:
        main(["index", "no-such-catalog", "--shop", "no-such-shop"])
    assert end.value.code == 1
    assert BUDGET.megabytes == 55
