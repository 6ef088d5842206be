"""The audit of a shop: pictures that contradict the catalog, repeat each other, or show nothing."""
