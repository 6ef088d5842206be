"""The id of an item as the end of a path: it may hold slashes."""

from __future__ import annotations

from starlette.convertors import StringConvertor, register_url_convertor


class _ItemConvertor(StringConvertor):
    # Not what is below an item: /v1/items/x/image is the image of x. An item of the id "x/image"
    # is asked for as x%2Fimage.
    regex = r"(?!.+/(?:image|similar)$).*"


def item_path() -> str:
    """The pattern of an item's path, for routers below /v1/items."""
    register_url_convertor("item", _ItemConvertor())
    return "/{item_id:item}"
