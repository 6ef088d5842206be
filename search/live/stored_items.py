"""All items of a store as one transaction has them, and what follows from them alone.

They are read while another thread verifies and loads the index of the generation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from search.live.id_order import IdOrder
from search.live.layers import LayeredColumns
from search.live.row_columns import RowColumns
from search.live.row_images import RenditionNames
from search.live.starters import items_of_all_categories

if TYPE_CHECKING:
    from indexer.items import Item
    from indexer.store.transactions import Reader
    from search.live.accepted import AcceptedValues


class StoredItems:
    """The items of a store by number, in the order of their ids; use it while ``reader`` is open.

    ``transaction`` is one of the store that the reader includes. ``products`` are the numbers of
    products by id, ``product`` (items,) has that of each item. ``starters`` are items of all
    categories, ``rows`` the rows of all items, whose styles have the numbers of ``renditions``.
    """

    def __init__(
        self, reader: Reader, transaction: int, accepted: AcceptedValues | None = None
    ) -> None:
        """Read all items. ``accepted`` are values to filter by, beside the fields of items."""
        self.reader = reader
        self.transaction = transaction
        self.renditions = RenditionNames()
        self.rows = RowColumns(self.renditions)
        items: list[Item] = []
        for number, record in enumerate(reader.items()):
            items.append(record.item)
            self.rows.add(number, record)
        self.ids = [item.item_id for item in items]
        self.numbers = {item_id: number for number, item_id in enumerate(self.ids)}
        self.id_order = IdOrder(self.ids)
        self.starters = items_of_all_categories(items)
        self.products: dict[str, int] = {}
        self.product = np.array(
            [self.products.setdefault(item.product_id, len(self.products)) for item in items],
            dtype=np.int64,
        )
        self.columns = LayeredColumns.of(items if accepted is None else accepted.added(items))
