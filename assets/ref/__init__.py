"""``ref``: what people decide and maintain by hand, read from the reference folder."""
