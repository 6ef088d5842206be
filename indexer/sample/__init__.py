"""The sample shop: a generated catalog with pictures and shopper photos."""
