"""The mathematics of the market: pure functions over frames, each rule written once.

Knows neither Dagster nor DuckDB, and of the tables their columns and vocabularies alone.
"""
