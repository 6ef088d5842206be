"""Decoding of photos to pixels within limits, trimming of borders, and fitting to an encoder."""
