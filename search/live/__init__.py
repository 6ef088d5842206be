"""A shop as it is at this moment: the view that writes move on."""
