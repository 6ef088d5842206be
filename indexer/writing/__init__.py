"""From items to rows: pictures read and encoded, items merged and stored."""
