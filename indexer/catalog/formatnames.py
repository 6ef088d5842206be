"""The names of the formats of catalogs."""

from __future__ import annotations

from typing import Final

FILE_KINDS: Final = ("csv", "jsonl", "json", "parquet", "xlsx", "xml", "html")
FORMATS: Final = (
    *("auto", "shopify", "woocommerce", "magento", "google", "jsonld"),
    *FILE_KINDS,
    "folder",
)
"""The values of ``--format``. A kind of file reads its columns as they are named."""
