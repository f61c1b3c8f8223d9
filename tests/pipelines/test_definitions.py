"""The code location: it loads, it is what the snapshot says, and each table tells what it holds."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from assets.catalogue import GROUPS, OWNERS
from assets.table_asset import CONFORMS
from pipelines.definitions import build
from pipelines.settings import Settings
from warehouse.io_manager import INPUTS_KEY
from warehouse.schemas import TABLES

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    return build(Settings(_env_file=None))


@pytest.fixture(scope="module")
def specs(defs) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}


ORDER_ALONE = {("raw/prices", "raw/splits")}
"""Arrows that carry no rows: prices are judged before the splits that are delivered with them."""


@pytest.fixture(scope="module")
def above(specs) -> Callable[[str], set[str]]:
    upstream = {key: {d.asset_key.to_user_string() for d in s.deps} for key, s in specs.items()}

    def all_above(key: str) -> set[str]:
        return upstream[key].union(*(all_above(dep) for dep in upstream[key]))

    return all_above


def test_the_asset_graph(specs, snapshot):
    graph = {
        key: {
            "deps": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
            "group": spec.group_name,
            "kinds": sorted(spec.kinds),
            "owners": list(spec.owners),
            "tags": {name: spec.tags[name] for name in ("domain", "tier")},
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


def test_no_arrow_leads_back_to_an_earlier_group(specs):
    place = {group: n for n, group in enumerate(GROUPS)}
    back = [
        f"{dep.asset_key.to_user_string()} -> {key}"
        for key, spec in specs.items()
        for dep in spec.deps
        if place[specs[dep.asset_key.to_user_string()].group_name] > place[spec.group_name]
    ]
    assert back == []
    assert {spec.group_name for spec in specs.values()} == set(GROUPS)


def test_no_arrow_says_what_another_way_says_already(specs, above):
    """Tables behind an input are read too: the lineage leads to them through it."""
    deps = {
        key: {
            dep
            for dep in (dep.asset_key.to_user_string() for dep in spec.deps)
            if (dep, key) not in ORDER_ALONE
        }
        for key, spec in specs.items()
    }

    def leads_to(key: str) -> set[str]:
        return deps[key].union(*(leads_to(dep) for dep in deps[key]))

    for key, of_key in deps.items():
        for dep in of_key:
            assert not any(dep in leads_to(other) for other in of_key - {dep}), f"{dep} -> {key}"


def test_every_table_that_a_table_is_built_from_lies_before_it(specs, above):
    for key, spec in specs.items():
        for table in spec.metadata.get(INPUTS_KEY, []):
            assert table.replace(".", "/") in above(key), f"{table} of {key}"


def test_every_asset_says_what_it_is_about_and_who_answers_for_it(specs):
    for key, spec in specs.items():
        assert spec.tags["tier"] == key.split("/")[0]
        assert list(spec.owners) == [OWNERS["publishing" if key.startswith("ops/") else
                                            spec.tags["domain"]]]  # fmt: skip


def test_every_computed_column_names_the_columns_it_comes_from(specs, above):
    columns = {(name, c.name) for name, model in TABLES.items() for c in model.columns()}
    for name in TABLES:
        if not name.startswith(("core.", "mart.")):
            continue
        lineage = specs[name.replace(".", "/")].metadata["dagster/column_lineage"]
        for column, deps in lineage.deps_by_column.items():
            assert deps, f"{name}.{column} comes from nowhere"
            for dep in deps:
                assert (".".join(dep.asset_key.path), dep.column_name) in columns
                source = dep.asset_key.to_user_string()
                # What gates write beside their tables has no arrows.
                assert source.startswith("ops/") or source in above(name.replace(".", "/")), dep


def test_every_table_names_its_model_and_the_macros_over_it(specs):
    losses = specs["mart/market_cap_losses"].metadata
    assert losses["model"] == "warehouse/schemas/mart.py, class MarketCapLosses"
    assert losses["sql_macros"] == [
        "warehouse/views/as_published.sql", "warehouse/views/session_leader.sql",
        "warehouse/views/session_restatements.sql", "warehouse/views/top_losses.sql",
    ]  # fmt: skip
    for spec in specs.values():
        for path in spec.metadata.get("sql_macros", []):
            assert (ROOT / path).is_file()


def test_the_published_file_comes_after_every_table(above):
    written = {t.replace(".", "/") for t in TABLES if not t.startswith("ops.")}
    assert written <= above("ops/published_file")


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


@pytest.mark.slow
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
