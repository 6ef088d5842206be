"""Encode images, and texts with some encoders, to unit vectors."""
