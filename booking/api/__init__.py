"""The JSON door: other software asks and books here with a key. Contract: /api/openapi.json."""
