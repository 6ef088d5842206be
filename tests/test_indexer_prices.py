"""Prices and stock as shops write them: an amount, a currency, and what is not a price."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest

from indexer.catalog.prices import UnclearPrice, decimal_mark_of, parse_price
from indexer.catalog.stock import parse_stock


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("12.50", 12.5, ""),
        ("12,50", 12.5, ""),
        ("59.00 EUR", 59.0, "EUR"),
        ("EUR59", 59.0, "EUR"),
        ("1.299,00 €", 1299.0, "EUR"),
        ("1 299,00 €", 1299.0, "EUR"),
        ("1\u202f299,00\u00a0€", 1299.0, "EUR"),
        ("CHF 1'299.00", 1299.0, "CHF"),
        ("$12.00", 12.0, "USD"),
        ("12.50$", 12.5, "USD"),
        ("US$ 45", 45.0, "USD"),
        ("CA$45", 45.0, "CAD"),
        ("USD 5", 5.0, "USD"),
        ("$1,299", 1299.0, "USD"),
        ("€1,299", 1299.0, "EUR"),
        ("1.299 €", 1299.0, "EUR"),
        ("£5", 5.0, "GBP"),
        ("5 zł", 5.0, "PLN"),
        ("129,95 kr.", 129.95, ""),
        ("R$ 1.299,90", 1299.9, "BRL"),
        ("Rs. 499/-", 499.0, ""),
        ("1.234.567,89", 1234567.89, ""),
        ("1,23,456.00", 123456.0, ""),
        ("54.0000", 54.0, ""),
        ("0.999", 0.999, ""),
        ("1299.000", 1299.0, ""),
        ("JPY 1,299", 1299.0, "JPY"),
        ("12,-", 12.0, ""),
        ("12.–", 12.0, ""),
        ("129:-", 129.0, ""),
        (".99", 0.99, ""),
        ("￥１２", 12.0, ""),
        ("from $10", 10.0, "USD"),
        ("ab 12,00 €", 12.0, "EUR"),
        ("12.00 incl. VAT", 12.0, ""),
        ("10.00 - 20.00 EUR", 10.0, "EUR"),
        ("€ 10–20", 10.0, "EUR"),
        ("$10.00 to $20.00", 10.0, "USD"),
        ("10,5-20,5", 10.5, ""),
    ],
)
def test_a_price_is_a_number_and_a_currency(text, amount, currency):
    assert parse_price(text) == (amount, currency)


@pytest.mark.parametrize("text", ["1.299", "1,299", "EUR 1.234"])
def test_a_price_that_may_be_one_of_two_is_unclear(text):
    with pytest.raises(UnclearPrice, match="may separate decimals or thousands"):
        parse_price(text)


@pytest.mark.parametrize(
    ("text", "mark", "amount"),
    [("1.299", ".", 1.299), ("1.299", ",", 1299.0), ("1,299", ",", 1.299), ("1,299", ".", 1299.0)],
)
def test_the_marks_of_other_prices_make_it_clear(text, mark, amount):
    assert parse_price(text, mark).amount == amount


@pytest.mark.parametrize("text", ["N/A", "n/a", "-", "TBD", "null", "None"])
def test_a_text_that_says_there_is_no_price_is_none(text):
    assert parse_price(text).amount is None


@pytest.mark.parametrize(
    "text",
    ["free", "call us", "-5", "EUR -5", "10.00-", "($5.00)", "2 for 5", "59 EUR / 65 USD", "5 €/kg",
     "12.34.56", "EUR", "$20 or $15", "20.00,10.00", "1,2,3", "inf", "nan5", True, ["5"],
     math.inf, -1.0],
)  # fmt: skip
def test_what_is_no_price_is_refused(text):
    with pytest.raises(UnclearPrice):
        parse_price(text)


@pytest.mark.parametrize("value", [1.299, 1299, Decimal("1.299")])
def test_a_number_is_never_unclear(value):
    assert parse_price(value).amount == float(value)


@pytest.mark.parametrize(
    ("text", "mark"),
    [("1.299,00", ","), ("1,299.00", "."), ("5.5", "."), ("5,50 €", ","), ("1.299.000", ","),
     ("1.299", None), ("12", None), ("free", None), (5.5, None)],
)  # fmt: skip
def test_a_price_shows_its_decimal_mark_or_does_not(text, mark):
    assert decimal_mark_of(text) == mark


@pytest.mark.parametrize(
    "value",
    ["in_stock", "in stock", "InStock", "available", "preorder", "pre-order", "backorder",
     "available for order", "https://schema.org/InStock", "http://schema.org/PreOrder",
     "schema:LimitedAvailability", "12", "1", 3, 2.0, "10+", ">5", "12 in stock", True, "yes", None,
     "", math.nan],
)  # fmt: skip
def test_what_can_be_bought_is_in_stock(value):
    assert parse_stock(value) is True


@pytest.mark.parametrize(
    "value",
    ["out_of_stock", "out of stock", "OutOfStock", "sold out", "discontinued", "unavailable",
     "https://schema.org/OutOfStock", "https://schema.org/SoldOut", "0", "-1", 0, -3, "0.0", False,
     "no"],
)  # fmt: skip
def test_what_cannot_be_bought_is_not(value):
    assert parse_stock(value) is False


@pytest.mark.parametrize("value", ["maybe", "in 3 weeks", "1/2"])
def test_a_word_that_says_neither_is_refused(value):
    with pytest.raises(ValueError, match="in_stock must be true or false"):
        parse_stock(value)
