"""The classifier of a shop: labels, head, votes and confidence, on vectors one can see through."""

import numpy as np
import pytest

from indexer.arrays import unit
from indexer.classification.classifier import Classifier, Curve
from indexer.classification.evidence import evidence, rivals_of
from indexer.classification.fit import (
    NO_FIELDS,
    Pictures,
    calibration_error,
    fit_classifier,
    fit_fields,
)
from indexer.classification.labels import (
    ABSENT,
    PRESENT,
    UNKNOWN,
    Field,
    fields_of,
    labels_of,
    paths_to,
    truth_of,
)
from indexer.classification.ridge import cross_fit, folds_of
from indexer.classification.votes import find_neighbors
from indexer.confidence.curve import sigmoid
from indexer.errors import IndexCorrupt
from indexer.items import Item

NO_COLORS = frozenset()
KINDS = ("Wear/Shoes", "Wear/Hats", "Home/Mugs")


def item(number, category, **attributes):
    return Item(
        item_id=f"i{number}",
        product_id=f"p{number}",
        categories=[category] if category else [],
        attributes=attributes,
    )


def shop(rng, *, count=60, spread=0.25, kinds=KINDS, **attributes):
    """Pictures around one direction for each kind; ``spread`` is how far they are from it."""
    centers = unit(rng.normal(size=(len(kinds), 24)))
    kind = np.arange(count) % len(kinds)
    vectors = unit(centers[kind] + spread * rng.normal(size=(count, 24)) / np.sqrt(24))
    items = [item(n, kinds[k], **{a: f(n) for a, f in attributes.items()})
             for n, k in enumerate(kind)]  # fmt: skip
    pictures = Pictures(items, vectors, np.arange(count), np.zeros((count, 29), np.float32))
    return pictures, centers


def blanks(rng, count=32):
    """Pictures without a product: vectors in no particular direction."""
    return unit(rng.normal(size=(count, 24)))


def fitted(rng, **options):
    pictures, centers = shop(rng, **options)
    return fit_classifier(pictures, blanks(rng), NO_COLORS), centers


def sure_of(classifier, vector, field="category"):
    (at,) = [n for n, fit in enumerate(classifier.fields) if fit.field.name == field]
    confidences = classifier.confidences(vector[None], None)[at][0]
    return dict(zip(classifier.fields[at].field.labels, confidences.tolist(), strict=True))


def test_a_category_has_the_categories_above_it():
    assert paths_to("Wear / Shoes/Boots") == ["Wear", "Wear/Shoes", "Wear/Shoes/Boots"]
    assert paths_to(" / ") == []


def test_fields_are_categories_and_attributes_with_few_values():
    items = [
        item(n, KINDS[n % 3], color="Red" if n % 2 else "blue", sku=f"sku-{n}", weight=1.5 * n)
        for n in range(30)
    ]
    category, color = fields_of(items)
    assert category.labels == ("Home", "Home/Mugs", "Wear", "Wear/Hats", "Wear/Shoes")
    assert (color.name, color.labels, color.of_color) == ("color", ("blue", "Red"), True)


def test_values_that_differ_in_case_are_one_label_in_the_common_spelling():
    items = [item(n, "A", fit="Slim" if n % 3 else "slim") for n in range(12)]
    items += [item(n, "B", fit="wide") for n in range(12, 20)]
    fields = {field.name: field for field in fields_of(items)}
    assert fields["fit"].labels == ("Slim", "wide")


def test_an_attribute_is_of_color_by_its_values_too():
    items = [item(n, "A", shade=["red", "blue", "green"][n % 3]) for n in range(12)]
    (shade,) = fields_of(items, frozenset({"red", "blue", "green"}))
    assert shade.of_color


def test_values_that_come_in_sets_are_no_field():
    sizes = [["S", "M", "L"], ["28", "29", "30"]]
    care = [["wash", "iron"], ["wash"], ["iron"], ["dry"]]
    items = [item(n, "A", sizes=sizes[n % 2], care=care[n % 4]) for n in range(40)]
    assert [field.name for field in fields_of(items)] == ["care"]


@pytest.mark.parametrize("categories", [[], [""], ["Shoes"]])
def test_a_shop_with_at_most_one_category_has_no_field_of_categories(categories):
    items = [Item(item_id=str(n), product_id=str(n), categories=categories) for n in range(20)]
    assert fields_of(items) == []


