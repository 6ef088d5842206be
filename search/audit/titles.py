"""Find titles that contradict their pictures: a "red mug" that is blue, a "mug" that is a shoe.

Color words are compared with the measured colors, nouns of categories and patterns with the
classifier. How sure
one can be is learned from planted errors, as for labels: titles get words of other items.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from indexer.catalog.texts import plain_text
from indexer.enrichment.contexts import is_denied
from indexer.enrichment.gazetteer import HAN, folded_words, gazetteer_of
from indexer.enrichment.measures import auc
from indexer.enrichment.values import bundled
from indexer.words.folding import fold, words_of
from search.audit.planting import error_confidences
from style.namedcolors import PALETTE, family_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.classification.fit import FieldFit
    from indexer.items import Item

    Floats = NDArray[np.float64]

FAMILIES: Final = tuple(dict.fromkeys(color.family for color in PALETTE))
_LONGEST: Final = 3  # words of a name of a color
_ERROR_RATE: Final = 0.05  # of titles, assumed before looking
_VISIBLE: Final = 0.2  # how much surer a word is of its own products than of others, on average
_OUTRANKS: Final = 0.85  # how often a product of a color has more of it than another product
_FEWEST: Final = 3  # products with a word
_FEWEST_CLAIMS: Final = 8
_EDGE: Final = 1e-3


class TitleClaim(NamedTuple):
    """What a title says, as labels of a field, and the pictures of its product."""

    members: NDArray[np.int64]
    labels: frozenset[int]


class TitleContradiction(NamedTuple):
    """A title that is probably wrong: its pictures, the two labels, and the confidence."""

    members: NDArray[np.int64]
    given: int
    suggested: int
    confidence: float


def color_claims(items: Sequence[Item], products: NDArray[np.int64]) -> list[TitleClaim]:
    """Return the color families that titles name, one claim for each product and title."""
    return _claims(items, products, [_families_in(item.title) for item in items])


def category_claims(
    items: Sequence[Item], products: NDArray[np.int64], labels: Sequence[str]
) -> list[TitleClaim]:
    """Return the categories that the last noun of each title names, by their last levels."""
    gazetteer = gazetteer_of(items)
    by_leaf: dict[str, set[int]] = {}
    for at, label in enumerate(labels):
        by_leaf.setdefault(label.rsplit("/", 1)[-1].strip(), set()).add(at)
    named: list[frozenset[int]] = []
    for item in items:
        last: frozenset[int] = frozenset()
        for match in gazetteer.pattern.finditer(folded_words(plain_text(item.title))):
            leaves = [
                value.name
                for value in gazetteer.values[match.group()]
                if value.attribute == "category"
            ]
            last = frozenset(at for leaf in leaves for at in by_leaf.get(leaf, ())) or last
        named.append(last)
    return _claims(items, products, named)


def pattern_claims(
    items: Sequence[Item], products: NDArray[np.int64], labels: Sequence[str]
) -> list[TitleClaim]:
    """Return the patterns that titles name, as labels of the shop: "stripes" are "Striped"."""
    by_pattern: dict[str, set[int]] = {}
    for at, label in enumerate(labels):
        for name in {fold(label), *_patterns_in(label)}:
            by_pattern.setdefault(name, set()).add(at)
    named = [
        frozenset(at for name in _patterns_in(item.title) for at in by_pattern.get(name, ()))
        for item in items
    ]
    return _claims(items, products, named)


def family_shares(colors: NDArray[np.floating[Any]]) -> Floats:
    """Return how much of each picture has each family of FAMILIES: (n, 12) of (n, 29)."""
    belongs = np.array(
        [[color.family == family for family in FAMILIES] for color in PALETTE], float
    )
    return np.asarray(colors.astype(np.float64) @ belongs)  # (n, 29) @ (29, 12) -> (n, 12)


def category_shares(fit: FieldFit) -> Floats:
    """Return the confidence of each label for each picture, (n, l); inner categories are 0."""
    shares = fit.confidences.astype(np.float64).copy()
    parents = fit.fitted.field.parents()
    shares[:, np.unique(parents[parents >= 0])] = 0.0
    return shares


def title_contradictions(
    claims: Sequence[TitleClaim], shares: Floats, *, of_colors: bool = False
) -> list[TitleContradiction]:
    """Judge every claim by what its pictures show, ``shares`` (n, l); return all, surest first.

    [] if too few titles name something that shows in pictures. A picture has several colors, so
    one shows by its rank: those that name it have more of it than the others (``of_colors``).
    """
    seen = np.array([shares[claim.members].mean(axis=0) for claim in claims])
    shows = _outranks if of_colors else _visible
    visible = shows(claims, seen) if claims else np.zeros(0, np.bool_)
    kept = [at for at, claim in enumerate(claims) if any(visible[label] for label in claim.labels)]
    if len(kept) < _FEWEST_CLAIMS:
        return []
    given = [_judged(seen[at], claims[at].labels) for at in kept]
    named = {claims[at].labels for at in kept}
    planted = [
        _judged(seen[at], wrong).features
        for at in kept
        for wrong in named
        if not wrong & claims[at].labels
    ]
    if not planted:
        return []
    features = np.array([judgment.features for judgment in given])
    confidences = error_confidences(features, np.array(planted), _ERROR_RATE)
    found = [
        TitleContradiction(
            claims[at].members, judgment.given, judgment.suggested, float(confidence)
        )
        for at, judgment, confidence in zip(kept, given, confidences, strict=True)
    ]
    return sorted(found, key=lambda contradiction: -contradiction.confidence)


class _Judgment(NamedTuple):
    features: tuple[float, float]
    given: int
    suggested: int


def _judged(seen: Floats, labels: frozenset[int]) -> _Judgment:
    """Compare the likeliest of the labels with the likeliest of all others; seen is (l,)."""
    own = max(labels, key=lambda label: seen[label])
    others = seen.copy()
    others[list(labels)] = -1.0
    other = int(others.argmax())
    odds = np.log((seen + _EDGE) / (1 - seen + _EDGE))
    return _Judgment((float(odds[other]), float(-odds[own])), own, other)


def _visible(claims: Sequence[TitleClaim], seen: Floats) -> NDArray[np.bool_]:
    """Return which labels show in the pictures of the titles that name them: (l,)."""
    labels = range(seen.shape[1])
    named = np.array([[label in claim.labels for label in labels] for claim in claims])
    own, others = named.sum(axis=0), (~named).sum(axis=0)  # (l,) each
    inside = (seen * named).sum(axis=0) / np.maximum(own, 1)
    outside = (seen * ~named).sum(axis=0) / np.maximum(others, 1)
    return np.asarray((own >= _FEWEST) & (inside - outside >= _VISIBLE))


def _outranks(claims: Sequence[TitleClaim], seen: Floats) -> NDArray[np.bool_]:
    """Return of which labels the titles that name them have more than others have: (l,)."""
    labels = range(seen.shape[1])
    named = np.array([[label in claim.labels for label in labels] for claim in claims])
    ranks = np.array([auc(seen[:, label], named[:, label]) for label in labels])
    return np.asarray((named.sum(axis=0) >= _FEWEST) & (np.nan_to_num(ranks) >= _OUTRANKS))


def _claims(
    items: Sequence[Item], products: NDArray[np.int64], named: Sequence[frozenset[int]]
) -> list[TitleClaim]:
    members: dict[tuple[int, str], list[int]] = {}
    for row, item in enumerate(items):
        if named[row]:
            members.setdefault((int(products[row]), item.title), []).append(row)
    return [TitleClaim(np.array(rows, dtype=np.int64), named[rows[0]]) for rows in members.values()]


def _patterns_in(text: str) -> set[str]:
    """Return the names of the patterns that a text names, folded; not those that it denies."""
    plain = plain_text(text)
    return {
        fold(value.name)
        for match in bundled().pattern.finditer(folded_words(plain))
        if not is_denied(plain, *match.span())
        for value in bundled().values[match.group()]
        if value.attribute == "pattern"
    }


def _families_in(title: str) -> frozenset[int]:
    """Return the color families that a title names, in English or Chinese, longest names first."""
    text = plain_text(title)
    words = words_of(fold(text))
    found = _chinese_families(text) if HAN.search(text) else set[int]()
    at = 0
    while at < len(words):
        for size in range(min(_LONGEST, len(words) - at), 0, -1):
            family = family_of(" ".join(words[at : at + size]))
            if family is not None:
                found.add(FAMILIES.index(family))
                break
        at += size
    return frozenset(found)


def _chinese_families(title: str) -> set[int]:
    """Return the color families of Chinese names such as 酒红色; not of those that are denied."""
    found = set()
    for match in bundled().pattern.finditer(folded_words(title)):
        if is_denied(title, *match.span(), of_color=True):
            continue
        for value in bundled().values[match.group()]:
            family = family_of(value.name) if value.attribute == "color" else None
            if family is not None:
                found.add(FAMILIES.index(family))
    return found
