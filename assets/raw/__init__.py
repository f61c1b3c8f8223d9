"""``raw``: what a source delivers, through the first gate."""
