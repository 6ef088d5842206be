"""A shop on disk: generations, what serves, encoder files, snapshots, checks."""
