"""The code location: it loads, it is what the snapshot says, and each table tells what it holds."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from assets.table_asset import CONFORMS
from pipelines.definitions import build
from pipelines.settings import Settings
from warehouse.schemas import TABLES

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    return build(Settings(_env_file=None))


@pytest.fixture(scope="module")
def specs(defs) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}


def test_the_asset_graph(specs, snapshot):
    graph = {
        key: {
            "deps": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
            "group": spec.group_name,
            "kinds": sorted(spec.kinds),
            "owners": list(spec.owners),
            "partitioned": spec.partitions_def is not None,
        }
        for key, spec in sorted(specs.items())
    }
    assert graph == snapshot


def test_only_the_prices_are_partitioned_by_session(specs):
    assert [key for key, spec in specs.items() if spec.partitions_def] == ["raw/prices"]
    keys = specs["raw/prices"].partitions_def.get_partition_keys()
    assert keys[0] == "2021-01-29"
    assert not {"2025-01-09", "2025-01-20", "2025-01-25", "2024-12-25"} & set(keys)
    assert {"2025-01-27", "2024-11-29"} <= set(keys)


def test_every_table_shows_its_columns_before_the_first_run(specs):
    for name, model in TABLES.items():
        spec = specs.get(name.replace(".", "/"))
        if spec is None:
            assert name in {"ops.scans", "ops.table_versions", "ops.schema_version"}
            continue
        schema = spec.metadata["dagster/column_schema"]
        assert [c.name for c in schema.columns] == model.names()
        assert all(c.description for c in schema.columns)
        assert spec.description


def test_every_computed_column_names_the_columns_it_comes_from(specs):
    columns = {(name, c.name) for name, model in TABLES.items() for c in model.columns()}
    for name in TABLES:
        if not name.startswith(("core.", "mart.")):
            continue
        lineage = specs[name.replace(".", "/")].metadata["dagster/column_lineage"]
        upstream = {dep.asset_key for dep in specs[name.replace(".", "/")].deps}
        for column, deps in lineage.deps_by_column.items():
            assert deps, f"{name}.{column} comes from nowhere"
            for dep in deps:
                assert (".".join(dep.asset_key.path), dep.column_name) in columns
                assert dep.asset_key in upstream, f"{name}.{column}: {dep}"


def test_every_table_names_its_model_and_the_macros_over_it(specs):
    losses = specs["mart/market_cap_losses"].metadata
    assert losses["model"] == "warehouse/schemas/mart.py, class MarketCapLosses"
    assert losses["sql_macros"] == ["warehouse/views/top_losses.sql"]
    for spec in specs.values():
        for path in spec.metadata.get("sql_macros", []):
            assert (ROOT / path).is_file()


def test_the_published_file_comes_after_every_table_and_names_only_the_last_ones(specs):
    upstream = {key: {d.asset_key.to_user_string() for d in s.deps} for key, s in specs.items()}
    named = upstream["ops/published_file"]

    def above(key):
        return {key}.union(*(above(dep) for dep in upstream[key]))

    written = {t.replace(".", "/") for t in TABLES if not t.startswith("ops.")}
    assert written <= above("ops/published_file")
    for one in named:
        assert not any(one in above(other) for other in named - {one})


def test_every_table_asset_is_checked_before_it_is_written(defs):
    checks = {
        check.asset_key.to_user_string(): check
        for assets_def in defs.resolve_asset_graph().assets_defs
        for check in assets_def.check_specs
        if check.name == CONFORMS
    }
    written = {t.replace(".", "/") for t in TABLES if not t.startswith("ops.")}
    written.add("ops/data_dictionary")
    assert set(checks) == written
    assert all(check.blocking for check in checks.values())


def test_no_machine_path_is_in_the_metadata(specs):
    for spec in specs.values():
        assert str(Path.cwd()) not in repr(spec.metadata)


def test_dg_check_defs(tmp_path):
    home = tmp_path / "dagster"
    home.mkdir()
    result = subprocess.run(
        [BIN / "dg", "check", "defs"],
        env={**os.environ, "DAGSTER_HOME": str(home), "HOME": str(tmp_path),
             "VIRTUAL_ENV": sys.prefix, "PATH": f"{BIN}:{os.environ['PATH']}"},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert "All definitions loaded successfully" in result.stdout + result.stderr
