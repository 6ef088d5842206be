"""A shop that changes while it is searched: its newest view, and what a view consists of."""
