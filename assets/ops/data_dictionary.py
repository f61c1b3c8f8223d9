"""``ops.data_dictionary``: the models of all tables, as a table."""

import polars as pl

from assets.table_asset import table_asset
from warehouse.schemas import TABLES, ops


@table_asset(ops.DataDictionary, kinds=frozenset({"duckdb"}))
def data_dictionary() -> pl.DataFrame:
    """Write the models down as a table."""
    return pl.DataFrame(
        [
            {
                "schema": name.split(".")[0],
                "table": name.split(".")[1],
                "column": c.name,
                "position": position,
                "type": c.duckdb_type,
                "unit": c.unit,
                "meaning": c.meaning,
                "is_key": c.is_key,
                "is_nullable": c.nullable,
                "rules": list(c.rules),
                "made_of": list(c.made_of),
            }
            for name, model in TABLES.items()
            for position, c in enumerate(model.columns(), start=1)
        ],
        schema=ops.DataDictionary.polars_schema(),
    ).sort(ops.DataDictionary.key())
