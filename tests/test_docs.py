"""The docs match the code: README's Python runs, its lists and all named files are current."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from indexer.encoders.registry import FORMS, load_encoder
from indexer.items import Item
from indexer.sample.shop import SampleShop
from indexer.store.store import Store
from indexer.writing.writes import Draft, ImageInput, put_items
from service.cli.main import vitrine
from service.http.app import create_app
from service.settings import Settings
from tests.conftest import COLORS, jpeg, plain

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]


@pytest.fixture(scope="module")
def demo_folder(
    tmp_path_factory: pytest.TempPathFactory, drawn_shop: SampleShop, drawn_index: Path
) -> Path:
    """A folder as ``scripts/demo`` leaves it, with a smaller shop."""
    folder = tmp_path_factory.mktemp("demo")
    shutil.copytree(drawn_shop.folder, folder / "sample-shop" / "catalog")
    shutil.copytree(drawn_index, folder / "sample-shop" / "shop")
    # README asks for three hits of "red mug"; the smaller shop has a red vase and an olive mug.
    mug = Item(
        item_id="mug", product_id="mug", title="Red mug", price=9.0, currency="EUR", in_stock=True
    )
    picture = jpeg(plain(COLORS["red"]))
    with Store(folder / "sample-shop" / "shop" / "catalog.lmdb") as store:
        draft = Draft("mug", lambda _: mug, [ImageInput("mug.jpg", lambda: picture)])
        put_items(store, load_encoder(), [draft])
    return folder


def test_the_readmes_python_runs_and_finds_products(demo_folder: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=demo_folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 7  # three by photo, three by words, one list
    assert re.match(r"-?[01]\.\d\d  \S+  \S+", lines[0])
    assert lines[-1].startswith("['")


def test_the_readmes_python_has_at_most_eight_lines() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len([line for line in code.splitlines() if line.strip()]) <= 8


@pytest.mark.slow
def test_the_pages_of_commands_settings_and_classes_are_those_of_the_code() -> None:
    script = ROOT / "scripts" / "reference.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_readme_names_every_kind_of_encoder() -> None:
    for form in FORMS:
        kind = form.partition(":")[0]
        assert re.search(rf"`{kind}[:`]", README), kind


def test_the_readme_names_every_command() -> None:
    table = README.split("| to | commands |")[1].split("\n\n")[0]
    named = {name.removeprefix("vitrine ") for name in re.findall(r"`([a-z -]+)`", table)}
    assert named == set(vitrine.list_commands(click.Context(vitrine)))


def test_the_page_of_the_api_names_every_path() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    for path in create_app(Settings()).openapi()["paths"]:
        assert path.replace("{item_id}", "{id}") in page, path


def test_links_between_the_docs_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_links_to_headings_lead_to_a_heading() -> None:
    for page in PAGES:
        for file, anchor in re.findall(
            r"\]\(([\w./-]*)#([^)]+)\)", page.read_text(encoding="utf-8")
        ):
            target = page.parent / file if file else page
            assert anchor in _anchors(target), f"{page.name} links to {file}#{anchor}"


def test_files_that_the_docs_name_exist() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for path in re.findall(r"`((?:style|indexer|search|service|scripts|tests)/[\w./-]*)", text):
            assert (ROOT / path).exists(), f"{page.name} names {path}"


def test_names_in_where_to_find_things_are_in_the_code() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page.split("\n## Where to find things\n")[1].split("\n## ")[0]
    words = {
        word
        for package in ("style", "indexer", "search", "service")
        for path in (ROOT / package).rglob("*.py")
        for word in re.findall(r"\w+", path.read_text(encoding="utf-8"))
    }
    names = re.findall(r"`([A-Za-z_]+(?:\.[a-z_]+)?)`", section)
    assert len(names) > 20
    for name in names:
        for word in name.split("."):
            assert word in words, f"the code has no {word}"


def _anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_page_of_tasks_names_the_tests_that_do_them() -> None:
    rows = re.findall(
        r"^\| (\d+) \|.*\| `(\w+)` \|$",
        (ROOT / "docs" / "tasks.md").read_text("utf-8"),
        re.MULTILINE,
    )
    assert [int(number) for number, _ in rows] == list(range(1, 26))
    code = "".join(
        (ROOT / "tests" / name).read_text("utf-8")
        for name in ("test_tasks_shopper.py", "test_tasks_operator.py", "test_service_embed.py")
    )
    assert [name for _, name in rows if f"def test_{name}(" not in code] == []
