"""Tables with several prices: with and without tax, before and now, and sales that are none."""

from __future__ import annotations

import pytest

from tests.exportfiles import read, shop

__all__ = ["shop"]  # fixtures


@pytest.mark.parametrize(
    ("columns", "cells", "price"),
    [
        ("price,compare_at_price,sale_price", "20,25,15", 15.0),
        ("price,compare_at_price", "20,25", 20.0),
        ("price,sale_price", "20,0", 20.0),
        ("price,sale_price", "20,25", 20.0),  # more than the price: no sale
        ("Net price,Gross price,RRP,Discounted price", "10,12,15,9", 9.0),
        ("price excl. tax,price incl. tax,old price", "10.00,11.90,15.00", 11.9),
        ("price excl. tax,price incl. tax", "8.40,", None),  # not without tax
        ("Nettopreis,Bruttopreis,Streichpreis", "10.00,11.90,19.90", 11.9),
        ("Nettopreis", "10.00", 10.0),
        ("Was,Now", "20.00,15.00", 15.0),
        ("price_with_vat,vat", "322.33,24.00", 322.33),
        ("Unit price,Price tax excluded", ",9.90", 9.9),
        ("Price tax included,Discount percent,Discount to (yyyy-mm-dd)", "10,20,2999-12-31", 8.0),
        ("Price tax included,Discount percent,Discount to (yyyy-mm-dd)", "10,20,2000-12-31", 10.0),
        ("Price tax included,Discount amount", "10,3", 7.0),
        ("Price tax included,Discount amount", "10,30", 10.0),
    ],
)
def test_the_price_of_today_with_tax_is_the_price(shop, columns, cells, price):
    (mug,), notes = read(shop, "a.csv", f"sku,name,{columns}\n1,Mug,{cells}\n")
    assert (mug.price, notes) == (price, [])


@pytest.mark.parametrize("status", ["0", "false", "Pausada", "Unlisted", "offline"])
def test_a_status_that_hides_a_product_leaves_it_out(shop, status):
    column = "Estado" if status == "Pausada" else "Status"
    items, (note,) = read(shop, "a.csv", f"sku,name,{column}\n1,Mug,1\n2,Cup,{status}\n")
    assert ([item.item_id for item in items], note.item_id) == (["1"], "2")
    assert note.reason == f"left out: its {column} is {status!r}"


def test_a_shop_that_does_not_count_its_stock_can_sell_all_of_it(shop):
    text = "sku,name,quantity,track_inventory\n1,Mug,0,1\n2,Cup,0,0\n3,Jug,4,1\n"
    items, _ = read(shop, "a.csv", text)
    assert [item.in_stock for item in items] == [False, True, True]
