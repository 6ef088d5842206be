"""The sample shop: a catalog with pictures and shopper photos, drawn by this project itself."""
