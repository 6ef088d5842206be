"""Pixels in, pixels out: styled variants of catalog photos. Knows nothing of items."""
