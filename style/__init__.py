"""Render catalog photos in other styles, from pixels to pixels. Does not depend on items."""
