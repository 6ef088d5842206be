"""Painterly filters: one file a style, each a function of a small picture and a seed."""
