"""Questions to hits: queries, filters, text, ranking, evaluation."""
