"""The sample shop: what it holds, that it is the same each time, and what it refuses."""

from __future__ import annotations

import csv
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.errors import Conflict
from indexer.sample.kinds import KINDS
from indexer.sample.palette import COLORS, PARTNERS
from indexer.sample.patterns import PRINTS, tile
from indexer.sample.plan import COLUMNS, PhotoPlan, ProductPlan, plan_shop
from indexer.sample.shop import Finished, SampleShop, draw, draw_shop, write_shop

ITEMS, PHOTOS = 24, 8  # of the fixture drawn_shop


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def lines(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def heard(drawing: tuple[SampleShop, list[tuple[str, int, int]]]) -> list[tuple[str, int, int]]:
    return drawing[1]


@pytest.fixture
def shop(drawn_shop: SampleShop) -> SampleShop:
    return drawn_shop


def test_the_full_shop_has_at_least_600_items_in_15_categories_and_200_photos() -> None:
    plan = plan_shop()
    items = [i for p in plan.products for i in p.items]
    assert len(items) == 640
    assert len({i.item_id for i in items}) == 640
    assert len({p.kind.categories[0] for p in plan.products}) == len(KINDS) >= 15
    assert len(plan.photos) == 240


def test_a_category_of_the_full_shop_has_several_models_in_several_colors_and_patterns() -> None:
    plan = plan_shop()
    for kind in KINDS:
        products = [p for p in plan.products if p.kind.key == kind.key]
        assert len(products) >= 5
        assert len({p.style for p in products}) == len(products)
        for product in products:
            assert len({i.color for i in product.items}) >= 4
            assert len({i.pattern for i in product.items}) >= 3


def test_the_same_numbers_give_the_same_plan_and_another_seed_another() -> None:
    assert plan_shop(items=100, seed=3) == plan_shop(items=100, seed=3)
    assert plan_shop(items=100, seed=3) != plan_shop(items=100, seed=4)


def test_about_one_item_in_twelve_is_out_of_stock_and_prices_stay_in_their_range() -> None:
    plan = plan_shop()
    items = [i for p in plan.products for i in p.items]
    gone = sum(not i.in_stock for i in items)
    assert 0.05 < gone / len(items) < 0.12
    for product in plan.products:
        low, high = product.kind.price
        assert all(low - 1 <= i.price <= high for i in product.items)


def test_the_photos_of_the_full_shop_visit_every_category_about_equally_often() -> None:
    photos = plan_shop().photos
    kinds = [p.product.kind.key for p in photos]
    counts = [kinds.count(k.key) for k in KINDS]
    assert max(counts) - min(counts) <= 1
    assert len({p.item.item_id for p in photos}) == 240


def test_variants_of_a_product_differ_in_color_or_pattern() -> None:
    for product in plan_shop().products:
        looks = [(i.color, i.pattern) for i in product.items]
        assert len(set(looks)) == len(looks)


def test_a_shop_of_no_items_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 item"):
        plan_shop(items=0)


def test_a_small_shop_still_has_every_category(shop: SampleShop) -> None:
    rows = lines(shop.catalog)
    assert {r["categories"].split(";")[0] for r in rows} == {k.categories[0] for k in KINDS}
    assert {p.kind for p in plan_shop(items=len(KINDS)).products} == set(KINDS)


def test_the_catalog_has_the_promised_columns_and_counts(shop: SampleShop) -> None:
    with shop.catalog.open(encoding="utf-8") as file:
        assert file.readline().strip() == ",".join(COLUMNS)
    rows = lines(shop.catalog)
    assert len(rows) == shop.items == ITEMS
    assert sum(len(r["images"].split(";")) for r in rows) == shop.images
    assert {r["in_stock"] for r in rows} <= {"true", "false"}
    assert {r["currency"] for r in rows} == {"EUR"}
    assert all(
        r["title"].startswith(r["title"].split()[0]) and r["color"] in r["title"] for r in rows
    )
    assert all(float(r["price"]) > 0 for r in rows)


def test_every_item_has_two_or_three_images_that_decode(shop: SampleShop) -> None:
    for row in lines(shop.catalog):
        paths = row["images"].split(";")
        assert 2 <= len(paths) <= 3
        for path in paths:
            with Image.open(shop.folder / path) as image:
                image.load()
                assert image.mode == "RGB"
                assert max(image.size) == 480


def test_an_item_fills_its_picture_and_leaves_the_studio_around_it(shop: SampleShop) -> None:
    for row in lines(shop.catalog):
        with Image.open(shop.folder / row["images"].split(";")[0]) as image:
            pixels = np.asarray(image.convert("L"), float)
        corners = [pixels[:8, :8], pixels[:8, -8:], pixels[-8:, :8]]
        assert min(c.mean() for c in corners) > 190, row["id"]
        assert pixels[120:360, 120:360].std() > 4, row["id"]


def test_every_query_names_an_item_of_the_catalog_and_a_photo_that_decodes(
    shop: SampleShop,
) -> None:
    ids = {r["id"] for r in lines(shop.catalog)}
    queries = lines(shop.queries)
    assert len(queries) == shop.photos == PHOTOS
    assert list(queries[0]) == ["image", "item_id"]
    for query in queries:
        assert query["item_id"] in ids
        with Image.open(shop.folder / query["image"]) as image:
            image.load()
            assert 640 <= max(image.size) <= 1000


@pytest.mark.slow
def test_one_worker_and_two_draw_the_same_bytes(tmp_path: Path) -> None:
    one, two = (write_shop(tmp_path / str(k), items=2, photos=1, workers=k).folder for k in (1, 2))
    assert hashes(one) == hashes(two)
    assert len(hashes(one)) > 2 * 2 + 1
    assert sum(map(len, draw_shop(tmp_path / "3", items=2, photos=1, workers=1))) == 2
    assert hashes(tmp_path / "3") == hashes(one)


def test_the_first_rows_have_one_product_of_each_kind_and_their_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []

    def note(
        folder: Path, seed: int, product: ProductPlan, photos: Iterable[PhotoPlan]
    ) -> list[Finished]:
        drawn.append(product.product_id)
        return [("products", product.product_id, ("front",))]

    monkeypatch.setattr("indexer.sample.shop.draw", note)
    batches = draw_shop(tmp_path, workers=1)
    first = next(batches)
    assert 100 <= len(first) <= 130
    assert {row["product_id"] for row in first} == set(drawn)
    assert len({row["categories"] for row in first}) == len(KINDS)
    assert not (tmp_path / "catalog.csv").exists()
    others = [row for batch in batches for row in batch]
    assert len(first) + len(others) == 640
    assert sorted(row["id"] for row in first + others) == sorted(
        row["id"] for row in lines(tmp_path / "catalog.csv")
    )


def test_progress_is_heard_up_to_the_last_product_and_photo(
    shop: SampleShop, heard: list[tuple[str, int, int]]
) -> None:
    assert shop.photos == PHOTOS
    products = len(plan_shop(items=ITEMS, photos=PHOTOS).products)
    assert ("products", products, products) in heard
    assert ("photos", PHOTOS, PHOTOS) in heard


@pytest.mark.slow
def test_two_variants_of_a_mug_look_different(tmp_path: Path) -> None:
    mugs = [p for p in plan_shop().products if p.kind.key == "mug"]
    product = mugs[0]
    [(_, _, views)] = draw(tmp_path, 7, product)
    pictures = []
    for item in product.items:
        with Image.open(tmp_path / product.images(item, views)[0]) as image:
            pictures.append(np.asarray(image, float))
    for k, first in enumerate(pictures):
        for second in pictures[k + 1 :]:
            assert np.abs(first - second).mean() > 2


@pytest.mark.slow
def test_every_pattern_of_every_kind_can_be_drawn() -> None:
    for pattern in sorted({p for k in KINDS for p in k.patterns} | set(PRINTS)):
        made = tile(pattern, COLORS["navy"], COLORS["white"])
        assert pattern == "solid" or len(np.unique(made.pixels)) > 1


def test_every_partner_of_a_color_is_a_color_of_the_palette() -> None:
    assert set(PARTNERS) == set(COLORS)
    assert {c for partners in PARTNERS.values() for c in partners} <= set(COLORS)


DRAW = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's jobs with & ignore Ctrl+C
from indexer.sample.shop import write_shop
if __name__ == "__main__":
    told = lambda *_: print("drawing", flush=True)
    write_shop(sys.argv[1], items=80, photos=0, workers=2, progress=told)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.slow
def test_who_stops_the_drawing_stops_its_workers(tmp_path: Path, how: signal.Signals) -> None:
    root = Path(__file__).parent.parent
    (tmp_path / "draw.py").write_text(DRAW)
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "draw.py"), str(tmp_path / "shop")],
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"drawing\n"
        process.send_signal(how)
        process.communicate(timeout=300)  # ends when the last worker has let go of the pipes
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode != 0
    assert not (tmp_path / "shop" / "catalog.csv").exists()


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("do not touch")
    with pytest.raises(Conflict, match="not empty"):
        write_shop(tmp_path, items=ITEMS, photos=0)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop").write_text("a file")
    with pytest.raises(Conflict, match="is a file"):
        write_shop(tmp_path / "shop", items=ITEMS, photos=0)
