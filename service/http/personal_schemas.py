"""What requests about events, users and recommendations may hold."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from indexer.items import MAX_ID_BYTES
from search.personal.event import MAX_NAME_BYTES, MAX_RATING, EventType
from search.personal.recommendation import DEFAULT_LIMIT
from service.http.schemas import FilterField, FilterText, LimitField

MAX_EVENTS = 10_000  # of one request
MAX_SESSION_EVENTS = 200

Id = Annotated[str, Field(min_length=1, max_length=MAX_ID_BYTES)]
Label = Annotated[str, Field(max_length=MAX_NAME_BYTES)]
ExplainField = Annotated[bool, Field(description="Return what each feature adds to the scores.")]
SeenField = Annotated[bool, Field(description="Allow items that the user has met before.")]
DiversityField = Annotated[
    float,
    Field(ge=0, le=1, description="What an item loses for likeness to those before it."),
]
ContextField = Annotated[
    Id | None, Field(description="The item that the user looks at; it is not recommended.")
]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class SessionEventBody(_Request):
    """Something that the user did with an item."""

    item_id: Id
    type: EventType = "view"
    time: float | str | None = Field(
        None,
        description="ISO 8601, or seconds or milliseconds since 1970; now if it is not given.",
    )
    value: float | None = Field(
        None,
        description=f"The stars of a rating, 0 to {MAX_RATING:g}; the quantity of a cart or "
        "purchase.",
    )
    rendition: Label | None = Field(None, description="The style of the picture that was shown.")


class EventBody(SessionEventBody):
    """Something that a user did with an item."""

    user_id: Id
    type: EventType
    event_id: Id | None = Field(
        None,
        description="Identifies the event: it is stored once, however often it is sent. Made from "
        "the other fields if it is not given.",
    )
    surface: Label | None = Field(None, description="Where the item was shown, such as home.")
    position: int | None = Field(None, ge=0, description="Its rank there, from 0.")
    propensity: float | None = Field(
        None, gt=0, le=1, description="The probability with which it was shown there."
    )
    consent: bool = Field(
        default=True,
        description="False if the user has not agreed to be remembered: it is not stored.",
    )


class EventsBody(_Request):
    """Events to be stored; each is checked by itself."""

    events: list[EventBody] = Field(min_length=1, max_length=MAX_EVENTS)


class EventsEnvelope(_Request):
    """The outside of ``EventsBody``: its events are checked one by one."""

    events: list[Any] = Field(min_length=1, max_length=MAX_EVENTS)


class SessionBody(_Request):
    """What an anonymous user did, newest last; nothing of it is stored."""

    events: list[SessionEventBody] = Field(max_length=MAX_SESSION_EVENTS)
    limit: LimitField = DEFAULT_LIMIT
    filter: FilterField = None
    item: ContextField = None
    seen: SeenField = False
    explain: ExplainField = False
    diversity: DiversityField = 0.1


class RecommendParams(BaseModel):
    """How many items to recommend, among which."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    limit: LimitField = DEFAULT_LIMIT
    filter: FilterText | None = Field(None, description="Which items may be recommended.")
    item: ContextField = None
    seen: SeenField = False
    explain: ExplainField = False
    diversity: DiversityField = 0.1


class TogetherParams(BaseModel):
    """How many items to return, among which."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    limit: LimitField = DEFAULT_LIMIT
    filter: FilterText | None = Field(None, description="Which items may be returned.")
