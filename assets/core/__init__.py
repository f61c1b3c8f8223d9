"""``core``: what passed the second gate, ready to be computed with."""
