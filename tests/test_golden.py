"""The golden shops: what an earlier version wrote still opens, answers and takes writes.

They were drawn once, one for each format on disk, by ``scripts/make_golden.py``. A test that fails
here has found a break: mend the code, and leave the shop and its answers alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from search.query import ItemPart, Part, Query
from tests.conftest import COLORS, jpeg, plain
from tests.golden_questions import (
    ANSWERS,
    GOLDEN,
    PHOTOS,
    WRITE_KEY,
    GoldenShop,
    Question,
    difference,
    lasting,
    read_questions,
)

SHOPS = sorted(GOLDEN.glob("format-*"))
DRAWN = {"format-1": "aebee0ad8342240bf82c60d628adfa8086f4a2aece04a1ad6ad86bb1f793cc90"}
QUESTIONS = [
    pytest.param(one, id=f"{path.stem}-{one['name']}".replace(" ", "-"))
    for path in sorted(ANSWERS.glob("*.json"))
    for one in read_questions(path)
]
SEARCHES = [
    one
    for one in read_questions(ANSWERS / "python.json")
    if one["call"] in ("search", "by_image", "by_text", "by_item") and "generation" not in one
]
BEARER = {"authorization": f"Bearer {WRITE_KEY}"}


@pytest.fixture(scope="module", params=SHOPS, ids=lambda path: path.name)
def asked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GoldenShop]:
    """A copy of a golden shop that all questions share. Shared: do not write to it."""
    with GoldenShop(request.param, tmp_path_factory.mktemp("golden")) as shop:
        yield shop


@pytest.fixture(params=SHOPS, ids=lambda path: path.name)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[GoldenShop]:
    """A copy of a golden shop of one's own, to write to."""
    with GoldenShop(request.param, tmp_path) as copy:
        yield copy


@pytest.fixture
def vitrine(shop: GoldenShop) -> Callable[..., Any]:
    """Runs a command that must succeed on the shop at rest; what it printed as JSON."""

    def run(command: str, *words: object) -> Any:
        shop.close()  # as another process would find it
        code, out, err = shop.run(command, *words, "--shop", "{shop}", "--json")
        assert code == 0, err
        return json.loads(out)

    return run


def digest(folder: Path, *, without: tuple[str, ...] = ()) -> str:
    """SHA-256 over the names and bytes of all files below a folder."""
    found = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if path.name not in without:
            found.update(path.relative_to(folder).as_posix().encode() + b"\0")
            found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def ranking(answer: Any) -> Any:
    """Of an answer the hits, page by page: which items, from which image, with which score.

    Scores of words are left out: how much a word counts depends on texts that were replaced too,
    until the next rebuild.
    """
    if isinstance(answer, dict) and "pages" in answer:
        return [ranking(page) for page in answer["pages"]]
    hits = answer["hits"] if isinstance(answer, dict) and "hits" in answer else answer
    if not isinstance(hits, list):
        return answer  # an error
    by_words = not any("confidence" in hit for hit in hits)
    names = ("item_id", "image") if by_words else ("item_id", "image", "score")
    return [{name: hit[name] for name in names} for hit in hits]


def assert_same_rankings(shop: GoldenShop, generation: str | None = None) -> None:
    """Every search of the recorded ones finds what it found when it was recorded."""
    for question in SEARCHES:
        now = shop.ask({**question, "generation": generation})
        told = difference(ranking(question["answer"]), ranking(now))
        assert told == "", f"{question['name']}: {told}"


def assert_all_well(vitrine: Callable[..., Any]) -> None:
    assert vitrine("check")["problems"] == []


def found(shop: GoldenShop, text: str) -> list[str]:
    response = shop.send("POST", "/v1/search", json={"parts": [{"text": text}]})
    assert response.status_code == 200, response.text
    return [hit["item_id"] for hit in response.json()["hits"]]


def write(shop: GoldenShop, method: str, path: str, **options: Any) -> Any:
    response = shop.send(method, path, headers=BEARER, **options)
    assert response.status_code == 200, response.text
    return response.json()


# The recorded answers


@pytest.mark.parametrize("question", QUESTIONS)
def test_it_answers_as_it_was_recorded(asked: GoldenShop, question: Question) -> None:
    assert difference(question["answer"], asked.ask(question)) == ""


def test_one_thread_gives_the_same_answers(tmp_path: Path) -> None:
    with GoldenShop(SHOPS[-1], tmp_path, threads=1) as shop:
        assert_same_rankings(shop)


def test_an_older_index_gives_the_answers_of_the_store_too(asked: GoldenShop) -> None:
    assert_same_rankings(asked, generation="000001")


def test_an_approximate_index_is_searched_as_it_was_written(asked: GoldenShop) -> None:
    parts: list[Part] = [ItemPart("hat-green"), ItemPart("tile-blue", -0.2)]
    reply = asked.engine("000001").search(Query(parts=parts, limit=1, group="item"))
    assert [(hit.item_id, reply.mode) for hit in reply.hits] == [("mug-green", "ann")]


