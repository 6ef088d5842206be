"""HTTP: the app, its protocol, schemas and routes."""
