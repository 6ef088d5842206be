"""Read from an object of a shop program whether its product can be bought."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from indexer.catalog.stock import parse_stock

_FLAGS: Final = (
    "inStock", "in_stock", "isInStock", "is_in_stock", "isOnStock", "isAvailable", "is_available",
    "stock_status", "stockStatus", "stockLevel",
)  # fmt: skip
_COUNTS: Final = (
    "stock", "quantity", "inventory_quantity", "quantityAvailable", "availableStock",
    "availableQuantity", "inventory_level", "stock_quantity", "inventory",
)  # fmt: skip
_WITHIN: Final = ("qty", "count", "amount", "level", "value", "total")  # of an object of stock
_UNCOUNTED: Final[Mapping[str, Any]] = {
    "manage_inventory": False, "manageInventory": False, "trackInventory": False,
    "track_inventory": False, "inventory_tracking": "none", "unlimited": True,
    "allow_backorder": True, "allowBackorder": True, "isCloseout": False,
    "is_unlimited": True, "isUnlimited": True,
}  # fmt: skip
_POLICIES: Final = frozenset(_UNCOUNTED)
_COUNTED: Final = frozenset({"product", "variant", "sku", "simple"})  # of BigCommerce


def stock_in(record: Mapping[str, Any], product: Mapping[str, Any] | None = None) -> bool | None:
    """Return whether an object can be bought: its flags come before its counts; None if unknown.

    A count is no limit where the shop does not count, or takes orders without stock; ``product``
    may state that for its variant.
    """
    if record.get("purchasing_disabled") is True:
        return False
    for name in ("availability", "stock", "inventory"):
        inner = record.get(name)
        if isinstance(inner, Mapping) and (found := _stock_of(inner)) is not None:
            return found
    policy = {name: (product or {})[name] for name in _POLICIES if name in (product or {})}
    policy |= {name: record[name] for name in _POLICIES if name in record}
    if str(policy.get("inventory_tracking")) in _COUNTED:
        found = _parsed(record, _COUNTS)
        if found is not None:
            return found
    found = _parsed(record, (*_FLAGS, "availability", "available"))
    if found is not None:
        return found
    is_counted = any(name in record for name in _COUNTS)
    if is_counted and any(policy.get(name) == value for name, value in _UNCOUNTED.items()):
        return True
    return _parsed(record, _COUNTS)


def _stock_of(inner: Mapping[str, Any]) -> bool | None:
    """Return what an object of stock states, or any of the objects in it: those of channels."""
    found = stock_in(inner)
    if found is not None:
        return found
    parts = [part for part in inner.values() if isinstance(part, Mapping)]
    states = [state for part in parts if (state := stock_in(part)) is not None]
    return any(states) if states else _parsed(inner, _WITHIN)


def _parsed(record: Mapping[str, Any], names: tuple[str, ...]) -> bool | None:
    for name in names:
        value = record.get(name)
        if value is None or value == "" or not isinstance(value, str | int | float):
            continue
        try:
            return parse_stock(value)
        except ValueError:  # no stock, such as a code of a warehouse; another field may have it
            continue
    return None
