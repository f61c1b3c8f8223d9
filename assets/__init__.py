"""What is computed: sources of raw data, and one module per table or stage.

Pure functions frame -> frame do the work; thin assets below them read and land. Knows nothing of
when it runs or where.
"""
