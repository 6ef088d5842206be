"""Which file a catalog means, however it writes the path; and never one outside its folder."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from indexer.catalog.imagefiles import FoundPath, ImageFiles


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "shop"
    (folder / "p").mkdir(parents=True)
    for name in ("0.jpg", "a, b.jpg", "50%.jpg", "a b.jpg", "Big.JPG", "twin.jpg", "TWIN.jpg"):
        (folder / "p" / name).touch()
    (folder / unicodedata.normalize("NFD", "Mütze.jpg")).touch()
    (folder / "pub/media/catalog/product/m").mkdir(parents=True)
    (folder / "pub/media/catalog/product/m/1.jpg").touch()
    (tmp_path / "secret.jpg").touch()
    return folder


@pytest.mark.parametrize("path", ["p/0.jpg", "./p/0.jpg", "p\\0.jpg", "p/a, b.jpg", "p/50%.jpg"])
def test_the_path_of_a_file_stays_as_it_is_written(root, path):
    assert ImageFiles(root).find(path) == FoundPath(path)


@pytest.mark.parametrize(
    ("path", "found", "difference"),
    [
        ("/p/0.jpg", "p/0.jpg", ""),
        ("\\p\\0.jpg", "p/0.jpg", ""),
        ("p/0.jpg?v=12", "p/0.jpg", "its query"),
        ("p/a%20b.jpg", "p/a b.jpg", "its escapes"),
        ("p/a%20b.jpg?x=1&y=2", "p/a b.jpg", "its query and escapes"),
        ("p/big.jpg", "p/Big.JPG", "case"),
        ("P/0.JPG", "p/0.jpg", "case"),
        ("/P/0.JPG?v=1", "p/0.jpg", "its query and case"),
        ("/m/1.jpg", "pub/media/catalog/product/m/1.jpg", ""),
    ],
)
def test_a_path_that_differs_little_is_found_and_the_difference_named(
    root, path, found, difference
):
    assert ImageFiles(root).find(path) == FoundPath(found, difference)


def test_an_absolute_path_inside_the_folder_is_inside(root):
    assert ImageFiles(root).find(f"{root}/p/0.jpg") == FoundPath("p/0.jpg")


def test_an_absolute_path_through_a_link_to_the_folder_is_inside(root, tmp_path):
    (tmp_path / "link").symlink_to(root)
    assert ImageFiles(tmp_path / "link").find(f"{root}/p/0.jpg") == FoundPath("p/0.jpg")


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_accents_may_be_written_in_either_way(root, form):
    found = ImageFiles(root).find(unicodedata.normalize(form, "Mütze.jpg"))
    assert (root / found.path).is_file()
    assert found.difference == ""


def test_two_files_that_differ_in_case_are_no_answer(root):
    assert ImageFiles(root).find("p/Twin.JPG") == FoundPath("p/Twin.JPG")


@pytest.mark.parametrize(
    "path",
    ["../secret.jpg", "/../secret.jpg", "p/../../secret.jpg", "%2e%2e/secret.jpg", "/etc/passwd",
     "..%2fsecret.jpg", "C:\\secret.jpg", "a\0b", "x" * 5000, "", "\ud800.jpg", "..\\SECRET.jpg",
     "p/none.jpg", "&#46;&#46;/secret.jpg"],
)  # fmt: skip
def test_a_path_that_is_no_file_inside_stays_as_it_is(root, path):
    assert ImageFiles(root).find(path) == FoundPath(path)


@pytest.mark.parametrize("url", ["https://x.example/a.jpg", "data://x", "HTTP://x.example/b"])
def test_a_url_stays_a_url(root, url):
    assert ImageFiles(root).find(url) == FoundPath(url)


def test_a_url_without_scheme_gets_one(root):
    assert ImageFiles(root).find("//cdn.example/a.jpg") == FoundPath("https://cdn.example/a.jpg")


@pytest.mark.parametrize(
    ("cell", "paths"),
    [
        ("p/a, b.jpg", ["p/a, b.jpg"]),
        ("p/0.jpg, p/1.jpg", ["p/0.jpg", "p/1.jpg"]),
        ("p/0.jpg;p/1.jpg", ["p/0.jpg", "p/1.jpg"]),
        ("p/0.jpg | p/1.jpg", ["p/0.jpg", "p/1.jpg"]),
        ("p/0.jpg\np/1.jpg", ["p/0.jpg", "p/1.jpg"]),
        (",p/0.jpg,,", ["p/0.jpg"]),
        ("p/a, b.jpg, p/0.jpg", ["p/a, b.jpg", "p/0.jpg"]),
        ("p/0.jpg, p/a, b.jpg,p/1.jpg", ["p/0.jpg", "p/a, b.jpg", "p/1.jpg"]),
        ("", []),
        (
            "https://c/w_2,h_3/a.jpg, https://c/b.jpg",
            ["https://c/w_2,h_3/a.jpg", "https://c/b.jpg"],
        ),
        ("https://c/w_2,h_3/a.jpg", ["https://c/w_2,h_3/a.jpg"]),
        ("https://a/x.jpg,p/1.jpg", ["https://a/x.jpg", "p/1.jpg"]),
        ("https://a/?i=1,https://a/?i=2", ["https://a/?i=1", "https://a/?i=2"]),
    ],
)
def test_a_cell_is_one_path_if_that_file_exists_and_else_a_list(root, cell, paths):
    assert ImageFiles(root).split(cell) == paths


def test_a_folder_that_cannot_be_listed_holds_no_files(root, monkeypatch):
    def refuse(path: object) -> list[str]:
        raise PermissionError(13, "denied", str(path))

    monkeypatch.setattr(os, "listdir", refuse)
    assert ImageFiles(root).find("p/big.jpg") == FoundPath("p/big.jpg")


def test_a_relative_folder_works(root, monkeypatch):
    monkeypatch.chdir(root.parent)
    assert ImageFiles(Path("shop")).find(f"{root}/p/0.jpg") == FoundPath("p/0.jpg")
