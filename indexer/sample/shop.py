"""Write the sample shop: a catalog with pictures, and shopper photos with their items."""

from __future__ import annotations

import csv
import io
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from indexer.errors import Conflict
from indexer.progress import Progress
from indexer.sample.paint import develop, plate, shoot, studio
from indexer.sample.photos import snap
from indexer.sample.plan import COLUMNS, PhotoPlan, ProductPlan, ShopPlan, plan_shop, rows
from indexer.sample.wardrobe import paints_of

MARK = ".sample-shop"  # a folder with this file may be overwritten
SIDE = 480
QUALITY = 88


@dataclass(frozen=True)
class SampleShop:
    """The paths and counts of a finished sample shop."""

    folder: Path
    catalog: Path
    queries: Path
    items: int
    images: int
    photos: int


def write_shop(
    folder: Path,
    *,
    items: int = 640,
    photos: int = 240,
    seed: int = 7,
    workers: int | None = None,
    progress: Progress | None = None,
) -> SampleShop:
    """Draw a shop into a folder: catalog.csv, images/, queries.csv and photos/.

    The same numbers give the same bytes, whatever the number of worker processes (None: one per
    CPU; 1 draws in this process). ``progress`` is called with the stages "products" and "photos",
    which advance side by side. Raises Conflict if the folder holds anything but a sample shop.
    """
    folder = Path(folder)
    _claim(folder)
    plan = plan_shop(items=items, photos=photos, seed=seed)
    views: Views = {}
    done = {"products": 0, "photos": 0}
    total = {"products": len(plan.products), "photos": len(plan.photos)}
    with closing(
        _draw_all(folder, plan, plan.products, workers)
    ) as drawn:  # ends the workers, whatever happens here
        for stage, name, made in drawn:
            done[stage] += 1
            if stage == "products":
                views[name] = made
            if progress is not None:
                progress(stage, done[stage], total[stage])
    return _write_tables(folder, plan, views)


def draw_shop(
    folder: Path, *, items: int = 640, photos: int = 240, seed: int = 7, workers: int | None = None
) -> Generator[list[dict[str, str]]]:
    """Draw the shop that ``write_shop`` draws, and yield rows of its catalog as pictures are ready.

    The first list has one product of each kind, which is a small shop of its own; each further
    list has one product, and nothing more is drawn before the second list is asked for. catalog.csv
    and queries.csv are written after the last list. Raise Conflict if the folder holds anything but
    a sample shop.
    """
    folder = Path(folder)
    _claim(folder)
    plan = plan_shop(items=items, photos=photos, seed=seed)
    products = {product.product_id: product for product in plan.products}
    views: Views = {}
    first = plan.one_of_each_kind()
    with closing(_draw_all(folder, plan, first, workers)) as drawn:
        views |= {name: made for stage, name, made in drawn if stage == "products"}
    yield [row for product in first for row in rows(product, views[product.product_id])]
    others = [product for product in plan.products if product not in first]
    with closing(_draw_all(folder, plan, others, workers)) as drawn:
        for stage, name, made in drawn:
            if stage == "products":
                views[name] = made
                yield rows(products[name], made)
    _write_tables(folder, plan, views)


def _write_tables(folder: Path, plan: ShopPlan, views: Views) -> SampleShop:
    table = [row for p in plan.products for row in rows(p, views[p.product_id])]
    catalog, queries = folder / "catalog.csv", folder / "queries.csv"
    write_csv(queries, ("image", "item_id"),
              ({"image": p.path, "item_id": p.item.item_id} for p in plan.photos))  # fmt: skip
    write_csv(catalog, COLUMNS, table)
    images = sum(len(row["images"].split(";")) for row in table)
    return SampleShop(folder, catalog, queries, len(table), images, len(plan.photos))


def _claim(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise Conflict(f"{folder} is a file; the sample shop needs a folder of its own")
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise Conflict(
            f"{folder} is not empty and not a sample shop; name a new folder, or empty this one"
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).write_text("Drawn by vitrine; drawn over when asked for again.\n")
    (folder / "photos").mkdir(exist_ok=True)


Finished = tuple[str, str, tuple[str, ...]]  # stage, name, view names
Views = dict[str, tuple[str, ...]]  # names of the views of each product, by its id


def _draw_all(
    folder: Path, plan: ShopPlan, products: Iterable[ProductPlan], workers: int | None
) -> Generator[Finished]:
    """Draw products and the photos of them; yield each picture set and photo when it is ready."""
    jobs = [
        (folder, plan.seed, product, tuple(p for p in plan.photos if p.product is product))
        for product in products
    ]
    workers = workers if workers is not None else (os.cpu_count() or 1)
    if workers <= 1:
        for job in jobs:
            yield from draw(*job)
        return
    context = multiprocessing.get_context("spawn")
    with (
        _hidden_main(),
        ProcessPoolExecutor(workers, mp_context=context, initializer=_follow_parent) as pool,
    ):
        try:
            for done in as_completed([pool.submit(draw, *job) for job in jobs]):
                yield from done.result()
        except BaseException:  # Ctrl-C, or a full disk: do not start the remaining jobs
            pool.shutdown(cancel_futures=True)
            raise


def _follow_parent() -> None:
    """Make a worker ignore Ctrl-C, and end with its parent, even if the parent is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _hidden_main() -> Iterator[None]:
    """Keep workers from importing the caller's script, which may have no main guard."""
    main = sys.modules["__main__"]
    kept = {k: main.__dict__.get(k) for k in ("__file__", "__spec__")}
    main.__dict__.update(__spec__=None)
    main.__dict__.pop("__file__", None)
    try:
        yield
    finally:
        main.__dict__.update({k: v for k, v in kept.items() if k == "__spec__" or v is not None})


def draw(
    folder: Path, seed: int, product: ProductPlan, photos: Iterable[PhotoPlan] = ()
) -> list[Finished]:
    """Draw the pictures of all variants of a product, and some shopper photos of it.

    The variants share a shot, which is most of the work.
    """
    model = product.kind.draw(product.style)
    (folder / "images" / product.product_id).mkdir(parents=True, exist_ok=True)
    names = tuple(view.name for view in model.views)
    looks = {item.item_id: paints_of(product, item) for item in product.items}
    for number, view in enumerate(model.views):
        shot = shoot(model, view, height=SIDE, width=SIDE)
        ready = plate(shot, studio(shot))
        for item in product.items:
            path = folder / product.images(item, names)[number]
            _write_jpeg(path, Image.fromarray(develop(ready, looks[item.item_id])), QUALITY)
    made: list[Finished] = [("products", product.product_id, names)]
    for photo in photos:
        image, quality = snap(photo, seed, model, looks[photo.item.item_id])
        _write_jpeg(folder / photo.path, image, quality)
        made.append(("photos", photo.path, ()))
    return made


def _write_jpeg(path: Path, image: Image.Image, quality: int) -> None:
    data = io.BytesIO()
    image.save(data, "JPEG", quality=quality)
    path.write_bytes(data.getvalue())


def read_csv(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table of the sample shop."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_csv(path: Path, columns: tuple[str, ...], table: Iterable[Mapping[str, str]]) -> None:
    """Write rows, each a mapping from column to cell, with a header."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
