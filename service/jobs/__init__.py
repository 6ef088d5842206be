"""Jobs that the service starts: processes of their own, and what is stored about them."""
