"""The models of requests about suggestions and drafts of an item."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class DecisionBody(BaseModel):
    """An operator's decision about a suggested value of an item."""

    model_config = ConfigDict(extra="forbid", strict=True)

    attribute: str = Field(min_length=1, max_length=200, examples=["material"])
    value: str = Field(min_length=1, max_length=1000, examples=["Ceramic"])
    accepted: bool = Field(True, description="False refuses the value.")


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
