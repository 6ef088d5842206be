"""What all settings have in common: bounds on their values, and errors that name the variable."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unicodedata import category

from pydantic import SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from indexer.errors import VitrineError

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

_LARGEST = 1_000_000_000  # of any number; clocks and timers overflow at ten times as many seconds


class BadSetting(VitrineError):
    """An environment variable has an invalid value."""


class BoundedSettings(BaseSettings):
    """Settings without numbers that overflow, and texts that no header or terminal takes."""

    # An error must not show an invalid write key, which may differ from the right one by a letter.
    model_config = SettingsConfigDict(env_prefix="VITRINE_", frozen=True, hide_input_in_errors=True)

    @field_validator("*")
    @classmethod
    def _check(cls, value: object) -> object:
        if isinstance(value, int | float) and value > _LARGEST:
            raise ValueError(f"at most {_LARGEST:,} is allowed")
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if isinstance(text, str) and any(category(letter) in ("Cc", "Cs") for letter in text):
            raise ValueError("control characters, and bytes that are not UTF-8, are not allowed")
        return value


def bad_setting(error: ValidationError) -> BadSetting:
    """Return the first fault that pydantic found, naming the variable."""
    return fault_in(error.errors(include_url=False, include_input=False)[0])


def fault_in(fault: ErrorDetails) -> BadSetting:
    """Return one fault that pydantic found, naming the variable."""
    name = "_".join(str(step) for step in fault["loc"]).upper()
    reason = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "too_short":  # pydantic calls the characters of a secret items
        least, length = fault["ctx"]["min_length"], fault["ctx"]["actual_length"]
        reason = f"expected at least {least} characters, got {length}"
    return BadSetting(f"the environment variable VITRINE_{name} is invalid: {reason}")
