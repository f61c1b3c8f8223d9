"""``mart.claim_checks``: claims held against the tables, under every convention that applies."""
