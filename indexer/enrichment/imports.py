"""Import the reviews of a file into a shop, and report what became of every row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import msgspec

from indexer.enrichment.itemmoods import store_item_moods
from indexer.enrichment.language import Language, language_of
from indexer.enrichment.ngrams import clean_text
from indexer.enrichment.reviewfile import SkippedRow, read_reviews
from indexer.enrichment.reviewlog import ReviewLog
from indexer.errors import BadCatalog
from indexer.shop.folder import ShopFolder
from indexer.store.store import Store

if TYPE_CHECKING:
    from indexer.enrichment.review import Review
    from indexer.enrichment.score import ReviewScorer
    from indexer.progress import Progress

_AT_ONCE: Final = 2_000  # reviews of a transaction
_LOOKED_AT: Final = 500  # texts, for the language of a file


class RefusedRow(msgspec.Struct, frozen=True):
    """A row that was not stored, and why."""

    where: str
    reason: str


class ReviewImport(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of rows of a file of reviews, by what was done with them."""

    stored: int
    changed: int
    repeated: int
    refused: list[RefusedRow]


class _Names(NamedTuple):
    """The ids of the items of a shop and of their products."""

    items: frozenset[str]
    products: frozenset[str]


def import_file(
    shop: Path, file: Path, mapping: Mapping[str, str], progress: Progress
) -> ReviewImport:
    """Store the reviews of a file in a shop, in transactions of 2,000; report what became of each.

    A review of an item or product that the shop does not have is refused. Raises BadCatalog for a
    file that cannot be read, IndexNotFound for a folder that is no shop, StoreFull.
    """
    folder = ShopFolder(shop)
    folder.current()
    rows = read_reviews(file, mapping)
    names = _names(folder)
    counts: Counter[str] = Counter()
    refused: list[RefusedRow] = []
    batch: list[Review] = []
    with ReviewLog(folder.path, create=True) as log:
        scorer = log.scorer()
        for number, row in enumerate(rows, 1):
            if isinstance(row, SkippedRow):
                refused.append(RefusedRow(row.where, row.reason))
                continue
            where, review = row
            if review.about not in names.items and review.about not in names.products:
                reason = f"the shop has no item or product {review.about[:80]!r}"
                refused.append(RefusedRow(where, reason))
                continue
            batch.append(review)
            if len(batch) == _AT_ONCE:
                counts.update(_flush(log, batch, scorer))
                progress("read", number, number, len(refused))
        counts.update(_flush(log, batch, scorer))
        store_item_moods(folder, log)
    return ReviewImport(
        stored=counts["stored"],
        changed=counts["changed"],
        repeated=counts["repeated"],
        refused=refused,
    )


def majority_language(texts: Sequence[str], given: str | None) -> Language:
    """Return the ``given`` language, or that of most texts. Raises BadCatalog if none is known."""
    if given in ("en", "zh"):
        known: Literal["en", "zh"] = "en" if given == "en" else "zh"
        return known
    found = Counter(language_of(clean_text(text)) for text in texts[:_LOOKED_AT])
    found.pop(None, None)
    if not found:
        raise BadCatalog("the reviews are neither English nor Chinese; give --language")
    language = found.most_common(1)[0][0]
    assert language is not None
    return language


def _names(folder: ShopFolder) -> _Names:
    with Store(folder.store) as store, store.read() as reader:
        items, products = set(), set()
        for record in reader.items():
            items.add(record.item.item_id)
            if record.item.product_id:
                products.add(record.item.product_id)
    return _Names(frozenset(items), frozenset(products))


def _flush(log: ReviewLog, batch: list[Review], scorer: ReviewScorer) -> list[str]:
    outcomes: list[str] = list(log.add(batch, scorer)) if batch else []
    batch.clear()
    return outcomes
