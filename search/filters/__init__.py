"""Filters: their two forms, and the conditions that they consist of."""
