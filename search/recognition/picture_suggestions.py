"""Attributes that the pictures of items show, and what they say against those of the texts.

Everything is learned from the shop's own items: a picture is judged by a classifier that was fitted
without its own product, and its colors are measured where the product is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np

from indexer.classification.fit import FEWEST, fit_fields
from indexer.classification.labels import fields_of
from indexer.classification.learn import blank_vectors
from indexer.enrichment.gazetteer import attribute_of
from indexer.enrichment.suggestion import Source, Suggestion
from indexer.enrichment.values import bundled
from indexer.jobs.stored_rows import read_rows
from indexer.progress import Progress, no_progress
from indexer.words.folding import fold
from search.audit.material import read_material
from search.audit.titles import FAMILIES, family_shares
from style.namedcolors import COLOR_NAMES, family_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from indexer.classification.labels import Field
    from indexer.encoders.base import Encoder
    from indexer.items import Item
    from indexer.store.store import Store

    Floats = NDArray[np.float64]

_LEAST: Final = 0.5
_LEAST_SKILL: Final = 0.15  # below that, pictures do not show a field
_MEASURED: Final = 0.75  # share of the product that a measured color must have to be suggested
_NONE, _CLEAR = 0.05, 0.6  # shares of a color that the pictures do not show, and show clearly
_DOUBTED: Final = 0.5  # what is left of a confidence that the pictures speak against
_MOST_SURE: Final = 0.98


class JudgedField(NamedTuple):
    """A field, and the mean confidence of each label for the pictures of each item."""

    field: Field
    by_item: dict[str, Floats]


class PictureEvidence:
    """What the pictures of a shop say about its items. Immutable."""

    def __init__(self, fields: Sequence[JudgedField], families: dict[str, Floats]) -> None:
        """``families`` are the shares (12,) of the color families in the pictures of an item."""
        self._fields = fields
        self._families = families

    @classmethod
    def read(
        cls, store: Store, encoder: Encoder, progress: Progress = no_progress
    ) -> PictureEvidence:
        """Decode and judge the pictures of a shop; reports the stage ``pictures``.

        Raises IndexCorrupt if the store is damaged.
        """
        stored = read_rows(store, encoder)
        material = read_material(
            store, stored, lambda done, total: progress("pictures", done, total)
        )
        pictures = material.pictures
        names = [item.item_id for item in pictures.items]
        fields = []
        if len(np.unique(pictures.products)) >= FEWEST:
            known = fields_of(pictures.items, frozenset(COLOR_NAMES))
            empty = np.array([found.empty is not None for found in material.measured], np.bool_)
            fits = fit_fields(pictures, blank_vectors(encoder), known, left_out=empty)
            fields = [
                JudgedField(fit.fitted.field, _means(names, fit.confidences))
                for fit in fits
                if fit.fitted.facts.skill >= _LEAST_SKILL
            ]
        measured = pictures.colors.any(axis=1)
        shares = family_shares(pictures.colors)
        kept = np.flatnonzero(measured)
        return cls(fields, _means([names[at] for at in kept.tolist()], shares[kept]))

    def suggestions(self, item: Item) -> list[Suggestion]:
        """Return what the pictures show of attributes that an item lacks, the surest first."""
        found = []
        for judged in self._fields:
            sure = judged.by_item.get(item.item_id)
            if sure is None:
                continue
            if judged.field.is_category:
                found += _categories(judged.field, sure, item)
            elif not item.attributes.get(judged.field.name):
                at = int(sure.argmax())
                name = attribute_of(judged.field.name) or judged.field.name
                found += _shown(name, judged.field.labels[at], float(sure[at]))
        if not any(one.attribute == "color" for one in found) and not _has(item, "color"):
            found += self._measured(item)
        return sorted(found, key=lambda one: -one.confidence)

    def checked(self, item: Item, suggestion: Suggestion) -> Suggestion:
        """Return a suggestion of the texts, less sure and with a note if the pictures deny it."""
        note = ""
        if suggestion.attribute == "color":
            note = self._denied_color(item, suggestion.value)
        elif suggestion.attribute == "pattern":
            note = self._denied_pattern(item, suggestion.value)
        if not note:
            return suggestion
        sure = round(suggestion.confidence * _DOUBTED, 3)
        return msgspec.structs.replace(suggestion, confidence=sure, note=note)

    def merged(self, item: Item, from_texts: Sequence[Suggestion]) -> list[Suggestion]:
        """Return the suggestions of the texts and those of the pictures, the surest first.

        Where both name an attribute, the surer one is kept, and says if the other differs. A color
        that a text names is never replaced: the light of a photo may be colored.
        """
        kept = [self.checked(item, one) for one in from_texts]
        for shown in self.suggestions(item):
            same = [at for at, one in enumerate(kept) if one.attribute == shown.attribute]
            agreed = [at for at in same if fold(kept[at].value) == fold(shown.value)]
            if not same:
                kept.append(shown)
            elif agreed:
                one = kept[agreed[0]]
                both = 1 - (1 - one.confidence) * (1 - shown.confidence)
                sure = round(min(_MOST_SURE, both), 3)
                kept[agreed[0]] = msgspec.structs.replace(one, confidence=sure)
            elif shown.attribute not in ("material", "style", "color"):
                denied = max(kept[at].confidence for at in same)
                if shown.confidence > denied:
                    others = ", ".join(kept[at].value for at in same)
                    sure = round(shown.confidence * (1 - _DOUBTED * denied), 3)
                    kept = [one for one in kept if one.attribute != shown.attribute]
                    kept.append(
                        msgspec.structs.replace(
                            shown, confidence=sure, note=f"the texts say {others}"
                        )
                    )
        return sorted(kept, key=lambda one: -one.confidence)

    def _measured(self, item: Item) -> list[Suggestion]:
        shares = self._families.get(item.item_id)
        if shares is None or shares.max() < _MEASURED:
            return []
        family = FAMILIES[int(shares.argmax())]
        return _shown("color", family.capitalize(), float(shares.max()))

    def _denied_color(self, item: Item, value: str) -> str:
        shares = self._families.get(item.item_id)
        family = family_of(value)
        if shares is None or family is None:
            return ""
        top = int(shares.argmax())
        if shares[FAMILIES.index(family)] >= _NONE or shares[top] < _CLEAR:
            return ""
        return f"the pictures show {FAMILIES[top]} ({shares[top]:.0%})"

    def _denied_pattern(self, item: Item, value: str) -> str:
        for judged in self._fields:
            sure = judged.by_item.get(item.item_id)
            if sure is None or attribute_of(judged.field.name) != "pattern":
                continue
            labels = [fold(label) for label in judged.field.labels]
            top = int(sure.argmax())
            own = sure[labels.index(fold(value))] if fold(value) in labels else 0.0
            if fold(value) != labels[top] and own < _NONE and sure[top] >= _CLEAR:
                return f"the pictures show {judged.field.labels[top]} ({sure[top]:.0%})"
        return ""


def _shown(attribute: str, value: str, confidence: float) -> list[Suggestion]:
    if confidence < _LEAST:
        return []
    return [
        Suggestion(
            attribute=attribute,
            value=value,
            confidence=round(min(confidence, _MOST_SURE), 3),
            source=Source("pictures", 0, 0, f"the pictures look like {value}"),
            is_new=True,
        )
    ]


def _categories(field: Field, sure: Floats, item: Item) -> list[Suggestion]:
    """Return the category that pictures show, by its last level, and the gender that it names."""
    found: list[Suggestion] = []
    parents = field.parents()
    leaves = np.setdiff1d(np.arange(len(field.labels)), parents[parents >= 0])
    if not item.categories and len(leaves):
        at = int(leaves[sure[leaves].argmax()])
        found += _shown("category", field.labels[at].rpartition("/")[2], float(sure[at]))
    if _has(item, "gender"):
        return found
    for at in np.argsort(-sure):
        words = " ".join(fold(field.labels[int(at)].rpartition("/")[2]).split())
        values = bundled().values.get(words, ())
        named = [value.name for value in values if value.attribute == "gender"]
        if named:
            return [*found, *_shown("gender", named[0], float(sure[int(at)]))]
    return found


def _has(item: Item, attribute: str) -> bool:
    return any(attribute_of(name) == attribute for name in item.attributes)


def _means(names: Sequence[str], values: Floats) -> dict[str, Floats]:
    """Return the mean of the rows (n, l) of each name."""
    rows: dict[str, list[int]] = {}
    for at, name in enumerate(names):
        rows.setdefault(name, []).append(at)
    return {name: values[found].mean(axis=0) for name, found in rows.items()}
