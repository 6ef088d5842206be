"""The structs of replies; the documentation of the routes is generated from them.

Many are subclasses of structs from ``search`` and ``indexer``, and add what only HTTP has, such as
the URLs of images. A reply always contains every field; see ``openapi.reply_schemas``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import quote

import msgspec
from msgspec import Meta, structs
from msgspec.structs import asdict

from indexer.imaging.images import Box
from indexer.items import ORIGINAL, Item
from indexer.shop.listing import GenerationInfo
from indexer.writing.writes import Outcome
from search.hits import FacetValue, Hit, Reply, Swatch
from search.recognition.classification import Classification
from search.recognition.look import FoundThing, Look
from search.status import EngineStatus
from service.http.hidden_paths import without_paths
from service.http.problems import Problem


class SwatchReply(Swatch, frozen=True, kw_only=True):
    """One color of a product, with the first image of an item that has it."""

    image_url: str


class HitReply(Hit, frozen=True, kw_only=True):
    """A hit, with the image that matched best."""

    image_url: str
    swatches: list[SwatchReply]  # type: ignore[assignment]  # narrower than Hit's


class HeatReply(msgspec.Struct, frozen=True, kw_only=True):
    """How much each part of a picture contributes to a score."""

    values: Annotated[
        list[list[float]],
        Meta(description="How much the score drops if a part is covered: 8 rows, top left first."),
    ]
    box: Annotated[
        tuple[float, float, float, float],
        Meta(
            description="The region of the picture that the map lies on: x0, y0, x1, y1 as shares "
            "of its sides."
        ),
    ]


class ExplanationReply(msgspec.Struct, frozen=True, kw_only=True):
    """The heat maps of the query and of a hit."""

    item_id: str
    query: HeatReply
    hit: HeatReply


class BoxReply(msgspec.Struct, frozen=True, kw_only=True):
    """The hits for one of several regions of a photo; the fields are those of a search."""

    box: Annotated[
        tuple[float, float, float, float],
        Meta(description="x0, y0, x1, y1 as shares of the photo's sides."),
    ]
    hits: list[HitReply]
    total: int
    products: int
    facets: dict[str, list[FacetValue]]
    no_close_match: bool
    next_cursor: Annotated[
        str | None, Meta(description="For a search with this box alone; null on the last page.")
    ]


class SearchReply(Reply, frozen=True, kw_only=True):
    """The hits, best first."""

    hits: list[HitReply]  # type: ignore[assignment]  # narrower than Reply's; lists are invariant
    cropped: Annotated[
        tuple[float, float, float, float] | None,
        Meta(
            description="With `auto_crop`: the region that was searched with, x0, y0, x1, y1 as "
            "shares of the photo's sides; null for the whole photo."
        ),
    ] = None
    groups: Annotated[
        list[BoxReply],
        Meta(
            description="With several boxes: the hits of each, in their order. The other fields "
            "are then those of the first box."
        ),
    ] = msgspec.field(default_factory=list)
    explanations: Annotated[
        list[ExplanationReply], Meta(description="With `explain`: of the first three hits.")
    ] = msgspec.field(default_factory=list)


class ThingReply(FoundThing, frozen=True, kw_only=True):
    """A thing in a photo, and the items that look like it."""

    hits: list[HitReply]  # type: ignore[assignment]  # narrower than FoundThing's


class RecognizeReply(msgspec.Struct, frozen=True, kw_only=True):
    """The things in a photo, best first."""

    things: list[ThingReply]
    timings: Annotated[dict[str, float], Meta(description="Milliseconds by stage.")]


class BatchResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one search of a batch: a reply or a problem."""

    reply: SearchReply | None
    problem: Problem | None


class BatchReply(msgspec.Struct, frozen=True, kw_only=True):
    """The results of several searches."""

    results: Annotated[list[BatchResult], Meta(description="In the order of the searches.")]


class ItemReply(Item, frozen=True, kw_only=True, omit_defaults=False):
    """An item of the shop, with the fields of the catalog."""

    image_urls: Annotated[
        list[str], Meta(description="The URLs of its images, in the order of images.")
    ]


class ItemsReply(msgspec.Struct, frozen=True, kw_only=True):
    """Some items, or a page of all items."""

    items: list[ItemReply]
    total: Annotated[int, Meta(description="How many items the shop has.")]
    next_cursor: Annotated[
        str | None, Meta(description="The cursor of the next page; null on the last one.")
    ] = None


