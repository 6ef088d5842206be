"""Audit a shop: compare what the catalog says with what the pictures show.

An audit changes nothing in the shop.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from indexer.classification.fit import FEWEST
from indexer.jobs.stored_rows import read_rows
from indexer.progress import Progress, no_progress
from search.audit.contradictions import contradictions
from search.audit.copies import near_pairs, same_pictures, shared_files, title_likeness
from search.audit.finding import KINDS, AuditReport, Finding, Kind
from search.audit.material import fits_of, is_pattern, read_material
from search.audit.pictures_disagree import strangers
from search.audit.titles import (
    FAMILIES,
    category_claims,
    category_shares,
    color_claims,
    family_shares,
    pattern_claims,
    title_contradictions,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from indexer.classification.fit import FieldFit
    from indexer.classification.labels import Field
    from indexer.encoders.base import Encoder
    from indexer.store.store import Store
    from search.audit.copies import SharedPicture
    from search.audit.material import Material

MIN_CONFIDENCE = 0.5
_LABELS: tuple[Kind, ...] = ("category", "color", "pattern")
_SHOWN = 8  # pictures of a finding
_LEAST_TITLE = 0.5  # likeness of the titles of near-duplicates
_LEAST_PICTURES = 0.5  # share of their pictures that are nearly the same


def audit_shop(
    store: Store,
    encoder: Encoder,
    *,
    min_confidence: float = MIN_CONFIDENCE,
    progress: Progress = no_progress,
) -> AuditReport:
    """Audit the items of a store by the vectors of its encoder; see ``Finding`` for what is found.

    Findings below ``min_confidence`` are left out. Takes a few hundredths of a second a picture,
    and reports the stage ``pictures``. Raises IndexCorrupt if the store is damaged.
    """
    began = time.perf_counter()
    stored = read_rows(store, encoder)
    material = read_material(store, stored, lambda done, total: progress("pictures", done, total))
    audit = _Audit(material)
    findings = [*audit.empty(), *audit.copies()]
    notes = []
    if len(np.unique(material.pictures.products)) < FEWEST:
        notes.append(f"fewer than {FEWEST} products: categories, colors and views are not judged")
    else:
        fits = fits_of(encoder, material)
        for fit in fits:
            findings += audit.contradicted(fit)
        if not any(fit.fitted.field.is_category for fit in fits):
            notes.append("the items have too few categories to judge")
        known = [finding for finding in findings if finding.confidence >= min_confidence]
        findings += audit.titles(fits, known)
        findings += audit.strangers(fits)
    sure = [finding for finding in findings if finding.confidence >= min_confidence]
    sure.sort(key=lambda finding: (KINDS.index(finding.kind), -finding.confidence, finding.items))
    return AuditReport(
        items=len(stored.records),
        pictures=len(material.rows),
        findings=sure,
        notes=notes,
        seconds=round(time.perf_counter() - began, 3),
    )


class _Audit:
    """The checks over one material. Each returns its findings, sure or not."""

    def __init__(self, material: Material) -> None:
        self._material = material
        self._empty = {
            material.rows[place].content
            for place, found in enumerate(material.measured)
            if found.empty is not None
        }

    def empty(self) -> list[Finding]:
        """Find pictures that show nothing; one finding for all items with the same picture."""
        places: dict[bytes, list[int]] = {}
        for place, row in enumerate(self._material.rows):
            if row.content in self._empty:
                places.setdefault(row.content, []).append(place)
        findings = []
        for same in places.values():
            found = self._material.measured[same[0]].empty
            assert found is not None
            findings.append(
                self._finding(
                    "nothing", found.confidence, f"the picture shows {found.reason}", same
                )
            )
        return findings

    def copies(self) -> list[Finding]:
        """Find pictures of several products, and listings that are nearly the same."""
        material = self._material
        products, contents = material.pictures.products, material.contents
        files = [
            shared
            for shared in shared_files(contents, products)
            if contents[shared.places[0]] not in self._empty
        ]
        pairs = [
            pair
            for pair in near_pairs(material.pictures.vectors, products)
            if not {contents[place] for place in pair} & self._empty
        ]
        same, counts = same_pictures(pairs, products, contents, material.signature)
        return [
            *(self._shared(shared) for shared in (*files, *same)),
            *self._near_duplicates(counts),
        ]

    def _shared(self, shared: SharedPicture) -> Finding:
        how = "the same file" if shared.exact else "the same picture, in different files,"
        reason = f"{how} is a picture of {len(shared.places)} products"
        return self._finding("same-picture", shared.confidence, reason, shared.places)

    def _near_duplicates(self, counts: dict[tuple[int, int], int]) -> Iterable[Finding]:
        material = self._material
        products = material.pictures.products
        sizes = Counter(products.tolist())
        for (first, second), near in counts.items():
            share = min(1.0, near / (2 * min(sizes[first], sizes[second])))
            places = [int(np.flatnonzero(products == product)[0]) for product in (first, second)]
            titles = title_likeness(*(material.pictures.items[place].title for place in places))
            if share >= _LEAST_PICTURES and titles >= _LEAST_TITLE:
                yield self._finding(
                    "near-duplicate",
                    round(0.5 * (share + titles), 3),
                    f"two products with {share:.0%} of their pictures nearly the same, and "
                    f"{titles:.0%} of the words of their titles",
                    places,
                )

    def contradicted(self, fit: FieldFit) -> Iterable[Finding]:
        """Find labels that contradict the pictures."""
        field = fit.fitted.field
        for found in contradictions(fit, self._material.pictures.products):
            given, suggested = field.labels[found.given], field.labels[found.suggested]
            what = "the category" if field.is_category else f"{field.name}"
            finding = self._finding(
                _kind_of(field),
                found.confidence,
                f"{what} is {given!r}, but the pictures look like {suggested!r} "
                f"({found.suggested_confidence:.0%})",
                found.members,
            )
            yield _with_labels(finding, given, suggested)

    def titles(self, fits: list[FieldFit], known: list[Finding]) -> Iterable[Finding]:
        """Find titles that contradict the pictures, of items without a wrong label."""
        material = self._material
        items, products = material.pictures.items, material.pictures.products
        labels_wrong = [finding for finding in known if finding.kind in _LABELS]
        wrong = {item_id for finding in labels_wrong for item_id in finding.items}
        colors = title_contradictions(
            color_claims(items, products), family_shares(material.pictures.colors), of_colors=True
        )
        judged = [(found, FAMILIES) for found in colors]
        for fit in fits:
            if fit.fitted.field.is_category:
                labels = fit.fitted.field.labels
                claims = category_claims(items, products, labels)
                judged += [
                    (found, labels) for found in title_contradictions(claims, category_shares(fit))
                ]
            elif is_pattern(fit.fitted.field):
                labels = fit.fitted.field.labels
                claims = pattern_claims(items, products, labels)
                shares = fit.confidences.astype(np.float64)
                judged += [(found, labels) for found in title_contradictions(claims, shares)]
        for found, labels in judged:
            given, suggested = labels[found.given], labels[found.suggested]
            finding = self._finding(
                "title",
                found.confidence,
                f"the title says {given!r}, but the pictures look like {suggested!r}",
                found.members,
            )
            if not wrong & set(finding.items):
                yield _with_labels(finding, given, suggested)

    def strangers(self, fits: list[FieldFit]) -> Iterable[Finding]:
        """Find pictures that do not fit the other pictures of their item."""
        material = self._material
        pictures = material.pictures
        categories = [fit.confidences for fit in fits if fit.fitted.field.is_category]
        shown = categories[0] if categories else np.zeros((len(pictures.products), 0))
        kept = np.array(
            [at for at, row in enumerate(material.rows) if row.content not in self._empty],
            dtype=np.int64,
        )
        judged = strangers(
            pictures.vectors[kept], material.items[kept], pictures.products[kept], shown[kept]
        )
        for found in judged:
            image = material.rows[int(kept[found.place])].image_index + 1
            yield self._finding(
                "pictures-disagree",
                found.confidence,
                f"picture {image} shows something else than the item's other pictures",
                kept[[found.place, *found.siblings.tolist()]],
            )

    def _finding(
        self, kind: Kind, confidence: float, reason: str, places: Iterable[int]
    ) -> Finding:
        refs = [self._material.refs[int(place)] for place in places]
        return Finding(
            kind=kind,
            confidence=round(float(confidence), 4),
            reason=reason,
            items=list(dict.fromkeys(ref.item_id for ref in refs)),
            pictures=refs[:_SHOWN],
        )


def _kind_of(field: Field) -> Kind:
    if field.is_category:
        return "category"
    return "pattern" if is_pattern(field) else "color"


def _with_labels(finding: Finding, given: str, suggested: str) -> Finding:
    return msgspec.structs.replace(finding, given=given, suggested=suggested)
