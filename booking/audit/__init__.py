"""Who read and wrote what: noted, chained, verified, told. Knows no HTTP; see docs/adr/0019."""