def test_a_missing_value_is_unknown_where_others_have_it_and_absent_elsewhere():
    field = Field("strap", ("long", "short"))
    bags = [item(n, "Bags", strap="long") for n in range(5)] + [item(5, "Bags")]
    shirts = [item(n, "Shirts") for n in range(6, 12)]
    truth = truth_of([*bags, *shirts], field)
    assert truth[0].tolist() == [PRESENT, ABSENT]
    assert truth[5].tolist() == [UNKNOWN, UNKNOWN]
    assert truth[8].tolist() == [ABSENT, ABSENT]


def test_lists_and_yes_or_no_are_labels_too():
    garment = item(1, "A", climate=["Warm", " Mild "], vegan=True)
    assert labels_of(garment, "climate") == ["Warm", "Mild"]
    assert labels_of(garment, "vegan") == ["yes"]
    assert labels_of(garment, "size") == []


def test_a_category_excludes_its_siblings_but_not_those_above_it():
    field = Field("category", ("Wear", "Wear/Hats", "Wear/Shoes"))
    assert rivals_of(field).tolist() == [
        [False, False, False],
        [False, False, True],
        [False, True, False],
    ]


def test_the_margin_is_that_over_the_best_rival():
    scores = np.array([[0.9, 0.2, 0.7]])
    rivals = rivals_of(Field("color", ("a", "b", "c")))
    found = evidence(scores, np.zeros((1, 3)), np.ones(1), rivals)
    assert found[0, :, 1] == pytest.approx([0.2, -0.7, -0.2])


def test_pictures_of_a_product_share_a_fold():
    products = np.array([5, 5, 7, 7, 7, 9])
    folds = folds_of(products)
    assert folds[0] == folds[1]
    assert len(set(folds[2:5].tolist())) == 1


def test_no_score_comes_from_a_head_that_saw_the_product(rng):
    """Random labels cannot be told for a product that was not seen."""
    features = rng.normal(size=(64, 200))
    products = np.repeat(np.arange(32), 2)
    features[1::2] = features[::2]  # two pictures that are the same
    targets = np.repeat(rng.integers(0, 2, 32), 2)[:, None].astype(float)
    scores = cross_fit(features, targets, np.ones(64), folds_of(products)).scores
    assert abs(np.corrcoef(scores[:, 0], targets[:, 0])[0, 1]) < 0.5


def test_the_votes_of_one_product_are_shared_among_its_pictures():
    vectors = unit(np.array([[1, 0.0], [1, 0.01], [1, 0.02], [1, -0.01]]))
    products = np.array([0, 0, 0, 1])
    near = find_neighbors(unit(np.array([[1, 0.0]])), vectors, products)
    truth = np.array([[1, 0], [1, 0], [1, 0], [0, 1]], dtype=np.int8)
    assert near.shares(truth)[0] == pytest.approx([0.5, 0.5], abs=0.01)


def test_the_own_product_does_not_vote():
    vectors = unit(np.array([[1, 0.0], [0.9, 0.1], [0, 1.0]]))
    products = np.array([0, 0, 1])
    near = find_neighbors(vectors[:1], vectors, products, own=np.array([0]))
    truth = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.int8)
    assert near.shares(truth)[0].tolist() == [0, 1]


def test_a_new_shoe_is_a_shoe(rng):
    classifier, centers = fitted(rng)
    sure = sure_of(classifier, centers[0])
    assert max(KINDS, key=sure.get) == "Wear/Shoes"
    assert sure["Wear/Shoes"] > 0.8
    assert sure["Wear"] >= sure["Wear/Shoes"]
    assert sure["Home/Mugs"] < 0.2


def test_noise_is_nothing_of_the_shop(rng):
    classifier, _ = fitted(rng)
    noise = unit(rng.normal(size=(40, 24)))
    assert np.median(classifier.confidences(noise, None)[0].max(axis=1)) < 0.5


def test_between_two_hats_and_shoes_only_the_category_above_both_is_sure(rng):
    classifier, centers = fitted(rng, spread=0.6)
    sure = sure_of(classifier, unit(centers[0] + centers[1]))
    assert sure["Wear"] > max(sure["Wear/Shoes"], sure["Wear/Hats"])


def test_an_attribute_that_pictures_do_not_show_is_left_out(rng):
    chance = np.random.default_rng(3)
    pictures, _ = shop(rng, count=120, sale=lambda _: str(chance.integers(2)))
    classifier = fit_classifier(pictures, blanks(rng), NO_COLORS)
    assert [fit.field.name for fit in classifier.fields] == ["category"]


