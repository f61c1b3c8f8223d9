"""Claims: what an article said about a session, and under which convention it is true."""
