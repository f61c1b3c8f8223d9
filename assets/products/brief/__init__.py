"""The brief: one page that tells a session from the published tables."""
