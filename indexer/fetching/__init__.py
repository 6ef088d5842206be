"""Fetching of pictures by URL, within the rules of the shop."""
