"""The catalogs of shop programs, feeds and data pools that need more than names of columns."""
