"""Settings, from the environment or a ``.env`` file."""

import os
from datetime import date, datetime
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from warehouse.errors import CapshockError

_PACKAGE = Path(__file__).resolve().parent
_DATA = _PACKAGE.parent / "warehouse"


class SettingsError(CapshockError):
    """A setting has a value that cannot be."""


class Settings(BaseSettings):
    """What a user can set. Relative paths start at the current folder."""

    model_config = SettingsConfigDict(
        env_prefix="CAPSHOCK_", env_file=".env", env_ignore_empty=True, extra="ignore"
    )

    source: str = "files"
    data_dir: Path = _DATA / "sample"
    reference_dir: Path = _DATA / "reference"
    warehouse: Path = Path("warehouse/market.duckdb")
    first_session: date = date(2021, 1, 29)
    requests_per_second: float = Field(default=5.0, ge=0)
    overlap_sessions: int = Field(default=5, ge=0)
    keep_responses_days: int = Field(default=400, ge=1)
    min_ok_share: float = Field(default=0.9, ge=0, le=1)
    now: datetime | None = None
    max_rejected_share: float = Field(default=0.05, ge=0, le=1)
    max_rejected_rows: int = Field(default=50, ge=0)
    lock_wait_seconds: float = Field(default=60.0, ge=0)
    briefs: Literal["last", "all", "none"] = "last"
    webhook_url: SecretStr | None = None
    ui_url: str = "http://127.0.0.1:3000"

    @classmethod
    def load(cls) -> "Settings":
        """Return the settings of this environment.

        Raises:
            SettingsError: naming each variable with a value that cannot be.
        """
        try:
            return cls()
        except ValidationError as error:
            wrong = "; ".join(
                f"CAPSHOCK_{str(e['loc'][0]).upper()}={e['input']!s}: {e['msg']}"
                for e in error.errors()
            )
            raise SettingsError(wrong, "Correct it in the environment or in .env.") from error


def prepare_dagster_home() -> Path:
    """Set DAGSTER_HOME (default ``.dagster`` here) and give it its instance settings.

    Returns:
        The folder, absolute as Dagster wants it.
    """
    home = Path(os.environ.get("DAGSTER_HOME") or ".dagster").resolve()
    home.mkdir(parents=True, exist_ok=True)
    settings = home / "dagster.yaml"
    if not settings.exists():
        settings.write_text(_instance_settings().read_text())
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def _instance_settings() -> Path:
    shipped = _PACKAGE / "dagster.yaml"
    return shipped if shipped.exists() else _PACKAGE.parent / ".dagster" / "dagster.yaml"
