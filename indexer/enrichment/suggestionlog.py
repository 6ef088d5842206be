"""The suggestions of a shop, beside its items: in an LMDB environment of their own.

``suggestions`` maps the hash of an item's id to what was suggested, ``decisions`` to what an
operator accepted or refused, and ``accepted`` to the accepted values. What the shop wrote is in
``catalog.lmdb``: nothing here changes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Final, Literal

import msgspec

from indexer.enrichment.suggestion import Suggestion
from indexer.errors import BadQuery
from indexer.layout import SUGGESTIONS
from indexer.store.environment import Environment, exists
from indexer.store.lmdb_transactions import WriteTransaction
from indexer.store.replica import refuse_replica
from indexer.words.folding import fold

_SUGGESTIONS, _DECISIONS, _ACCEPTED = "suggestions", "decisions", "accepted"
_ADVICE: Final = "move it away and run vitrine enrich again"
_SHOWN: Final = 8  # suggestions that an error lists

Accepted = dict[str, list[str]]
"""The accepted values of an item, by attribute."""


class Suggested(msgspec.Struct, frozen=True):
    """A suggestion, whether it is accepted, and who decided that: nobody, the rule, the operator.

    A suggestion that an operator refused is not accepted, and was decided by the operator.
    """

    suggestion: Suggestion
    accepted: bool
    by: Literal["", "rule", "operator"] = ""


class ItemSuggestions(msgspec.Struct, frozen=True):
    """What is suggested for an item, the surest first."""

    item_id: str
    suggestions: list[Suggested]


class Decision(msgspec.Struct, frozen=True):
    """What an operator decided about a value; it holds when the shop is enriched again."""

    attribute: str
    value: str
    accepted: bool


class _ItemDecisions(msgspec.Struct, frozen=True):
    item_id: str
    decisions: list[Decision]


class _ItemAccepted(msgspec.Struct, frozen=True):
    item_id: str
    values: Accepted


class SuggestionLog:
    """The suggestions of a shop; close it, or use it in a ``with`` block. Safe for threads."""

    def __init__(self, shop: Path, *, create: bool = False) -> None:
        """Open them in the folder of a shop. Errors are those of ``Environment``.

        To write, ``create`` it: a replica has those of its primary, and raises Conflict.
        """
        if create:
            refuse_replica(shop)
        names = [_SUGGESTIONS, _DECISIONS, _ACCEPTED]
        self._environment = Environment(shop / SUGGESTIONS, names, create=create, advice=_ADVICE)

    def close(self) -> None:
        """Close the files; a second call does nothing."""
        self._environment.close()

    def __enter__(self) -> SuggestionLog:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def of(self, item_id: str) -> list[Suggested]:
        """Return what is suggested for an item, the surest first; [] if nothing is."""
        with self._environment.read() as txn:
            value = txn.get(_SUGGESTIONS, _key(item_id))
        if value is None:
            return []
        return msgspec.msgpack.decode(value, type=ItemSuggestions).suggestions

    def accepted(self, item_id: str) -> Accepted:
        """Return the accepted values of an item, by attribute."""
        with self._environment.read() as txn:
            value = txn.get(_ACCEPTED, _key(item_id))
        return {} if value is None else msgspec.msgpack.decode(value, type=_ItemAccepted).values

    def all_accepted(self) -> dict[str, Accepted]:
        """Return the accepted values of all items that have one."""
        with self._environment.read() as txn:
            found = [
                msgspec.msgpack.decode(value, type=_ItemAccepted)
                for _, value in txn.entries(_ACCEPTED)
            ]
        return {one.item_id: one.values for one in found}

    def replace(self, found: Iterable[ItemSuggestions]) -> set[str]:
        """Store the suggestions of these items, and forget those of all others. StoreFull.

        Decisions of an operator hold. Return the ids of the items whose accepted values changed.
        """
        before = self.all_accepted()
        after: dict[str, Accepted] = {}
        with self._environment.write() as txn:
            left = set(map(bytes, txn.keys(_SUGGESTIONS)))
            for one in found:
                left.discard(_key(one.item_id))
                decided = _decisions(txn, one.item_id)
                stored = ItemSuggestions(
                    one.item_id, [_decided(s, decided) for s in one.suggestions]
                )
                if values := _put(txn, stored):
                    after[one.item_id] = values
            for key in left:
                txn.delete(_SUGGESTIONS, key)
                txn.delete(_ACCEPTED, key)
        names = {*before, *after}
        return {name for name in names if before.get(name) != after.get(name)}

    def decide(self, item_id: str, decision: Decision) -> list[Suggested]:
        """Accept or refuse a suggested value of an item; return all that is suggested for it.

        BadQuery if that value is not suggested.
        """
        return self.decide_many({item_id: [decision]})[item_id]

    def decide_many(
        self, decisions: Mapping[str, Sequence[Decision]]
    ) -> dict[str, list[Suggested]]:
        """Accept or refuse suggested values of several items; return what is suggested for each.

        BadQuery if a value is not suggested for its item; then nothing is decided. The later of
        two decisions about a value counts.
        """
        found: dict[str, list[Suggested]] = {}
        with self._environment.write() as txn:
            for item_id, made in decisions.items():
                value = txn.get(_SUGGESTIONS, _key(item_id))
                known = (
                    []
                    if value is None
                    else msgspec.msgpack.decode(value, type=ItemSuggestions).suggestions
                )
                decided = _decisions(txn, item_id)
                for decision in made:
                    _check_suggested(item_id, decision, known)
                    name = decision.attribute, fold(decision.value)
                    others = [one for one in decided if (one.attribute, fold(one.value)) != name]
                    decided = [*others, decision]
                record = _ItemDecisions(item_id, decided)
                txn.put(_DECISIONS, _key(item_id), msgspec.msgpack.encode(record))
                found[item_id] = [_decided(one, decided) for one in known]
                _put(txn, ItemSuggestions(item_id, found[item_id]))
        return found

    def everything(self) -> Iterator[ItemSuggestions]:
        """Yield what is suggested for each item, in no particular order."""
        with self._environment.read() as txn:
            for _, value in txn.entries(_SUGGESTIONS):
                yield msgspec.msgpack.decode(value, type=ItemSuggestions)


def open_if_exists(shop: Path) -> SuggestionLog | None:
    """Open the suggestions of a shop's folder; None if none were ever made."""
    return SuggestionLog(shop) if exists(shop / SUGGESTIONS) else None


