"""Settings come from the environment; Dagster's home is made where it is missing."""

from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from pipelines.settings import Settings, prepare_dagster_home


def test_defaults_are_the_embedded_data(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    settings = Settings()
    assert settings.source == "files"
    assert (settings.data_dir / "prices.parquet").is_file()
    assert (settings.reference_dir / "securities.csv").is_file()
    assert settings.warehouse == Path("warehouse/market.duckdb")


def test_the_environment_and_a_dot_env_file_set_them(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("CAPSHOCK_WAREHOUSE=elsewhere.duckdb\nOTHER=1\n")
    monkeypatch.setenv("CAPSHOCK_FIRST_SESSION", "2015-01-02")
    settings = Settings()
    assert settings.warehouse == Path("elsewhere.duckdb")
    assert settings.first_session == date(2015, 1, 2)


def test_a_value_out_of_range_is_refused(monkeypatch):
    monkeypatch.setenv("CAPSHOCK_MAX_REJECTED_SHARE", "2")
    with pytest.raises(ValidationError, match="max_rejected_share"):
        Settings(_env_file=None)


def test_the_env_example_names_every_setting_with_its_default(pytestconfig):
    lines = (pytestconfig.rootpath / ".env.example").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if line.startswith("CAPSHOCK_"))
    assert set(given) == {f"CAPSHOCK_{name.upper()}" for name in Settings.model_fields}
    defaults = Settings(_env_file=None)
    for name, text in given.items():
        value = getattr(defaults, name.removeprefix("CAPSHOCK_").lower())
        assert str(value).endswith(text) or float(text) == float(value)


def test_dagsters_home_gets_its_settings(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", "")
    home = prepare_dagster_home()
    assert home == tmp_path / ".dagster"
    written = (home / "dagster.yaml").read_text()
    assert "enabled: false" in written
    assert "BatchedSqliteEventLogStorage" in written
    (home / "dagster.yaml").write_text("# mine\n")
    prepare_dagster_home()
    assert (home / "dagster.yaml").read_text() == "# mine\n"
