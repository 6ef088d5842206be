"""Shop the look: the things in a photo, and the hits of each."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np
from msgspec import Meta

from indexer.recognizers.boxes import areas, intersections, overlaps
from search.hits import Hit
from search.query import EmbeddingPart, Query
from search.recognition.kinds import is_of_kind, is_of_other_kind
from search.recognition.masks import MASK_SIDE, MaskForm, ThingMask, mask_things

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from indexer.arrays import Embedding, Vectors
    from indexer.encoders.base import Encoder
    from indexer.imaging.images import Box
    from indexer.imaging.photos import Photo
    from indexer.recognizers.base import Recognizer, Thing
    from search.hits import Reply
    from search.recognition.classification import ShopName

MOST_THINGS = 20
_MARGIN = 0.03  # around a thing, as a share of its sides, like that of a catalog picture
_REPEATED = 0.8  # share of the smaller of two boxes that is in the other, if both are one thing
_SAME = 0.6  # intersection over union of the boxes of a thing, and of one without a label
_SMALL, _AS_GOOD = 0.2, 0.8  # shares of the area and score of a thing, of another on or in it
_TOUCHING = 0.05  # between boxes of one thing, at most, as a share of the photo's sides
_LEAST_OWN = 0.1  # share of a box that its own mask covers
_NAMING_HITS = 5
_NAMING_SHARE = 0.6  # of these hits that must be of one category


class FoundThing(msgspec.Struct, frozen=True, kw_only=True):
    """A thing in a photo, and the items of the shop that look like it."""

    box: Annotated[
        tuple[float, float, float, float],
        Meta(description="x0, y0, x1, y1 as shares of the photo's width and height."),
    ]
    score: Annotated[float, Meta(ge=0, le=1, description="How sure it is that this is a thing.")]
    name: Annotated[
        str | None,
        Meta(
            description="Its category by the shop's classifier, or its kind by the recognizer; "
            "null if neither is sure."
        ),
    ] = None
    hits: list[Hit] = []
    no_close_match: Annotated[
        bool, Meta(description="Even the best hit is probably not this thing.")
    ] = False
    sold: Annotated[
        bool,
        Meta(description="The best hit is a close match, or at least of the kind of this thing."),
    ] = False
    mask: Annotated[
        ThingMask | None,
        Meta(description="Its pixels, if masks were requested and it can be cut out."),
    ] = None


class CountedProduct(msgspec.Struct, frozen=True, kw_only=True):
    """A product of the shop, and how often a photo shows it."""

    product_id: str
    item_id: Annotated[str, Meta(description="The item that most of these things look like.")]
    title: str = ""
    count: int


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """The things in a photo, best first. ``products`` counts those of a shelf, on request."""

    things: list[FoundThing]
    products: list[CountedProduct] | msgspec.UnsetType = msgspec.UNSET


def find_things(recognizer: Recognizer, photo: Photo, most: int = MOST_THINGS) -> list[Thing]:
    """Return the things in a photo, best first, at most ``most``. Raises BadImage."""
    return without_repeats(recognizer.recognize([photo.cut(side=recognizer.side)])[0])[:most]


def without_repeats(things: Sequence[Thing]) -> list[Thing]:
    """Leave out things (best first) that show once more what a better one shows.

    Such a thing lies in a better one of the same label, or around it: the same coat without a
    sleeve, or the toe of a shoe. Or it has no label, and nearly the box of a better one that has
    one. Its mask, if it has one, becomes a part of that of the better one, because each point
    belongs to one thing. Or nearly all of its box belongs to the masks of better things.
    A small thing without a label that is nearly as good as one around it is kept: a mug may stand
    on a tray.
    """
    kept: list[Thing] = []
    for thing in things:
        own = areas(np.array([thing.box], np.float32))[0]
        if thing.mask is not None and thing.mask.mean() < _LEAST_OWN * own:
            continue
        places = [place for place, better in enumerate(kept) if _repeats(thing, better)]
        if not places:
            kept.append(thing)
            continue
        better = kept[places[0]]
        if better.mask is not None and thing.mask is not None:
            kept[places[0]] = better._replace(mask=better.mask | thing.mask)
    return kept


def _repeats(thing: Thing, better: Thing) -> bool:
    """Return True if a thing shows once more what a better one shows."""
    boxes = np.array([thing.box, better.box], np.float32)
    if thing.label != better.label:
        return thing.label is None and bool(overlaps(boxes[:1], boxes[1:])[0, 0] >= _SAME)
    smaller, larger = sorted(areas(boxes).tolist())
    is_small = smaller < _SMALL * larger and thing.score >= _AS_GOOD * better.score
    if is_small and thing.label is None:
        return False
    return bool(intersections(boxes[:1], boxes[1:])[0, 0] >= _REPEATED * smaller)


def search_box(box: Box) -> Box:
    """Return the region to search with for a thing: its box with a small margin."""
    x0, y0, x1, y1 = box
    dx, dy = _MARGIN * (x1 - x0), _MARGIN * (y1 - y0)
    low, high = (max(0.0, x0 - dx), max(0.0, y0 - dy)), (min(1.0, x1 + dx), min(1.0, y1 + dy))
    return round(low[0], 5), round(low[1], 5), round(high[0], 5), round(high[1], 5)


def encode_boxes(encoder: Encoder, photo: Photo, boxes: Sequence[Box]) -> Vectors:
    """Encode regions of a photo in one batch: (n, dim) unit rows."""
    return encoder.encode_images(photo.squares(encoder.preprocess, boxes))


def without_hits(things: Sequence[Thing]) -> Look:
    """Return the things as a reply, without a shop."""
    found = [
        FoundThing(box=thing.box, score=round(thing.score, 4), name=thing.label) for thing in things
    ]
    return Look(things=found)


def with_masks(look: Look, photo: Photo, things: Sequence[Thing], form: MaskForm) -> Look:
    """Add the masks of the things that ``look`` was made of. Takes up to 0.2 s for each."""
    masks = mask_things(photo.cut(side=MASK_SIDE), things, form)
    pairs = zip(look.things, masks, strict=True)
    found = [msgspec.structs.replace(thing, mask=mask) for thing, mask in pairs]
    return msgspec.structs.replace(look, things=found)


def with_hits(
    things: Sequence[Thing],
    vectors: Sequence[Embedding],
    query: Query,
    search: Callable[[Query], Reply],
    names: Sequence[ShopName | None] | None = None,
) -> Look:
    """Search for each thing by its vector (dim,), with the other fields of ``query``.

    A thing is named in the shop's own words by ``names`` of its classifier, which are None where it
    is not sure; else by the recognizer. The recognizer comes first if its label fits better than
    the name is sure, if the name is broad (tights are not "women"), and if the thing has no close
    match: a shop without shoes has no word for them.
    Without ``names``, a thing that the recognizer does not name has the category of most of its
    first hits.

    If the first hit is of another kind than the recognizer is sure of, hits of its kind come first.
    """
    found = []
    for place, (thing, vector) in enumerate(zip(things, vectors, strict=True)):
        reply = search(msgspec.structs.replace(query, parts=[EmbeddingPart(vector)]))
        given = None if names is None else names[place]
        hits = reply.hits
        is_mistaken = _is_mistaken(thing, hits, given)
        if is_mistaken:  # what is of its kind comes first
            hits = sorted(hits, key=lambda hit: not is_of_kind(thing.label, hit))
        no_close_match = reply.no_close_match or is_mistaken
        if names is None and thing.label is None and not no_close_match:
            name = kind_of(hits)
        else:
            name = _surer_name(thing, given, no_close_match=no_close_match)
        is_called = bool(hits) and _is_called(name, thing.label, hits[0])
        found.append(
            FoundThing(
                box=thing.box,
                score=round(thing.score, 4),
                name=name,
                hits=hits,
                no_close_match=no_close_match,
                sold=bool(hits) and (is_called or not no_close_match),
            )
        )
    return Look(things=found)


def without_parts(look: Look, things: Sequence[Thing]) -> tuple[Look, list[Thing]]:
    """Leave out parts of one thing: neighbors without a label that look like the same product.

    Of the seat and the back of a chair, the one that matches best is kept. ``look`` was made of
    ``things``; both are returned, in step. What the shop sells comes first, then the best score.
    """
    kept: list[tuple[FoundThing, Thing]] = []
    for part in zip(look.things, things, strict=True):
        places = [place for place, other in enumerate(kept) if _same_product(*part, *other)]
        if not places:
            kept.append(part)
        elif _sureness(part[0]) > _sureness(kept[places[0]][0]):
            kept[places[0]] = part
    kept.sort(key=lambda part: (not part[0].sold, -part[0].score))
    found = msgspec.structs.replace(look, things=[found for found, _ in kept])
    return found, [thing for _, thing in kept]


def _sureness(found: FoundThing) -> float:
    return found.hits[0].confidence or found.hits[0].score


def _same_product(found: FoundThing, thing: Thing, other: FoundThing, first: Thing) -> bool:
    """Return True if two things have no label, touch, and match the same product."""
    if thing.label is not None or first.label is not None:
        return False
    if not (found.hits and other.hits) or found.no_close_match or other.no_close_match:
        return False
    (x0, y0, x1, y1), (left, top, right, bottom) = found.box, other.box
    apart = max(left - x1, x0 - right, top - y1, y0 - bottom)
    return apart <= _TOUCHING and found.hits[0].product_id == other.hits[0].product_id


def _surer_name(thing: Thing, given: ShopName | None, *, no_close_match: bool) -> str | None:
    """Return the name by the shop's classifier or by the recognizer; see ``with_hits``.

    A broad name of a thing without a close match says nothing: in a shop of clothes, a hand is
    "men".
    """
    if given is None:
        return thing.label
    if thing.label is None:
        return None if given.broad and no_close_match else given.name
    by_label = given.broad or no_close_match or thing.fit > given.confidence
    return thing.label if by_label else given.name


def _is_mistaken(thing: Thing, hits: Sequence[Hit], given: ShopName | None) -> bool:
    """Return True if the first hit is of another kind than the thing.

    The kind by the recognizer must be surer than the hit, and than the category that is ``given``.
    """
    if not hits or not is_of_other_kind(thing.label, hits[0]):
        return False
    named = 0.0 if given is None or given.broad else given.confidence
    return thing.fit > max(hits[0].confidence or 0.0, named)


def _is_called(name: str | None, label: str | None, hit: Hit) -> bool:
    """Return True if an item is in the category of a name, or of the kind of a label."""
    steps = {step.casefold() for path in hit.categories for step in path.split("/")}
    return (name is not None and name.casefold() in steps) or is_of_kind(label, hit)


def kind_of(hits: Sequence[Hit]) -> str | None:
    """Return the category that most of the first hits share, without those above it, or None."""
    first = [hit.categories[0] for hit in hits[:_NAMING_HITS] if hit.categories]
    if not first:
        return None
    category, count = Counter(first).most_common(1)[0]
    if count < _NAMING_SHARE * min(_NAMING_HITS, len(hits)):
        return None
    return category.rpartition("/")[2]


def count_products(things: Sequence[FoundThing]) -> list[CountedProduct]:
    """Group things by the product of their first hit, the most frequent first.

    Things without a hit, and those whose best hit is probably another product, are left out.
    """
    items: dict[str, Counter[str]] = {}
    titles: dict[str, str] = {}
    for thing in things:
        if thing.hits and not thing.no_close_match:
            hit = thing.hits[0]
            items.setdefault(hit.product_id, Counter())[hit.item_id] += 1
            titles.setdefault(hit.item_id, hit.title)
    counted = []
    for product_id, found in items.items():
        (item_id, _), *_rest = found.most_common(1)
        counted.append(
            CountedProduct(
                product_id=product_id, item_id=item_id, title=titles[item_id], count=found.total()
            )
        )
    return sorted(counted, key=lambda product: (-product.count, product.product_id))
