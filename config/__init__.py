"""Ground: what is set before the first request. Imports no other room."""
