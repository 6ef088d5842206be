"""Image formats: a parser each, which checks a file's structure before a pixel is decoded."""
