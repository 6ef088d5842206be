"""Write the sentences of a draft: by plans, each of facts that are not said yet."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from indexer.drafting.checker import Checker
from indexer.drafting.facts import Fact, Kind, is_brief
from indexer.drafting.glossary import translated
from indexer.drafting.grammar import agreed, article, is_plural
from indexer.drafting.planfile import Plan, Tone, plans_of
from indexer.enrichment.language import Language
from indexer.words.folding import fold

_PLACES: Final[tuple[tuple[Kind, ...], ...]] = (
    ("brand", "color", "pattern", "material", "gender"),
    ("detail",),
    ("style", "season", "more", "care"),
    ("size", "price"),
    ("category",),
)
"""Where sentences stand after the opening: by the last place of their kinds of facts."""
_JOINTS: Final = {"en": (", ", " and "), "zh": ("、", "和")}
_SEPARATORS: Final = {"en": (", ", "; "), "zh": ("、", "；")}  # of details; if one has a comma
_LONGEST_NAMED_ZH: Final = 8  # characters of a detail that is a noun; a longer one is a clause
_MOST_LISTED: Final = 3  # details of a sentence
_MOST_VALUES: Final = 4  # of an attribute that has no plan of its own; a list of all says nothing
_COMMON: Final = frozenset(
    {"a", "an", "and", "or", "of", "for", "the", "with", "in", "on", "to", "is", "色", "的"}
)
_NO_PATTERN: Final = frozenset({"solid", "plain", "纯色", "素色"})  # nobody says these of an item
_WORD: Final = re.compile(r"[a-z0-9%]+|[\u3400-\u9fff]")
_LONG: Final = re.compile(r"[A-Za-z]{3,}")


class Writer:
    """The sentences of one draft, and the facts that are left to say."""

    def __init__(
        self, facts: Sequence[Fact], language: Language, tone: Tone, rng: random.Random
    ) -> None:
        self._facts, self._language = facts, language
        self._checker = Checker(facts, language)
        self._plans = [rng.choice(plan) for plan in plans_of(language) if tone in plan[0].tones]
        self._left = [at for at, fact in enumerate(facts) if _is_worth_saying(fact)]
        self._is_plural = is_plural(facts[0].values[0])
        self._uses: Counter[str] = Counter()
        self._openers: set[str] = set()
        self._words: list[set[str]] = []  # of the sentences so far
        self._places: list[tuple[int, int]] = []  # and of details, where the shop has them
        self.sentences: list[str] = []
        rng.shuffle(self._plans)
        self._plans.sort(key=lambda plan: not plan.lists_details)
        details = [at for at in self._left if facts[at].kind in ("detail", "more")]
        others = [at for at in self._left if at not in details]
        rng.shuffle(details)
        self._left = [*others, *details]

    def say(self, kinds: Sequence[Kind], room: int, *, opening: bool = False) -> bool:
        """Add a sentence about one of the kinds; False if none fits into the room."""
        for plan in self._plans:
            if plan.opens != opening or not plan.kinds & set(kinds):
                continue
            if self._uses[plan.text] >= plan.most_uses:
                continue
            chosen = self._chosen(plan)
            if chosen is None:
                continue
            sentence = self._filled(plan, chosen)
            begun = (
                plan.text if plan.most_uses == 1 else sentence
            )  # of the plan's own words, or not
            opener = "".join(_WORD.findall(fold(begun))[:2])
            if length_of(sentence, self._language) > room or opener in self._openers:
                continue
            if not self._checker.check(sentence).problems:
                self._add(plan, chosen, sentence, opener)
                return True
        return False

    def quote_opening(self) -> bool:
        """Add a sentence of the description that begins with the name; False if there is none."""
        name = re.escape(fold(self._facts[0].values[0]))
        begins = re.compile(rf"(?:the )?{name}(?:(?:e?s)?\b|(?=[\u3400-\u9fff]))")
        for at in self._left:
            text = fold(self._facts[at].values[0])
            if self._facts[at].kind == "detail" and begins.match(text):
                self._words.append(_content(self._facts[0], self._language))
                plan = next(plan for plan in self._plans if plan.text.startswith("{detail}"))
                self._add(plan, [at], self._filled(plan, [at]), text)
                self._places[-1] = -1, 0
                return True
        return False

    def say_name(self) -> None:
        """Add the name as a sentence of its own."""
        self._words.append(_content(self._facts[0], self._language))
        self._places.append((-1, 0))
        self.sentences.append(self._facts[0].values[0] + {"en": ".", "zh": "。"}[self._language])

    @property
    def has_only_name(self) -> bool:
        """True if no fact is said but the name, and where there is more of the kind."""
        more = sum(place == len(_PLACES) - 1 for place, _ in self._places)
        return len(self._words) - more < 2

    def _chosen(self, plan: Plan) -> list[int] | None:
        """Return the facts for a plan that are not said yet, or None."""
        chosen: list[int] = []
        for kind in sorted(plan.kinds, key=lambda kind: kind != "name"):  # it may say the others
            lists = kind == "detail" and plan.lists_details
            before = len(chosen)
            for at in self._left:
                fact = self._facts[at]
                if fact.kind != kind or self._is_known(fact, chosen) or not _is_fit(fact, plan):
                    continue
                chosen.append(at)
                if len(chosen) - before == (_MOST_LISTED if lists else 1):
                    break
            if len(chosen) - before < (2 if lists else 1):
                return None
        return chosen

    def _is_known(self, fact: Fact, chosen: Sequence[int]) -> bool:
        """Return True if the sentences so far, or the chosen facts, already say much of a fact."""
        if fact.kind in ("name", "price", "size"):
            return False
        if fact.kind == "pattern" and _starts(fact) & _starts(self._facts[0]):
            return True  # "with dots" says dotted, "flowers" says floral
        others = [*self._words, *(_content(self._facts[at], self._language) for at in chosen)]
        words = _content(fact, self._language)
        if fact.kind != "detail":
            return any(words & said for said in others)
        others = others[1:]  # ``facts_of`` decides which sentences may repeat the name
        return any(3 * len(words & said) >= min(len(words), len(said)) for said in others)

    def _filled(self, plan: Plan, chosen: Sequence[int]) -> str:
        slots: dict[str, str] = {}
        if plan.lists_details:
            slots["details"] = self._joined([self._facts[at].values[0] for at in chosen])
        for at in chosen:
            fact = self._facts[at]
            slots[fact.kind] = _listed(fact.values, self._language)
            if fact.kind == "size":
                ends = {"first": fact.values[0], "last": fact.values[-1]}
                slots |= ends | {"both": slots["size"]}
            if fact.kind == "name":
                slots["the"] = article(fact.values[0])
            if fact.kind == "more":
                slots["label"] = fact.label
            if fact.kind in ("detail", "care") and not plan.text.startswith("{detail}"):
                slots[fact.kind] = _uncapitalized(slots[fact.kind])
        text = agreed(plan.text, plural=self._is_plural)
        if "," in slots.get("name", "") and self._language == "en":  # "Mug, red, is made of clay."
            text = re.sub(r"\{name\}( by \{brand\})?(?= \w)", _set_off, text)
        filled = re.sub(r"\{(\w+)\}", lambda found: slots[found[1]], text)
        if self._language == "zh":
            return _spaced(filled)
        return re.sub(r"(^|\? )([^\W\d_])", lambda found: found[1] + found[2].upper(), filled)

    def _joined(self, details: Sequence[str]) -> str:
        comma, semicolon = _SEPARATORS[self._language]
        are_clauses = self._language == "zh" and max(map(len, details)) > _LONGEST_NAMED_ZH
        has_comma = any(comma.strip() in detail for detail in details)
        separator = semicolon if has_comma or are_clauses else comma
        return separator.join(map(_uncapitalized, details))

    def _add(self, plan: Plan, chosen: Sequence[int], sentence: str, opener: str) -> None:
        self._uses[plan.text] += 1
        self._openers.add(opener)
        self._left = [at for at in self._left if at not in chosen]
        self._words += [_content(self._facts[at], self._language) for at in chosen]
        last = max((at for at, kinds in enumerate(_PLACES) if plan.kinds & set(kinds)), default=0)
        self._places.append((-1 if plan.opens else last, chosen[0] if last == 1 else 0))
        self.sentences.append(sentence)

    def arrange(self) -> None:
        """Put the sentences into the order of a product text; price and sizes come last."""
        order = sorted(range(len(self.sentences)), key=self._places.__getitem__)
        self.sentences = [self.sentences[at] for at in order]


def _set_off(found: re.Match[str]) -> str:
    """Set commas around the maker of a thing whose name has a comma: "Mug, red, by Mira,"."""
    return "{name}," + (f"{found[1]}," if found[1] else "")


def length_of(text: str, language: Language) -> int:
    """Return the length of a text: words, or in Chinese characters and Latin words."""
    if language == "en":
        return len(text.split())
    return len(re.findall(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+", text))


def _listed(values: Sequence[str], language: Language) -> str:
    comma, joint = _JOINTS[language]
    if len(values) < 2:
        return values[0]
    return comma.join(values[:-1]) + joint + values[-1]


def _spaced(text: str) -> str:
    """Put a space between Chinese and Latin words, and none beside Chinese marks."""
    text = re.sub(r"(?<=[\u3400-\u9fff])(?=[A-Za-z0-9$€£])", " ", text)
    text = re.sub(r"(?<=[A-Za-z0-9™®%])(?=[\u3400-\u9fff])", " ", text)
    return re.sub(r"(?<!\s)\s++(?=[，。：；？、])|(?<=[，。：；？、])\s+", "", text)


def _is_worth_saying(fact: Fact) -> bool:
    if fact.kind == "more" and len(fact.values) > _MOST_VALUES:
        return False
    is_plain = fact.kind == "pattern" and any(fold(value) in _NO_PATTERN for value in fact.values)
    return bool(fact.values and fact.values[0]) and not is_plain


def _is_fit(fact: Fact, plan: Plan) -> bool:
    """Return True if a plan has the words for a fact: for so many sizes, for a whole sentence."""
    if fact.kind == "size":
        return min(len(fact.values), 3) == plan.fewest_sizes
    return fact.kind != "detail" or plan.text.startswith("{detail}") or is_brief(fact.values[0])


def _uncapitalized(text: str) -> str:
    """Return a text with a small first letter, unless its first word is a sign such as "UV"."""
    first, space, rest = text.partition(" ")
    is_plain = (first[1:2].islower() or first == "A") and not re.search("[®™]", first)
    return first.lower() + space + rest if is_plain else text  # "Long-Sleeve" too


def _starts(fact: Fact) -> set[str]:
    """Return the first letters of the words of a fact, which are alike in words of one stem."""
    return {word[:3] for word in _WORD.findall(fold(" ".join(fact.values))) if len(word) > 2}


def _content(fact: Fact, language: Language) -> set[str]:
    """Return the words of a fact; in Chinese its characters, and those of what a name says."""
    text = " ".join(fact.values)
    if language == "zh" and fact.kind == "name":  # "Yarrow flask, yellow" says 黄色
        text += "".join(map(translated, _LONG.findall(text)))
    return set(_WORD.findall(fold(text))) - _COMMON
