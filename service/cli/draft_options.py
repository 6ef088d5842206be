"""The options of commands that draft texts, and the language model that they may name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from service.processsettings import language_model_key

if TYPE_CHECKING:
    from indexer.drafting.languagemodel import LanguageModel

LANGUAGES = click.Choice(["en", "zh"])
TONES = click.Choice(["plain", "friendly", "short"])
llm_option = click.option(
    "--llm",
    metavar="URL",
    help="Let the language model at this OpenAI-compatible address write; the text is checked. Its "
    "key is VITRINE_LLM_KEY.",
)
model_option = click.option("--model", metavar="NAME", help="The name of the language model.")


def language_model(llm: str | None, model: str | None) -> LanguageModel | None:
    """Return the language model that the options name, or None. Raises UsageError, BadQuery."""
    from indexer.drafting.languagemodel import LanguageModel, check_address

    if (llm is None) != (model is None):
        raise click.UsageError("--llm and --model belong together")
    if llm is None or model is None:
        return None
    return LanguageModel(check_address(llm), model, language_model_key())
