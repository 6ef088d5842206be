"""The sentence plans of each language, and the other word files of drafts."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal, NamedTuple, get_args

from indexer.enrichment.language import Language

Tone = Literal["plain", "friendly", "short"]
TONES: Final[tuple[Tone, ...]] = get_args(Tone)

_FOLDER: Final = Path(__file__).parent / "data"
_SLOT: Final = re.compile(r"\{(\w+)\}")
_OF_SLOT: Final = {"first": "size", "last": "size", "both": "size", "label": "more"}
_ARTICLE: Final = "the"  # the slot for the article of the name, which is no fact


class Plan(NamedTuple):
    """A sentence plan: its tones, its text with slots, and the kinds of facts for the slots."""

    tones: frozenset[str]
    text: str
    kinds: frozenset[str]

    @property
    def opens(self) -> bool:
        """True if the sentence opens a draft, because it has the name."""
        return "name" in self.kinds

    @property
    def fewest_sizes(self) -> int:
        """How many sizes the sentence is for: 1, 2, or 3 for the first and last of several."""
        return 3 if "{first}" in self.text else 2 if "{both}" in self.text else 1

    @property
    def most_uses(self) -> int:
        """How often a draft may use the plan: one that has no words of its own, more than once."""
        return {"{detail}": 2, "{label}": 3}.get(self.text[: self.text.find("}") + 1], 1)

    @property
    def bare(self) -> str:
        """The text without its slots."""
        return _SLOT.sub(" ", self.text)


@lru_cache(maxsize=2)
def plans_of(language: Language) -> tuple[Plan, ...]:
    """Return the plans of a language, in the order of their file."""
    plans = []
    for line in data_lines(f"plans_{language}.txt"):
        tones, _, text = line.partition("|")
        slots = _SLOT.findall(text)
        kinds = frozenset(_OF_SLOT.get(slot, slot) for slot in slots if slot != _ARTICLE)
        plans.append(Plan(frozenset(tone for tone in TONES if tone[0] in tones), text, kinds))
    return tuple(plans)


def data_lines(name: str) -> list[str]:
    """Return the lines of a file of this package, without comments."""
    lines = (_FOLDER / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]
