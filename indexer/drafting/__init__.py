"""Draft texts of items from their own facts, and check that a text says nothing else."""
