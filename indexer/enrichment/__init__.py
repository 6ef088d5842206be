"""Read the texts of a shop: moods and aspects of reviews, and the attributes that texts suggest."""
