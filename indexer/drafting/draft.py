"""Write a draft of an item from its facts, by sentence plans that a seed varies.

Each sentence says one or two facts, and no fact is said twice. Every draft passes the checker.
"""

from __future__ import annotations

import random
import re
from typing import Final

import msgspec

from indexer.drafting.checker import CheckedSentence, check_text
from indexer.drafting.facts import Fact, Kind, facts_of
from indexer.drafting.planfile import Tone
from indexer.drafting.writer import Writer, length_of
from indexer.enrichment.language import Language
from indexer.items import Item

DEFAULT_LENGTH: Final = {"en": 40, "zh": 80}  # words, characters
VERSION: Final = "plans-5"
_LOOKS: Final[tuple[Kind, ...]] = ("color", "pattern", "style")
_MAKE: Final[tuple[Kind, ...]] = ("material", "detail")
_USE: Final[tuple[Kind, ...]] = ("detail",)
_SPECS: Final[tuple[Kind, ...]] = ("gender", "season", "more", "care")
_ORIGIN: Final[tuple[Kind, ...]] = ("detail", "brand", "category")
_COST: Final[tuple[Kind, ...]] = ("size", "price")
_ALL_KINDS: Final[tuple[Kind, ...]] = (*_LOOKS, *_MAKE, *_SPECS, *_ORIGIN, *_COST)
_ORDERS: Final = (
    (_LOOKS, _USE, _MAKE, _COST),
    (_MAKE, _USE, _LOOKS, _COST),
    (_USE, _MAKE, _LOOKS, _ORIGIN, _COST),
)
"""The orders in which topics get room in a draft; a topic is one or more kinds of facts."""
_CARE: Final = re.compile(r"\b(?:wash|dry|iron)|洗|熨", re.IGNORECASE)  # no selling point


class Refusal(msgspec.Struct, frozen=True):
    """A draft of a language model that was refused, and its sentences with their problems."""

    model: str
    sentences: list[CheckedSentence]
    reason: str = ""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A draft of an item's text, which is a suggestion to the shop.

    Each sentence has the positions of its facts in ``facts``. ``source`` is the version of the
    plans, or the name of the language model that wrote the draft. ``refused`` are drafts of that
    model that said more than the facts.
    """

    item_id: str
    language: Language
    tone: Tone
    text: str
    sentences: list[CheckedSentence]
    facts: list[Fact]
    source: str = VERSION
    refused: list[Refusal] = []


def write_draft(
    item: Item, language: Language = "en", tone: Tone = "plain", length: int = 0, seed: int = 0
) -> Draft:
    """Write a draft of at most ``length`` words, or characters in Chinese; 0 is 40 or 80.

    The first sentence is kept even if it is longer. The text is empty if no fact but the name can
    be said. The same arguments give the same draft.
    """
    facts = facts_of(item, language)
    rng = random.Random(f"{seed} {item.item_id} {language} {tone}")
    writer = Writer(facts, language, tone, rng)
    room = length or DEFAULT_LENGTH[language]
    opened = (
        writer.quote_opening()
        or writer.say(("name",), room, opening=True)
        or writer.say(("name",), 10**6, opening=True)
    )
    if not opened:  # every plan of the tone needs a fact that is missing
        writer.say_name()
    for topic in rng.choice(_ORDERS):
        left = room - length_of(" ".join(writer.sentences), language)
        writer.say(topic, left)
    while writer.say(_ALL_KINDS, room - length_of(" ".join(writer.sentences), language)):
        pass
    if writer.has_only_name:  # nothing to say is said by silence
        writer.sentences.clear()
    else:
        writer.arrange()
    sentences = check_text(writer.sentences, facts, language)
    return Draft(
        item_id=item.item_id,
        language=language,
        tone=tone,
        text=("" if language == "zh" else " ").join(writer.sentences),
        sentences=sentences,
        facts=list(facts),
    )


def tagline(draft: Draft) -> str:
    """Return the sentence of a draft to print on a picture: a detail, or what the item is made of.

    It has neither the name nor the price, because the picture shows both. Returns "" if the draft
    has no such sentence.
    """
    wanted: tuple[Kind, ...] = ("detail", "material", "pattern", "style")
    for kind in wanted:
        for sentence in draft.sentences:
            kinds = {draft.facts[at].kind for at in sentence.facts}
            is_care = bool(_CARE.search(sentence.text))
            if kind in kinds and not kinds & {"name", "price"} and not is_care:
                is_list = kind == "detail" and len(sentence.facts) > 1
                return f"{draft.facts[sentence.facts[0]].values[0]}." if is_list else sentence.text
    return ""
