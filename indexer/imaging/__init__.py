"""From the bytes of a photo to pixels: decoder, limits, border trimming, encoder input."""
