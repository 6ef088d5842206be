"""Write items: read and encode their images, merge and store them."""
