"""``ref.claims``: what an article said about a session, read strictly from files of claims."""