def test_every_way_to_ask_is_recorded_in_many_questions() -> None:
    counts = {path.stem: len(read_questions(path)) for path in ANSWERS.glob("*.json")}
    assert set(counts) == {"python", "command", "http"}
    assert min(counts.values()) >= 20


def test_whatever_changes_in_an_answer_is_told() -> None:
    recorded = {"hits": [{"item_id": "mug-red", "score": 0.5}], "total": 1, "more": False}
    assert (
        difference(recorded, {**recorded, "hits": [{"item_id": "mug-red", "score": 0.5004}]}) == ""
    )
    assert difference(recorded, {**recorded, "new": 1}) == ""
    changes: list[tuple[dict[str, object], str]] = [
        ({"hits": [{"item_id": "mug-red", "score": 0.501}]}, "answer.hits[0].score"),
        ({"hits": [{"item_id": "mug-blue", "score": 0.5}]}, "answer.hits[0].item_id"),
        ({"hits": [{"item_id": "mug-red"}]}, "answer.hits[0].score"),
        ({"hits": []}, "answer.hits"),
        ({"total": 2}, "answer.total"),
        ({"total": None}, "answer.total"),
        ({"more": 0}, "answer.more"),
    ]
    for change, where in changes:
        assert difference(recorded, {**recorded, **change}).startswith(f"{where}: recorded ")


def test_only_what_passes_is_left_out_of_an_answer() -> None:
    reply = {"total": 3, "timings": {"total_ms": 1.5}, "next_cursor": "abc", "score": 0.123456}
    assert lasting(reply) == {"total": 3, "next_cursor": True, "score": 0.1235}


def test_asking_changes_no_byte_of_a_shop(shop: GoldenShop) -> None:
    # A reader never upgrades a shop: an older version may be serving it beside this one.
    before = digest(shop.shop, without=("lock.mdb",))
    assert shop.engine().by_text("mug", 1)[0].item_id == "mug-blue"
    assert found(shop, "lavender") == ["scent"]
    assert shop.run("check", "--shop", "{shop}")[0] == 0
    assert shop.run("search", "--item", "mug-red", "--shop", "{shop}")[0] == 0
    shop.close()
    assert digest(shop.shop, without=("lock.mdb",)) == before


@pytest.mark.parametrize("path", SHOPS, ids=lambda path: path.name)
def test_a_golden_shop_is_never_drawn_again(path: Path) -> None:
    assert digest(path) == DRAWN[path.name], "put it back: git checkout -- tests/golden"


def test_the_golden_shops_stay_small() -> None:
    for folder in [*SHOPS, PHOTOS, ANSWERS]:
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert sum(path.stat().st_size for path in files) < 1_000_000


# It takes writes


def test_items_are_put_patched_and_deleted_over_http(
    shop: GoldenShop, vitrine: Callable[..., Any]
) -> None:
    item: dict[str, object] = {
        "id": "mug-black",
        "product_id": "mug",
        "title": "Obsidian mug",
        "images": ["front"],
    }
    form = {"front": jpeg(plain(COLORS["black"]))}
    put = write(shop, "PUT", "/v1/items", data={"items": json.dumps([item])}, files=form)
    assert [(one["item_id"], one["status"]) for one in put["results"]] == [("mug-black", "created")]
    assert found(shop, "obsidian") == ["mug-black"]

    assert write(shop, "PATCH", "/v1/items/mug-red", json={"price": 1.5})["status"] == "updated"
    cheap: dict[str, object] = {"parts": [{"text": "mug"}], "filter": "price < 2"}
    hits = shop.send("POST", "/v1/search", json=cheap).json()["hits"]
    assert [hit["item_id"] for hit in hits] == ["mug-red"]

    assert write(shop, "DELETE", "/v1/items/scent")["status"] == "deleted"
    assert found(shop, "lavender") == []
    assert shop.send("GET", "/v1/items/scent").status_code == 404
    assert_all_well(vitrine)


def test_a_picture_that_the_shop_knows_is_not_embedded_again(
    shop: GoldenShop, vitrine: Callable[..., Any]
) -> None:
    before = vitrine("check")
    item = {"id": "poster", "images": ["front"]}
    form = {"front": (PHOTOS / "tile-green.png").read_bytes()}
    write(shop, "PUT", "/v1/items", data={"items": json.dumps([item])}, files=form)
    hits = shop.engine().by_item("poster", 2)
    assert [hit.item_id for hit in hits] == ["coaster-green", "tile-green"]
    after = vitrine("check")
    assert (after["rows"], after["embeddings"]) == (before["rows"] + 1, before["embeddings"])
    assert after["problems"] == []


