"""An answer, as data. ``search --json`` and the HTTP API use the same names."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from indexer.items import AttributeValue
from search.recognition.verify import Verification

Mode = Literal["exact", "ann", "lexical", "fused"]


class Swatch(msgspec.Struct, frozen=True, kw_only=True):
    """One color of a product, or one value of another attribute, and an item that has it."""

    item_id: str
    value: Annotated[str, Meta(description="As the shop writes it; several are joined by commas.")]
    title: str = ""
    price: float | None = None
    currency: str = ""
    in_stock: bool = True
    url: str = ""


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """One item that answers the query, with the image of it that matched best.

    ``score`` is larger for better hits; hits come in the order of their scores. It is a cosine in
    [-1, 1] for queries by vector, a BM25 score (> 0, minus that of unwanted words) for queries by
    words alone, and a score in [0, 1] for both together: of reciprocal ranks, or a likeness if all
    words are values of fields (see ``search.rank``).
    ``confidence`` is the probability in [0, 1] that the photo shows this product. It is None for
    hits found by words, for queries that mix photos with words or have negative parts, and in
    shops with too few products to fit it. ``copies`` are items left out as near copies of this one.
    ``verification`` is None unless it was asked for; the first hits are then reordered.
    ``swatches`` is empty unless it was asked for (see ``search.swatches``).
    """

    item_id: str
    product_id: str
    score: Annotated[float, Meta(description="Larger is better; see mode for its scale.")]
    confidence: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None,
        Meta(
            description="The probability that it is the very product in the photo; null for hits "
            "found by words, and if it cannot be computed."
        ),
    ] = None
    image: str
    image_index: int
    variant: str
    title: str = ""
    description: str = ""
    price: float | None = None
    currency: str = ""
    in_stock: bool = True
    url: Annotated[str, Meta(description="The page where the item can be bought.")] = ""
    categories: list[str] = []
    attributes: dict[str, AttributeValue] = {}
    copies: Annotated[
        list[str], Meta(description="Items left out as near copies of this one.")
    ] = []
    verification: Annotated[
        Verification | None,
        Meta(description="With `verify`, how well the picture agrees with the photo."),
    ] = None
    swatches: Annotated[
        list[Swatch],
        Meta(
            description="With `swatches`: an item for each value of that attribute which the "
            "product comes in, in the order of ids; at most 12, and none if there is one."
        ),
    ] = []


class FacetValue(msgspec.Struct, frozen=True):
    """One value of a field, and how many of the matching items, and of their products, have it."""

    value: str
    count: Annotated[int, Meta(description="Of items.")]
    products: Annotated[int, Meta(description="Of the products that these items belong to.")] = 0


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one query.

    ``total`` counts the items that pass the filter and, for words alone, match a word; ``products``
    counts their products. ``mode`` is how the hits were found: ``exact`` compared every allowed
    row, ``ann`` searched an approximate index, ``lexical`` used words only, and ``fused`` words and
    vectors. ``timings`` are milliseconds by stage. ``no_close_match`` is True if the query has a
    photo and even the best hit is probably not the product in it; the hits are then the most
    similar ones.
    ``next_cursor`` is the cursor of the next page; None if this is the last page.
    ``did_you_mean`` is the text that was searched for in place of a mistyped one; None if no word
    was corrected. ``understood`` are the conditions that were read from words, as a filter has
    them: a price restricts the hits; beside a photo, a value of a field ranks hits with it higher.
    """

    hits: list[Hit]
    total: Annotated[
        int, Meta(description="Items that pass the filter and, for words alone, match a word.")
    ]
    products: Annotated[int, Meta(description="Products of these items.")] = 0
    facets: dict[str, list[FacetValue]] = {}
    generation: str
    encoder: str
    mode: Mode
    timings: Annotated[dict[str, float], Meta(description="Milliseconds by stage.")]
    no_close_match: Annotated[
        bool,
        Meta(
            description="The query has a photo, and even the best hit is probably not what it "
            "shows."
        ),
    ] = False
    next_cursor: Annotated[
        str | None,
        Meta(description="The cursor of the next page; null if this is the last."),
    ] = None
    did_you_mean: Annotated[
        str | None,
        Meta(
            description="The words that were searched for, if a typed word occurs in no item; "
            "null if no word was corrected."
        ),
    ] = None
    understood: Annotated[
        list[str],
        Meta(
            description="Conditions read from the words: a price limit restricts the hits; beside "
            "a photo, a value of a field ranks hits with it higher.",
            examples=[["price < 20", "color = green"]],
        ),
    ] = []
