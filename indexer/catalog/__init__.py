"""Catalog files in, items out."""
