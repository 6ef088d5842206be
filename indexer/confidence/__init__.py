"""What a score is worth: the curve and how it is fitted."""
