"""What the fields of items would change from and to: the details of a dry run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from indexer.items import Item

if TYPE_CHECKING:
    from indexer.store.transactions import Reader
    from indexer.writing.changes import ItemChange
    from indexer.writing.merge import FoundItem

MOST_VALUES: Final = 500
_LONGEST: Final = 160  # characters of a value
_ATTRIBUTE: Final = "attributes."


class ChangedValue(msgspec.Struct, frozen=True):
    """A field of an item, and its values now and after the build, as short texts; "" if none."""

    item_id: str
    title: str
    field: str
    before: str
    after: str


def changed_values(
    reader: Reader, changed: Iterable[ItemChange], drafts: Mapping[str, FoundItem]
) -> list[ChangedValue]:
    """Return the values of the changed fields, in order; at most ``MOST_VALUES``.

    ``drafts`` are the items to store, by id.
    """
    values: list[ChangedValue] = []
    for change in changed:
        old, new = reader.item(change.item_id), drafts[change.item_id]
        if old is None or len(values) >= MOST_VALUES:
            break
        for field in change.fields:
            before, after = _text(old.item, field), _text(new.item, field)
            if field == "images" and before == after:  # other pictures of the same names
                after = f"{after} (other pictures)"
            values.append(ChangedValue(change.item_id, new.item.title, field, before, after))
    return values[:MOST_VALUES]


def _text(item: Item, field: str) -> str:
    """Return a field as a text. A long text is cut where its difference may be lost."""
    if field.startswith(_ATTRIBUTE):
        value = item.attributes.get(field.removeprefix(_ATTRIBUTE))
    else:
        value = getattr(item, field)
    if value is None:
        return ""
    if isinstance(value, float) and field == "price":
        return f"{value:.2f}"
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
