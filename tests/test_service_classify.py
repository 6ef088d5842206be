"""``vitrine classify`` and ``POST /v1/classify``: what a photo shows, in the shop's own words."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from indexer.classification.classifier import CLASSIFIER, Classifier
from indexer.encoders.color import ColorEncoder
from indexer.errors import BadQuery
from indexer.jobs.rebuild import rebuild_index
from indexer.shop.folder import ShopFolder
from search.engine import SearchEngine
from service.cli.main import main
from tests.conftest import jpeg, plain
from tests.kinds_shop import build_kinds, product_picture


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """A shop of red shoes, blue mugs and green plants. Shared: do not write into it."""
    return build_kinds(tmp_path_factory.mktemp("kinds"))


@pytest.fixture(scope="module")
def engine(kinds):
    with SearchEngine.open(kinds) as opened:
        yield opened


def photo(color, seed=5000):
    return jpeg(product_picture(color, seed, side=140))


def noise(rng):
    return jpeg(Image.fromarray(rng.integers(0, 256, (90, 90, 3), dtype=np.uint8)))


def test_a_new_red_thing_is_a_shoe_and_red(engine):
    found = engine.classify(photo("red"))
    assert [label.name for label in found.categories] == ["Wear/Shoes"]
    assert found.categories[0].confidence > 0.7
    assert [label.name for label in found.attributes["color"]] == ["red"]
    assert found.colors[0].name == "red"


def test_noise_has_no_category(engine, rng):
    found = engine.classify(noise(rng))
    assert found.categories == []
    assert found.attributes == {}
    assert len(found.colors) >= 1


def test_a_gray_photo_is_classified_without_error(engine):
    gray = Image.fromarray(np.full((80, 120), 128, np.uint8), "L")
    found = engine.classify(jpeg(gray))
    assert [color.name for color in found.colors] == ["gray"]


def test_a_lower_least_confidence_lists_more(engine):
    sure = engine.classify(photo("blue"))
    everything = engine.classify(photo("blue"), 0.0)
    assert len(everything.categories) > len(sure.categories)
    assert everything.categories[0] == sure.categories[0]


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan")])
def test_a_least_confidence_outside_of_0_to_1_is_refused(engine, wrong):
    with pytest.raises(BadQuery, match="min_confidence must be from 0 to 1"):
        engine.classify(photo("blue"), wrong)


def test_a_generation_has_a_classifier(kinds):
    shop = ShopFolder(kinds)
    assert CLASSIFIER in shop.manifest("000001").files
    names = [
        fit.field.name for fit in Classifier.load(shop.generations / "000001" / CLASSIFIER).fields
    ]
    assert names == ["category", "color"]


def test_a_generation_without_a_classifier_learns_one_when_it_is_asked(kinds, engine, tmp_path):
    """As a shop that an earlier version has built."""
    shutil.copytree(kinds, tmp_path / "old")
    shop = ShopFolder(tmp_path / "old")
    manifest = shop.manifest("000001")
    files = {name: found for name, found in manifest.files.items() if name != CLASSIFIER}
    path = shop.generations / "000001"
    (path / "manifest.json").write_bytes(manifest.sealed(files).encoded())
    (path / CLASSIFIER).unlink()
    with SearchEngine.open(tmp_path / "old") as old:
        found, expected = old.classify(photo("green")), engine.classify(photo("green"))
    assert found.categories[0].name == expected.categories[0].name
    # The stored classifier is rounded.
    sure, right = (result.attributes["color"][0].confidence for result in (found, expected))
    assert sure == pytest.approx(right, abs=0.01)


def test_a_rebuild_learns_new_categories(kinds, tmp_path):
    shutil.copytree(kinds, tmp_path / "shop")
    with SearchEngine.open(tmp_path / "shop") as engine:
        mugs = [item.item_id for item in engine.items(100) if item.item_id.startswith("mug")]
        engine.delete(mugs)
    rebuild_index(ShopFolder(tmp_path / "shop"), ColorEncoder())
    with SearchEngine.open(tmp_path / "shop") as engine:
        (category, *_) = [fit.field for fit in engine.classifier.classifier.fields]
    assert category.labels == ("Home", "Home/Plants", "Wear", "Wear/Shoes")


@pytest.mark.parametrize("category", [[], ["Things"]], ids=["no category", "one category"])
def test_a_shop_with_at_most_one_category_has_attributes_only(category, tmp_path):
    names = [f"{kind}-{n:02}" for kind in ("shoe", "mug", "plant") for n in range(5)]
    changes = {name: {"categories": category} for name in names}
    with SearchEngine.open(build_kinds(tmp_path, each=5, changes=changes)) as engine:
        found = engine.classify(photo("green"))
    assert found.categories == []
    assert [label.name for label in found.attributes["color"]] == ["green"]


def test_a_tiny_shop_says_why_it_knows_nothing(tiny_shop, tmp_path):
    with SearchEngine.open(build_kinds(tmp_path, each=2)) as engine:
        found = engine.classify(photo("green"))
    assert (found.categories, found.attributes) == ([], {})
    assert "too few products" in found.note


def run(*words):
    with pytest.raises(SystemExit) as end:
        main(["classify", *map(str, words)])
    return end.value.code


def test_the_command_prints_a_result_for_each_photo(kinds, tmp_path, capsys):
    for name, color in (("a.jpg", "red"), ("b.jpg", "blue")):
        (tmp_path / name).write_bytes(photo(color))
    assert run(tmp_path / "a.jpg", tmp_path / "b.jpg", "--shop", kinds, "--json") == 0
    first, second = json.loads(capsys.readouterr().out)
    assert first["photo"].endswith("a.jpg")
    assert first["categories"][0]["name"] == "Wear/Shoes"
    assert set(first["categories"][0]) == {"name", "confidence"}
    assert second["attributes"]["color"][0]["name"] == "blue"


def test_a_corrupt_photo_does_not_keep_the_others_from_being_classified(kinds, tmp_path, capsys):
    (tmp_path / "bad.jpg").write_bytes(b"no photo")
    (tmp_path / "good.jpg").write_bytes(photo("red"))
    files = [tmp_path / "bad.jpg", tmp_path / "good.jpg", tmp_path / "missing.jpg"]
    assert run(*files, "--shop", kinds, "--json") == 1
    out = capsys.readouterr()
    bad, good, missing = json.loads(out.out)
    assert "error" in bad
    assert "error" in missing
    assert good["categories"][0]["name"] == "Wear/Shoes"
    assert "bad.jpg" in out.err


def test_the_command_prints_a_report(kinds, tmp_path, capsys):
    (tmp_path / "a.jpg").write_bytes(photo("red"))
    assert run(tmp_path / "a.jpg", "--shop", kinds) == 0
    out = capsys.readouterr()
    assert "Wear/Shoes" in out.out
    assert "learned from the shop: category, color" in out.err


def test_the_route_classifies_an_uploaded_photo(serve, kinds):
    http = serve(shop=kinds)
    reply = http.post("/v1/classify", files={"image": ("a.jpg", photo("red"), "image/jpeg")})
    assert reply.status_code == 200
    body = reply.json()
    assert body["categories"][0]["name"] == "Wear/Shoes"
    assert body["attributes"]["color"][0]["name"] == "red"
    assert body["colors"][0]["name"] == "red"
    assert body["note"] == ""


@pytest.mark.parametrize(
    ("fields", "files", "param"),
    [
        ({}, {}, "image"),
        ({}, {"image": b"no photo"}, "image"),
        ({"min_confidence": "2"}, {"image": jpeg(plain((200, 30, 40)))}, "min_confidence"),
        ({"size": "1"}, {"image": jpeg(plain((200, 30, 40)))}, "size"),
    ],
)
def test_a_bad_request_is_refused_by_the_name_of_its_field(serve, kinds, fields, files, param):
    sent = {name: ("a.jpg", data, "image/jpeg") for name, data in files.items()}
    sent = sent or {"other": (None, "x")}
    reply = serve(shop=kinds).post("/v1/classify", data=fields, files=sent)
    assert reply.status_code == 422
    problem = reply.json()
    named = problem["param"] or ""
    assert param in named or "other" in named
