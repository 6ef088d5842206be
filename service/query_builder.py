"""Builds a query from the fields of a request.

Used for JSON bodies, forms, the parameters of a GET, and the options of the command line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeAlias

import msgspec
import numpy as np

from indexer.errors import BadImage, BadQuery
from indexer.imaging.images import WHOLE, Box
from indexer.jsonbytes import decode_json
from search.filters.conditions import AllOf, Match, Not
from search.filters.grammar import parse_filter
from search.filters.jsonform import filter_from_json
from search.query import EmbeddingPart, ImagePart, ItemPart, Part, Query, TextPart, UserPart
from service.base64text import decode_base64

if TYPE_CHECKING:
    from search.filters.conditions import Filter, Value

Group = Literal["product", "item"]
Excluded: TypeAlias = "Sequence[str] | Mapping[str, Value | Sequence[Value]] | str | None"


class PartFields(Protocol):
    """The fields of a part: one of its contents, such as ``image``, and weight and box."""

    @property
    def image(self) -> bytes | str | None:
        """The bytes of a photo, or their base64."""
        ...

    @property
    def text(self) -> str | None:
        """Words, in any script."""
        ...

    @property
    def item_id(self) -> str | None:
        """The id of an item of the shop."""
        ...

    @property
    def embedding(self) -> Sequence[float] | None:
        """A vector (dim,) of the index's encoder."""
        ...

    @property
    def user_id(self) -> str | None:
        """The id of a user of the shop."""
        ...

    @property
    def weight(self) -> float:
        """How much the part counts; negative to find items unlike it."""
        ...

    @property
    def box(self) -> Box | None:
        """The region of the image to search with; None for the whole image."""
        ...


class QueryFields(Protocol):
    """The fields of a search besides its parts."""

    @property
    def filter(self) -> str | Mapping[str, object] | None:
        """The filter: a string, a JSON object, or the text of one."""
        ...

    @property
    def limit(self) -> int:
        """How many products (or items) to return."""
        ...

    @property
    def group(self) -> Group:
        """``product`` for one hit per product, ``item`` for every item."""
        ...

    @property
    def facets(self) -> Sequence[str] | str | None:
        """Names of fields whose values are counted: a list, or a text separated by commas."""
        ...

    @property
    def cursor(self) -> str | None:
        """``next_cursor`` of the page before."""
        ...

    @property
    def collapse(self) -> float | None:
        """The cosine from which a hit is a copy of an earlier hit."""
        ...

    @property
    def sort(self) -> str | None:
        """The field to sort by; see ``search.sort.parse_sort``."""
        ...

    @property
    def min_score(self) -> float | None:
        """The lowest score of a hit."""
        ...

    @property
    def min_confidence(self) -> float | None:
        """The lowest confidence of a hit."""
        ...

    @property
    def swatches(self) -> str | None:
        """The attribute whose values are shown with each hit."""
        ...

    @property
    def exclude(self) -> Excluded:
        """Ids of items and products to leave out (a list, or separated by commas), or values."""
        ...


class GivenPart(NamedTuple):
    """A part that does not come from JSON; see ``PartFields``."""

    image: bytes | str | None = None
    text: str | None = None
    item_id: str | None = None
    embedding: Sequence[float] | None = None
    weight: float = 1.0
    box: Box | None = None
    user_id: str | None = None


class GivenFields(NamedTuple):
    """The fields of a search that does not come over HTTP; see ``QueryFields``."""

    filter: str | Mapping[str, object] | None = None
    limit: int = 10
    group: Group = "product"
    facets: Sequence[str] | str | None = None
    cursor: str | None = None
    collapse: float | None = None
    sort: str | None = None
    min_score: float | None = None
    min_confidence: float | None = None
    exclude: Excluded = None
    swatches: str | None = None


def build_query(parts: Iterable[PartFields], fields: QueryFields) -> Query:
    """Return a query, not yet checked by ``Query.check``.

    Raises BadImage if an image is not base64, and BadQuery if the filter is invalid.
    """
    return Query(
        parts=[_part(part, at) for at, part in enumerate(parts)],
        filter=_without(_filter(fields.filter), fields.exclude),
        limit=fields.limit,
        group=fields.group,
        facets=_names(fields.facets),
        cursor=fields.cursor,
        collapse=fields.collapse,
        sort=fields.sort,
        min_score=fields.min_score,
        min_confidence=fields.min_confidence,
        swatches=fields.swatches or None,
    )


def read_box(text: str | None, *, name: str = "box") -> Box | None:
    """Return the box in the text ``x0,y0,x1,y1``, or None for no text.

    Raises BadImage, whose message names the option or field ``name``.
    """
    if text is None or not text.strip():
        return None
    try:
        x0, y0, x1, y1 = (float(number) for number in text.split(","))
    except ValueError:
        raise BadImage(
            f"{name} takes four numbers x0,y0,x1,y1, got {text[:80]!r}", param="box"
        ) from None
    return x0, y0, x1, y1


def _part(part: PartFields, at: int) -> Part:
    if part.image is not None:
        return ImagePart(_bytes_of(part.image, at), part.weight, part.box or WHOLE)
    if part.text is not None:
        return TextPart(part.text, part.weight)
    if part.item_id is not None:
        return ItemPart(part.item_id, part.weight)
    if part.user_id is not None:
        return UserPart(part.user_id, part.weight)
    with np.errstate(over="ignore"):  # too large for fp32 becomes infinite, which is refused later
        return EmbeddingPart(np.asarray(part.embedding, dtype=np.float32), part.weight)


def _bytes_of(image: bytes | str, at: int) -> bytes:
    if isinstance(image, bytes):
        return image
    try:
        return decode_base64(image)
    except ValueError as error:
        advice = "; send the picture itself, not its URL" if "://" in image[:12] else ""
        message = f"image is not base64: {error}{advice}"
        raise BadImage(message, param=f"parts.{at}.image") from None


def _filter(value: str | Mapping[str, object] | None) -> Filter | None:
    """Return the parsed filter, or None if it is None or empty."""
    if value is None:
        return None
    if not isinstance(value, str):
        return filter_from_json(value)
    text = value.strip()
    if text.startswith("{"):
        try:
            return filter_from_json(decode_json(text))
        except (msgspec.DecodeError, RecursionError) as error:
            raise BadQuery(f"the filter is not JSON: {error}", param="filter") from None
    return parse_filter(text) if text else None


def _without(wanted: Filter | None, exclude: Excluded) -> Filter | None:
    """Add conditions to a filter that leave out what ``exclude`` names."""
    if isinstance(exclude, Mapping):
        unwanted = [
            Match(key, (values,) if isinstance(values, str | bool | int | float) else tuple(values))
            for key, values in exclude.items()
        ]
    else:
        ids = tuple(_names(exclude))
        unwanted = [Match("item_id", ids), Match("product_id", ids)] if ids else []
    if not unwanted:
        return wanted
    rest = tuple(Not(condition) for condition in unwanted)
    return AllOf(rest if wanted is None else (wanted, *rest))


def _names(names: Sequence[str] | str | None) -> list[str]:
    """Return names that are listed, or separated by commas."""
    if isinstance(names, str):
        return [name for part in names.split(",") if (name := part.strip())]
    return list(names or ())
