"""The audit finds what was planted, and nothing else."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from indexer.classification.fit import fit_fields
from indexer.classification.labels import fields_of
from indexer.encoders.color import ColorEncoder
from indexer.store.store import Store
from search.audit.audit import audit_shop
from search.audit.contradictions import contradictions
from search.audit.copies import near_pairs, same_pictures, shared_files, signature, title_likeness
from search.audit.pictures_disagree import strangers
from search.audit.planting import error_confidences
from search.audit.titles import FAMILIES, TitleClaim, title_contradictions
from service.cli.main import main
from tests.kinds_shop import COLORS, build_kinds, product_picture
from tests.test_indexer_classification import blanks, shop


def audited(folder, **options):
    with Store(folder / "catalog.lmdb") as store:
        return audit_shop(store, ColorEncoder(), **options)


def placeholder():
    image = Image.new("RGB", (200, 200), (240, 240, 240))
    font = ImageFont.load_default(22)
    ImageDraw.Draw(image).multiline_text(
        (100, 100), "NO IMAGE\nAVAILABLE", (120, 120, 120), font, anchor="mm", align="center"
    )
    return image


PLANTED = {
    "mug-03": {"categories": ["Wear/Shoes"]},
    "plant-05": {"attributes": {"color": "red"}},
    "shoe-02": {"pictures": [placeholder()]},
    "shoe-03": {"pictures": [placeholder(), product_picture("red", 900)]},
    "plant-06": {"pictures": [product_picture("green", 700)]},
    "plant-07": {"pictures": [product_picture("green", 700)]},
    "mug-06": {"pictures": [product_picture("blue", 800), product_picture("red", 801)]},
}


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    folder = build_kinds(tmp_path_factory.mktemp("planted"), changes=PLANTED)
    return folder, audited(folder)


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    return build_kinds(tmp_path_factory.mktemp("clean"))


def of_kind(report, kind):
    return [finding for finding in report.findings if finding.kind == kind]


def test_a_mug_among_the_shoes_is_found_and_its_category_suggested(planted):
    (finding,) = of_kind(planted[1], "category")
    assert finding.items == ["mug-03"]
    assert (finding.given, finding.suggested) == ("Wear/Shoes", "Home/Mugs")
    assert finding.confidence > 0.5
    assert [picture.path for picture in finding.pictures] == [
        "images/mug-03-0.jpg", "images/mug-03-1.jpg"
    ]  # fmt: skip


def test_a_green_plant_called_red_is_found(planted):
    (finding,) = of_kind(planted[1], "color")
    assert finding.items == ["plant-05"]
    assert (finding.given, finding.suggested) == ("red", "green")


def test_titles_that_contradict_their_pictures_are_found(tmp_path):
    titles = {
        f"{kind}-{at:02}": {"title": f"{color.title()} {kind} {at}"}
        for kind, color in COLORS.items()
        for at in range(8)
    }
    titles["mug-05"] = {"title": "Red mug"}
    titles["shoe-05"] = {"title": "Red plant number 5"}
    found = of_kind(audited(build_kinds(tmp_path, changes=titles)), "title")
    assert {(one.items[0], one.given, one.suggested) for one in found} == {
        ("mug-05", "red", "blue"),
        ("shoe-05", "Home/Plants", "Wear/Shoes"),
    }


def test_a_placeholder_is_found_once_with_all_its_items(planted):
    (finding,) = of_kind(planted[1], "nothing")
    assert finding.items == ["shoe-02", "shoe-03"]
    assert "text" in finding.reason


def test_a_picture_of_two_products_is_found_and_placeholders_are_not_named_twice(planted):
    shared = [finding.items for finding in of_kind(planted[1], "same-picture")]
    assert ["plant-06", "plant-07"] in shared
    assert ["shoe-02", "shoe-03"] not in shared


def test_a_red_picture_of_a_blue_mug_disagrees_with_the_other(planted):
    found = of_kind(planted[1], "pictures-disagree")
    assert [finding.items for finding in found] == [["mug-06"]]


def test_a_clean_shop_has_no_findings_of_category_color_or_emptiness(clean):
    report = audited(clean)
    kinds = {finding.kind for finding in report.findings}
    assert not kinds & {"category", "color", "nothing", "pictures-disagree"}
    assert report.items == 24
    assert report.pictures == 48


def test_nothing_is_changed_by_an_audit(clean):
    before = {path: path.stat().st_mtime_ns for path in clean.rglob("*") if path.is_file()}
    audited(clean)
    after = {path: path.stat().st_mtime_ns for path in clean.rglob("*") if path.is_file()}
    lock = clean / "catalog.lmdb" / "lock.mdb"
    assert {path for path in after if before.get(path) != after[path]} <= {lock}


def test_a_tiny_shop_says_what_is_not_judged(tmp_path):
    report = audited(build_kinds(tmp_path, each=2))
    assert report.findings == [] or {f.kind for f in report.findings} <= {"same-picture"}
    assert "fewer than 15 products" in report.notes[0]


def test_a_shop_whose_items_are_all_deleted_is_audited_too(tmp_path):
    from search.engine import SearchEngine

    folder = build_kinds(tmp_path, each=2)
    with SearchEngine.open(folder, encoder=ColorEncoder()) as engine:
        engine.delete([item.item_id for item in engine.items(100)])
    report = audited(folder)
    assert (report.items, report.pictures, report.findings) == (0, 0, [])


def test_a_planted_label_is_surest_and_its_own_label_is_suggested(rng):
    pictures, _ = shop(rng, count=120)
    items = list(pictures.items)
    items[7] = items[8].__class__(item_id="i7", product_id="p7", categories=["Home/Mugs"])
    (fit,) = fit_fields(pictures._replace(items=items), blanks(rng), fields_of(items))
    first = contradictions(fit, pictures.products)[0]
    labels = fit.fitted.field.labels
    assert first.members.tolist() == [7]
    assert (labels[first.given], labels[first.suggested]) == ("Home/Mugs", "Wear/Hats")


def test_a_category_above_a_collection_that_pictures_do_not_show_is_judged(rng):
    pictures, _ = shop(rng, count=120)
    chance = np.random.default_rng(5)
    items = [
        item.__class__(
            item_id=item.item_id,
            product_id=item.product_id,
            categories=[item.categories[0] + ("" if chance.integers(4) else "/New")],
        )
        for item in pictures.items
    ]
    items[7] = items[7].__class__(item_id="i7", product_id="p7", categories=["Home/Mugs"])
    (fit,) = fit_fields(pictures._replace(items=items), blanks(rng), fields_of(items))
    first = contradictions(fit, pictures.products)[0]
    labels = fit.fitted.field.labels
    assert first.members.tolist() == [7]
    assert (labels[first.given], labels[first.suggested]) == ("Home/Mugs", "Wear/Hats")


def test_labels_that_pictures_do_not_show_are_not_judged(rng):
    pictures, _ = shop(rng, count=120)
    chance = np.random.default_rng(5)
    items = [
        item.__class__(
            item_id=item.item_id,
            product_id=item.product_id,
            categories=[*item.categories, f"Sale/{chance.integers(2)}"],
        )
        for item in pictures.items
    ]
    (fit,) = fit_fields(pictures._replace(items=items), blanks(rng), fields_of(items))
    cases = contradictions(fit, pictures.products)
    judged = {fit.fitted.field.labels[case.given] for case in cases}
    assert judged == {"Wear/Shoes", "Wear/Hats", "Home/Mugs"}


def test_the_confidence_of_an_error_grows_with_suspicion(rng):
    given = np.concatenate([rng.normal(-3, 1, (200, 1)), [[4.0]]])
    planted = rng.normal(4, 1, (400, 1))
    doubt = error_confidences(given, planted, 0.03)
    assert doubt[-1] > 0.7
    assert doubt[:-1].max() < 0.5


def test_only_pictures_of_other_products_are_pairs(rng):
    one = rng.normal(size=(1, 16))
    vectors = np.repeat(one / np.linalg.norm(one), 3, axis=0).astype(np.float32)
    assert near_pairs(vectors, np.array([0, 0, 1])) == [(0, 2), (1, 2)]
    assert near_pairs(vectors[:0], np.empty(0, np.int64)) == []


def test_a_file_of_three_products_comes_before_one_of_two():
    contents = [b"a", b"a", b"b", b"b", b"b", b"c", b"a"]
    products = np.array([0, 1, 2, 3, 4, 5, 0])
    assert [found.places for found in shared_files(contents, products)] == [(2, 3, 4), (0, 1)]


def test_the_same_picture_is_found_in_another_file_and_a_like_one_is_not():
    shots = [product_picture("red", 1), product_picture("red", 1), product_picture("red", 2)]
    small = [signature(np.asarray(shot)) for shot in shots]
    small[1] = small[1] + 1.0  # saved again: all levels a little off
    pairs, products = [(0, 1), (0, 2)], np.array([0, 1, 2])
    shared, near = same_pictures(pairs, products, [b"a", b"b", b"c"], lambda at: small[at])
    assert [found.places for found in shared] == [(0, 1)]
    assert shared[0].confidence > 0.9
    assert near == {(0, 1): 2}


def test_a_picture_that_cannot_be_read_is_no_copy():
    found = same_pictures([(0, 1)], np.array([0, 1]), [b"a", b"b"], lambda _: None)
    assert found == ([], {})


def test_patterns_that_contradict_the_pictures_are_found_in_labels_and_titles(tmp_path):
    patterns = {"shoe": "striped", "mug": "plain", "plant": "floral"}
    items = {
        f"{kind}-{at:02}": {
            "title": f"{pattern.title()} thing {at}",
            "attributes": {"pattern": pattern},
        }
        for kind, pattern in patterns.items()
        for at in range(12)
    }
    items["mug-05"]["title"] = "Thing with stripes"
    items["plant-02"]["title"] = "Not striped, but floral"
    items["plant-06"]["attributes"] = {"pattern": "plain"}
    report = audited(build_kinds(tmp_path, each=12, changes=items))
    (label,) = of_kind(report, "pattern")
    assert (label.items, label.given, label.suggested) == (["plant-06"], "plain", "floral")
    (title,) = of_kind(report, "title")
    assert (title.items, title.given, title.suggested) == (["mug-05"], "striped", "plain")
    assert of_kind(report, "color") == []


def test_titles_are_alike_by_their_words():
    assert title_likeness("Red canvas shoe", "red canvas SHOE") == 1
    assert title_likeness("Red shoe", "Blue mug") == 0
    assert title_likeness("", "") == 0


def test_pictures_without_siblings_are_not_judged(rng):
    vectors = rng.normal(size=(20, 8)).astype(np.float32)
    one_each = np.arange(20)
    assert strangers(vectors, one_each, one_each, np.zeros((20, 0))) == []


def test_the_command_prints_json_and_draws_a_sheet(planted, tmp_path, capsys):
    sheet = tmp_path / "sheet.png"
    with pytest.raises(SystemExit) as end:
        main(["audit", "--shop", str(planted[0]), "--sheet", str(sheet), "--json"])
    assert end.value.code == 0
    report = json.loads(capsys.readouterr().out)
    assert {"category", "color", "nothing"} <= {found["kind"] for found in report["findings"]}
    with Image.open(sheet) as drawn:
        assert drawn.height > 300
        assert 1000 < drawn.width < 1400  # findings stand side by side, at most ten pictures


@pytest.mark.parametrize(
    ("given", "suggested", "shown"),
    [
        ("Wear/Shoes", "Home/Mugs", ("Shoes", "Mugs")),
        ("Women/Wear/Pants", "Men/Wear/Pants", ("Women", "Men")),
        ("Pants", "Wear/Pants", ("Pants", "Wear/Pants")),
    ],
)
def test_labels_on_the_sheet_are_told_apart(given, suggested, shown):
    from service.cli.audit_command import labels_apart

    assert labels_apart(given, suggested) == shown


def test_the_command_names_the_findings(planted, capsys):
    with pytest.raises(SystemExit):
        main(["audit", "--shop", str(planted[0])])
    out = capsys.readouterr().out
    assert "the category is 'Wear/Shoes', but the pictures look like 'Home/Mugs'" in out
    assert "nothing was changed" in out


def test_a_folder_that_is_no_shop_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        main(["audit", "--shop", str(Path(tmp_path))])
    assert end.value.code == 1
    assert "vitrine index" in capsys.readouterr().err


def test_a_color_of_a_quarter_of_each_picture_is_judged_by_what_other_pictures_have():
    shares = np.full((24, len(FAMILIES)), 0.05)
    for at in range(24):
        shares[at, at % 4] = 0.25  # the rest of a picture is background and shade
    claims = [TitleClaim(np.array([at]), frozenset({at % 4})) for at in range(24)]
    claims[5] = TitleClaim(np.array([5]), frozenset({2}))
    assert title_contradictions(claims, shares) == []
    first, *others = title_contradictions(claims, shares, of_colors=True)
    assert (first.members.tolist(), first.given, first.suggested) == ([5], 2, 1)
    assert first.confidence > 0.5 > max(one.confidence for one in others)
