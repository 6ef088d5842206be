"""Vector indexes: backends, recipes, tuning, the planner of searches, and the canary."""
