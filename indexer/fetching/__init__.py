"""Pictures behind URLs: what may be fetched, and fetching it."""
