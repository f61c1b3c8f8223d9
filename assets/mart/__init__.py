"""``mart``: the answers."""
