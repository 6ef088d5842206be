"""The models of requests about events, users and recommendations."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from indexer.items import MAX_ID_BYTES
from search.personal.event import MAX_NAME_BYTES, MAX_RATING, EventType
from search.personal.recommendation import DEFAULT_LIMIT
from service.http.query_fields import FilterField, FilterText, LimitField
from service.http.request_model import RequestModel

MAX_EVENTS = 10_000  # of one request
MAX_SESSION_EVENTS = 200

Id = Annotated[str, Field(min_length=1, max_length=MAX_ID_BYTES)]
Label = Annotated[str, Field(max_length=MAX_NAME_BYTES)]
ExplainScoresField = Annotated[
    bool, Field(description="Return what each feature adds to the scores.")
]
SeenField = Annotated[bool, Field(description="Allow items that the user has seen before.")]
DiversityField = Annotated[
    float,
    Field(ge=0, le=1, description="How much an item loses for likeness to the items before it."),
]
StyleField = Annotated[
    Annotated[str, Field(min_length=1, max_length=MAX_NAME_BYTES)] | None,
    Field(
        description="A style to show the pictures in, see `/v1/styles`; `original` is none. By "
        "default the one that the user reacts to most."
    ),
]
ContextField = Annotated[
    Id | None, Field(description="The item that the user looks at; it is not recommended.")
]


class SessionEventBody(RequestModel):
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
        description="False if the user has not agreed to be remembered: the event is not stored.",
    )


class EventsBody(RequestModel):
    """Events to store; each is checked separately."""

    events: list[EventBody] = Field(min_length=1, max_length=MAX_EVENTS)


class EventsEnvelope(RequestModel):
    """``EventsBody`` with unchecked events, so that an invalid one does not refuse the others."""

    events: list[Any] = Field(min_length=1, max_length=MAX_EVENTS)


class SessionBody(RequestModel):
    """What an anonymous user did, newest last; nothing of it is stored."""

    events: list[SessionEventBody] = Field(max_length=MAX_SESSION_EVENTS)
    limit: LimitField = DEFAULT_LIMIT
    filter: FilterField = None
    item: ContextField = None
    seen: SeenField = False
    explain: ExplainScoresField = False
    diversity: DiversityField = 0.1
    style: StyleField = None


class RecommendParams(BaseModel):
    """The parameters of a request for recommendations."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    limit: LimitField = DEFAULT_LIMIT
    filter: FilterText | None = Field(None, description="Which items may be recommended.")
    item: ContextField = None
    seen: SeenField = False
    explain: ExplainScoresField = False
    diversity: DiversityField = 0.1
    style: StyleField = None


class TogetherParams(BaseModel):
    """The parameters of a request for what is bought together with an item."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    limit: LimitField = DEFAULT_LIMIT
    filter: FilterText | None = Field(None, description="Which items may be returned.")
