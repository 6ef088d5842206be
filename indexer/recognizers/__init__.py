"""Recognizers: find the things in a photo."""
