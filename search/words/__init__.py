"""Words in a query: prices, values of fields, and how many of them a hit has."""
