"""Draw campaign pictures: a product on a backdrop, with title, prices and logo, from pixels."""
