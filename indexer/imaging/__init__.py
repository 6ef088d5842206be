"""Bytes of a photo in, pixels out: the decoder, its bounds, borders, the square to encode."""
