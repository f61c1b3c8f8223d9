"""Settings, from the environment or a ``.env`` file."""

import os
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from assets.resources import DataSettings
from warehouse.errors import SettingsError

_PACKAGE = Path(__file__).resolve().parent


class Settings(BaseSettings, DataSettings):
    """What a user can set: of the data, and of how and when it runs.

    Attributes:
        overlap_sessions: how many of the last sessions a live source is asked for again.
        data_still_seconds: files of the data folder that have not changed for so long are complete.
        data_marker: name of a file that says so instead, once it is put beside them; empty: none.
        lock_wait_seconds: how long to wait for another writer.
        webhook_url: where messages go; None: into the log alone.
        ui_url: where the readers of messages reach the UI.
    """

    model_config = SettingsConfigDict(
        env_prefix="CAPSHOCK_", env_file=".env", env_ignore_empty=True, extra="ignore"
    )

    overlap_sessions: int = Field(default=5, ge=0)
    data_still_seconds: float = Field(default=60.0, ge=0)
    data_marker: str = Field(default="", pattern=r"^[^/\\]*$")
    lock_wait_seconds: float = Field(default=60.0, ge=0)
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
