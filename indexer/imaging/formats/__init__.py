"""The picture formats that are read: each walks its own structure before a pixel is decoded."""
