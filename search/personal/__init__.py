"""Personal recommendations: events, user profiles, and the ranking made from them."""
