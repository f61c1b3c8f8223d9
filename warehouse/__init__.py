"""Where data lives: table models, storage over DuckDB, the IO manager, the embedded data.

Knows nothing of finance and nothing of schedules.
"""
