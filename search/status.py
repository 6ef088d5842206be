"""The status of an open engine, as data. ``GET /v1/status`` uses the same names."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from indexer.shop.manifest import StyleCount
from indexer.shop.status import RecallStatus


class Vitals(NamedTuple):
    """Numbers of an open engine that are cheap to get.

    ``delta_rows`` counts the rows beside the index and the dead rows in it. ``created`` is when the
    generation was built, in seconds since 1970. ``map_fill`` is the share of the store's map, which
    cannot grow, that its file takes.
    """

    generation: str
    items: int
    indexed_rows: int
    delta_rows: int
    recall: RecallStatus
    created: float
    map_fill: float


class EngineStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The status of an open engine.

    ``items``, ``products`` and ``rows`` count what is searched now, with writes since the build;
    ``bytes`` is the size of the shop folder on disk. ``indexer.shop.status.ShopStatus`` is the
    status of a folder that no engine has opened.
    """

    generation: str
    encoder: str
    dim: int
    items: int
    rows: int
    skipped: int
    bytes: int
    products: int
    recipe: Annotated[str, Meta(description="How the index is laid out.")]
    promise: Annotated[str, Meta(description="What was measured when the index was built.")]
    recall: RecallStatus
    device: Annotated[str, Meta(description="Where the index is searched: cpu, or which GPUs.")]
    created: Annotated[str, Meta(description="When the generation was built (RFC 3339).")]
    text: Annotated[
        Literal["lexical", "fused"],
        Meta(
            description="How words are answered: by words only, or with the encoder's text tower "
            "too."
        ),
    ]
    facets: Annotated[list[str], Meta(description="Fields worth offering as filters.")]
    styles: Annotated[
        list[StyleCount],
        Meta(description="The renditions in each style of the shop, counted at the build."),
    ]
    encoder_upgrade: Annotated[
        str | None,
        Meta(
            description="The notice that newer weights of the encoder are available, with the "
            "command that installs them; null if there are none."
        ),
    ]