def test_a_category_that_pictures_do_not_show_is_left_out_with_those_above_it(rng):
    chance = np.random.default_rng(3)
    pictures, _ = shop(rng, count=120)
    items = [
        Item(item_id=i.item_id, product_id=i.product_id,
             categories=[*i.categories, f"Sale/{chance.integers(2)}"])
        for i in pictures.items
    ]  # fmt: skip
    classifier = fit_classifier(pictures._replace(items=items), blanks(rng), NO_COLORS)
    labels = classifier.fields[0].field.labels
    assert labels == ("Home", "Home/Mugs", "Wear", "Wear/Hats", "Wear/Shoes")
    only_on_sale = [items[0], Item(item_id="s", product_id="s", categories=["Sale/1"])]
    assert (truth_of(only_on_sale, classifier.fields[0].field)[1] == UNKNOWN).all()


def test_without_a_field_no_picture_is_compared_with_another(rng, monkeypatch):
    monkeypatch.setattr("indexer.classification.fit.find_neighbors", None)
    pictures, _ = shop(rng, kinds=[""])
    classifier = fit_classifier(pictures, blanks(rng), NO_COLORS)
    assert (classifier.fields, classifier.note) == ([], NO_FIELDS)


def test_confidences_of_products_that_were_not_seen_are_calibrated(rng):
    pictures, _ = shop(rng, count=900, spread=1.8)
    (fit,) = fit_fields(pictures, blanks(rng), fields_of(pictures.items))
    assert 0.5 < fit.fitted.facts.accuracy < 0.98
    assert fit.fitted.facts.error < 0.04


def test_too_few_products_are_named_in_the_note(rng):
    pictures, _ = shop(rng, count=4)
    classifier = fit_classifier(pictures, blanks(rng), NO_COLORS)
    assert classifier.fields == []
    assert "no category" in classifier.note
    assert classifier.confidences(pictures.vectors, None) == []


@pytest.mark.parametrize(
    ("first", "odds"),
    [
        ((1.0, 0.0), [2.0, 1.0, 0.0, -1.0]),
        ((2.0, 1.0), [2.0, 3.0, 0.0, -1.0]),
        ((1.0, -3.0), [2.0, 0.0, 0.0, -1.0]),  # it stays the likeliest
    ],
)
def test_only_the_likeliest_label_without_others_below_it_is_calibrated(first, odds):
    curve = Curve((1.0, 0.0, 0.0), 0.0, known_at=-2.0, known_width=0.05, first=first)
    seen = np.zeros((1, 4, 4))
    seen[0, :, 0] = [2.0, 1.0, 0.0, -1.0]  # the first label is above the others
    calibrated = curve.calibrated(seen, np.array([1, 2, 3]))
    assert calibrated[0] == pytest.approx(sigmoid(np.array(odds)))
    assert curve.confidences(seen)[0] == pytest.approx(sigmoid(seen[0, :, 0]))


def test_a_classifier_is_the_same_after_saving_and_loading(rng, tmp_path):
    classifier, centers = fitted(rng)
    classifier.save(tmp_path / "classifier.npz")
    again = Classifier.load(tmp_path / "classifier.npz")
    before = classifier.confidences(centers, None)[0]
    assert again.confidences(centers, None)[0] == pytest.approx(before, abs=5e-3)
    assert again.fields[0].facts == classifier.fields[0].facts


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 no archive", b"\x93NUMPY"])
def test_a_damaged_classifier_is_refused_by_name(damage, tmp_path):
    path = tmp_path / "classifier.npz"
    path.write_bytes(damage)
    with pytest.raises(IndexCorrupt, match=r"classifier.npz cannot be read"):
        Classifier.load(path)


def test_one_array_in_place_of_a_classifier_is_refused_without_advice_to_unpickle(tmp_path):
    path = tmp_path / "classifier.npz"
    with path.open("wb") as file:
        np.save(file, np.zeros(3), allow_pickle=False)
    with pytest.raises(IndexCorrupt, match=r"classifier.npz cannot be read: File is not a zip"):
        Classifier.load(path)


def test_a_classifier_that_unpacks_to_more_than_fits_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("indexer.classification.classifier._MOST_BYTES", 50_000)
    path = tmp_path / "classifier.npz"
    np.savez_compressed(path, allow_pickle=False, header=np.zeros(100_000, np.uint8))
    with pytest.raises(IndexCorrupt, match="100128 bytes of arrays, more than 50000"):
        Classifier.load(path)


def test_the_calibration_error_is_the_gap_between_promise_and_truth():
    confidence = np.full(100, 0.95)
    right = np.arange(100) < 70
    assert calibration_error(confidence, right) == pytest.approx(0.25)
    assert calibration_error(np.empty(0), np.empty(0, bool)) == 0.0
