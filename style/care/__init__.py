"""Repair photos: white balance, levels, noise, and enlarging; from pixels to pixels."""
