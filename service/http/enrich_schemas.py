"""The models of requests about suggestions and drafts."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from indexer.enrichment.decisions import MAX_LISTED
from indexer.items import MAX_ID_BYTES

MAX_DECISIONS = 200


class DecisionBody(BaseModel):
    """An operator's decision about a suggested value of an item."""

    model_config = ConfigDict(extra="forbid", strict=True)

    attribute: str = Field(min_length=1, max_length=200, examples=["material"])
    value: str = Field(min_length=1, max_length=1000, examples=["Ceramic"])
    accepted: bool = Field(True, description="False refuses the value.")


class ItemDecisionBody(DecisionBody):
    """A decision, and the item that it is about."""

    item_id: str = Field(min_length=1, max_length=MAX_ID_BYTES, examples=["mug-012"])


class DecisionsBody(BaseModel):
    """Decisions about suggested values of several items."""

    model_config = ConfigDict(extra="forbid", strict=True)

    decisions: list[ItemDecisionBody] = Field(min_length=1, max_length=MAX_DECISIONS)


class SuggestionsParams(BaseModel):
    """Which suggestions of the shop to list."""

    model_config = ConfigDict(extra="forbid")

    attribute: str | None = Field(
        None, min_length=1, max_length=200, description="Of one attribute; otherwise of all."
    )
    state: Literal["open", "accepted", "refused"] = Field(
        "open", description="Undecided, accepted (by the rule or an operator), or refused."
    )
    limit: int = Field(50, ge=1, le=MAX_LISTED, description="How many to list, the surest first.")


class DraftBody(BaseModel):
    """What draft of an item's text is wanted."""

    model_config = ConfigDict(extra="forbid", strict=True)

    language: Literal["en", "zh"] = "en"
    tone: Literal["plain", "friendly", "short"] = "plain"
    length: int = Field(
        0, ge=0, le=500, description="Most words, or characters in Chinese; 0: 40 or 80."
    )
    seed: int = Field(
        0, ge=0, le=2**32, description="The same seed gives the same draft, another one another."
    )