def _decisions(txn: WriteTransaction, item_id: str) -> list[Decision]:
    value = txn.get(_DECISIONS, _key(item_id))
    return [] if value is None else msgspec.msgpack.decode(value, type=_ItemDecisions).decisions


def _decided(one: Suggested, decisions: Iterable[Decision]) -> Suggested:
    for decision in decisions:
        if _is_about(one.suggestion, decision):
            return Suggested(one.suggestion, decision.accepted, "operator")
    return one


def _check_suggested(item_id: str, decision: Decision, known: list[Suggested]) -> None:
    """Raise BadQuery unless the value of the decision is suggested for the item."""
    if any(_is_about(one.suggestion, decision) for one in known):
        return
    shown = ", ".join(
        f"{one.suggestion.attribute} {one.suggestion.value!r}" for one in known[:_SHOWN]
    )
    raise BadQuery(
        f"{decision.attribute[:80]} {decision.value[:80]!r} is not suggested for "
        f"{item_id[:80]!r}; suggested are: {shown or 'none; run vitrine enrich'}",
        param="value",
    )


def _is_about(suggestion: Suggestion, decision: Decision) -> bool:
    same = suggestion.attribute == decision.attribute
    return same and fold(suggestion.value) == fold(decision.value)


def _put(txn: WriteTransaction, found: ItemSuggestions) -> Accepted:
    """Store the suggestions of an item, and its accepted values, which are returned."""
    key = _key(found.item_id)
    txn.put(_SUGGESTIONS, key, msgspec.msgpack.encode(found))
    values: Accepted = {}
    for one in found.suggestions:
        if one.accepted:
            values.setdefault(one.suggestion.attribute, []).append(one.suggestion.value)
    if values:
        txn.put(_ACCEPTED, key, msgspec.msgpack.encode(_ItemAccepted(found.item_id, values)))
    else:
        txn.delete(_ACCEPTED, key)
    return values


def _key(item_id: str) -> bytes:
    return blake2b(item_id.encode("utf-8", "replace"), digest_size=16).digest()
