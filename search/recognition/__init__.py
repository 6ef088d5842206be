"""Recognize what a photo shows: its things, their labels, and why a hit matched."""
