"""One telling of a session: its headline, sentences and tables, each figure with its query."""
