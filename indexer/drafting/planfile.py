"""The sentence plans of each language, and the other word files of drafts."""

from __future__ import annotations

import itertools
import re
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal, NamedTuple, get_args

from indexer.enrichment.language import Language

Tone = Literal["plain", "friendly", "short"]
TONES: Final[tuple[Tone, ...]] = get_args(Tone)

_FOLDER: Final = Path(__file__).parent / "data"
_SLOT: Final = re.compile(r"\{(\w+)\}")
_FORMS: Final = re.compile(r"<([^<>]*)>")
_OR: Final = re.compile(r"\|(?![^\[]*\])")  # not that of "[is|are]"
_OF_SLOT: Final = {
    "first": "size", "last": "size", "both": "size", "label": "more", "details": "detail",
}  # fmt: skip
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
    def lists_details(self) -> bool:
        """True if the sentence lists details of a few words each."""
        return "{details}" in self.text

    @property
    def most_uses(self) -> int:
        """How often a draft may use the plan: one that has no words of its own, more than once."""
        return {"{detail}": 3, "{label}": 3}.get(self.text[: self.text.find("}") + 1], 1)

    @property
    def bare(self) -> str:
        """The text without its slots."""
        return _SLOT.sub(" ", self.text)


@lru_cache(maxsize=2)
def plans_of(language: Language) -> tuple[tuple[Plan, ...], ...]:
    """Return the plans of a language, in the order of their file; each is one or more forms.

    The forms of a plan say the same in other words, so a draft uses one of them.
    """
    plans = []
    for line in data_lines(f"plans_{language}.txt"):
        tones, _, text = line.partition("|")
        given = frozenset(tone for tone in TONES if tone[0] in tones)
        plans.append(tuple(_plan(given, form) for form in _forms(text)))
    return tuple(plans)


def _plan(tones: frozenset[str], text: str) -> Plan:
    slots = _SLOT.findall(text)
    kinds = frozenset(_OF_SLOT.get(slot, slot) for slot in slots if slot != _ARTICLE)
    return Plan(tones, text, kinds)


def _forms(text: str) -> list[str]:
    """Return the texts that "<a|b> c" stands for: "a c" and "b c"."""
    parts = _FORMS.split(text)  # those at odd places are choices
    choices = [_OR.split(part) if at % 2 else [part] for at, part in enumerate(parts)]
    return ["".join(chosen) for chosen in itertools.product(*choices)]


def data_lines(name: str) -> list[str]:
    """Return the lines of a file of this package, without comments."""
    lines = (_FOLDER / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]