class StatusReply(EngineStatus, frozen=True, kw_only=True):
    """What the service serves."""

    max_limit: Annotated[int, Meta(description="The largest limit of a request.")]


class GenerationsReply(msgspec.Struct, frozen=True):
    """The generations of the index, newest first."""

    generations: list[GenerationInfo]


class ServingReply(msgspec.Struct, frozen=True, kw_only=True):
    """The generation that now serves."""

    generation: str
    encoder: str


class StyleReply(msgspec.Struct, frozen=True):
    """A style."""

    name: str
    kind: Annotated[
        Literal["tone", "texture"],
        Meta(description="tone changes colors only; texture draws strokes and lines."),
    ]
    strength: Annotated[float, Meta(description="The default strength.")]
    indexed: Annotated[bool, Meta(description="The images of this shop are searched in it too.")]


class ClassifyReply(Classification, frozen=True, kw_only=True):
    """What the photo shows, in the words of the shop's catalog."""


class StylesReply(msgspec.Struct, frozen=True, kw_only=True):
    """All styles."""

    styles: list[StyleReply]


class HealthReply(msgspec.Struct, frozen=True, kw_only=True):
    """The process is alive, or ready to answer."""

    status: Literal["ok"] = "ok"
    generation: str | None = None


class WriteReply(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome for each item. Items that are not refused are on disk, and can be found."""

    results: Annotated[list[Outcome], Meta(description="In the order of the request.")]
    refused: Annotated[int, Meta(description="How many items were refused.")]


def search_reply(reply: Reply, *, root: str = "", cropped: Box | None = None) -> SearchReply:
    """Add the URLs of images to a reply, and remove paths of this machine."""
    fields = {**asdict(reply), "encoder": without_paths(reply.encoder)}
    return SearchReply(**{**fields, "hits": _hits(reply.hits, root)}, cropped=cropped)


def search_reply_parts(reply: Reply, *, root: str = "") -> tuple[bytes, bytes]:
    """Return the JSON of ``search_reply``, before and after the value of ``timings``."""
    text = msgspec.json.encode(search_reply(structs.replace(reply, timings={}), root=root))
    # Unique: a quote within a string is escaped, and no other value can be an object.
    before, name, after = text.partition(b'"timings":{}')
    return before + name[:-2], after


def recognize_reply(look: Look, timings: dict[str, float], *, root: str = "") -> RecognizeReply:
    """Add the URLs of images to the hits of things."""
    things = [
        ThingReply(**{**asdict(thing), "hits": _hits(thing.hits, root)}) for thing in look.things
    ]
    return RecognizeReply(things=things, timings=timings)


def _hits(hits: list[Hit], root: str) -> list[HitReply]:
    return [
        HitReply(
            **{**asdict(hit), "swatches": [_swatch(swatch, root) for swatch in hit.swatches]},
            image_url=image_url(hit.item_id, hit.image_index, hit.variant, root=root),
        )
        for hit in hits
    ]


def _swatch(swatch: Swatch, root: str) -> SwatchReply:
    return SwatchReply(**asdict(swatch), image_url=image_url(swatch.item_id, 0, root=root))


def item_reply(item: Item, *, root: str = "") -> ItemReply:
    """Add the URLs of its images to an item."""
    urls = [image_url(item.item_id, index, root=root) for index in range(len(item.images))]
    return ItemReply(**asdict(item), image_urls=urls)


def status_reply(status: EngineStatus, *, max_limit: int) -> StatusReply:
    """Remove paths of this machine from a status, and add ``max_limit``."""
    fields: dict[str, Any] = {
        name: without_paths(value) if isinstance(value, str) else value
        for name, value in asdict(status).items()
    }
    return StatusReply(**fields, max_limit=max_limit)


def write_reply(outcomes: list[Outcome]) -> WriteReply:
    """Return the reply to a write of many items."""
    refused = sum(outcome.status == "refused" for outcome in outcomes)
    return WriteReply(results=outcomes, refused=refused)


def image_url(
    item_id: str, index: int, rendition: str = ORIGINAL, *, style: str = ORIGINAL, root: str = ""
) -> str:
    """Return the URL of a stored image, or of one that is rendered in a style when it is asked for.

    Ids, renditions and styles may contain any character.
    """
    url = f"{root}/v1/items/{quote(item_id, safe='')}/image?index={index}"
    if style != ORIGINAL:
        return f"{url}&style={quote(style, safe='')}"
    return url if rendition == ORIGINAL else f"{url}&rendition={quote(rendition, safe='')}"
