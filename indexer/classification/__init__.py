"""Classification: the category and the attributes of a photo, learned from the shop's catalog."""