def test_items_are_put_and_deleted_by_commands(
    shop: GoldenShop, vitrine: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "front.jpg").write_bytes(jpeg(plain(COLORS["green"])))
    catalog = tmp_path / "more.csv"
    catalog.write_text("id,title,images\nmug-jade,Jade mug,front.jpg\n", encoding="utf-8")
    assert vitrine("put", catalog)["results"][0]["status"] == "created"
    assert [one["status"] for one in vitrine("delete", "tile-red", "mug-red")] == ["deleted"] * 2
    assert [hit.item_id for hit in shop.engine().by_text("jade", 3)] == ["mug-jade"]
    assert not shop.engine().has_item("mug-red")
    assert vitrine("status")["items"] == 39 + 1 - 2
    assert_all_well(vitrine)


def test_a_rebuild_changes_no_answer_and_can_be_rolled_back(
    shop: GoldenShop, vitrine: Callable[..., Any]
) -> None:
    page: dict[str, object] = {"parts": [{"text": "red"}], "limit": 2}
    cursor = shop.send("POST", "/v1/search", json=page).json()["next_cursor"]
    built = vitrine("rebuild")
    assert (built["generation"], built["published"], built["rows"]) == ("000003", True, 48)
    assert_same_rankings(shop)
    expired = shop.send("POST", "/v1/search", json={**page, "cursor": cursor})
    assert (expired.status_code, expired.json()["code"]) == (410, "cursor_expired")
    assert_all_well(vitrine)

    for name in ("000002", "000001"):
        assert vitrine("rollback")["generation"] == name
        assert_same_rankings(shop)
    assert_all_well(vitrine)


def test_the_next_catalog_replaces_what_is_there(
    shop: GoldenShop, vitrine: Callable[..., Any], tmp_path: Path
) -> None:
    lines = ["id,title,images"]
    for color, rgb in COLORS.items():
        (tmp_path / f"{color}.jpg").write_bytes(jpeg(plain(rgb)))
        lines.append(f"mug-{color},{color.title()} cup,{color}.jpg")
    (tmp_path / "next.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    built = vitrine("index", tmp_path / "next.csv", "--accept")
    assert (built["generation"], built["items"], built["removed"]) == ("000003", 6, 39 - 4)
    assert found(shop, "cup blue")[0] == "mug-blue"
    assert found(shop, "lavender") == []
    assert_all_well(vitrine)


def test_a_snapshot_of_before_is_restored_and_takes_writes(
    shop: GoldenShop, vitrine: Callable[..., Any]
) -> None:
    restored = vitrine("restore", "{snapshot}", "--force")["snapshot"]
    assert (restored["items"], restored["rows"], restored["generation"]) == (39, 48, "000002")
    engine = shop.engine()
    assert not engine.has_item("hat-yellow")  # put, deleted and patched after the snapshot
    assert engine.has_item("vase-yellow")
    assert engine.item("boot-black").in_stock
    assert engine.item("ball-red").images == ["moved.png"]  # written before it, behind the index
    assert found(shop, "yellow vase")[0] == "vase-yellow"
    assert write(shop, "DELETE", "/v1/items/vase-yellow")["status"] == "deleted"
    assert found(shop, "yellow vase")[0] != "vase-yellow"
    assert_all_well(vitrine)
    assert vitrine("rebuild")["generation"] == "000003"
    assert_all_well(vitrine)


def test_a_new_snapshot_holds_the_whole_shop(
    shop: GoldenShop, vitrine: Callable[..., Any], tmp_path: Path
) -> None:
    assert vitrine("snapshot", tmp_path / "new.snapshot")["snapshot"]["items"] == 39
    vitrine("restore", tmp_path / "new.snapshot", "--force")
    assert_same_rankings(shop)
    assert_all_well(vitrine)


def test_it_migrates_to_another_encoder_and_back(
    shop: GoldenShop, vitrine: Callable[..., Any]
) -> None:
    moved = vitrine("migrate", "--encoder", "color+trim")
    # Of 48 images 3 are those of others, and the scent came with an embedding alone.
    assert (moved["generation"], moved["encoded"]) == ("000003", 48 - 3 - 1)
    vitrine("promote", "000003")
    photo = PHOTOS / "mug-red.png"
    assert vitrine("search", photo, "-k", 1)["encoder"] == "color+trim"
    change = {"title": "Scarlet mug"}
    assert write(shop, "PATCH", "/v1/items/mug-red", json=change)["status"] == "updated"
    assert found(shop, "scarlet") == ["mug-red"]
    assert_all_well(vitrine)
    assert vitrine("rollback")["generation"] == "000002"
    hits = lasting(vitrine("search", photo, "-k", 1))["hits"]
    assert [(hit["item_id"], hit["score"]) for hit in hits] == [("mug-red", 0.9981)]
    assert_all_well(vitrine)
