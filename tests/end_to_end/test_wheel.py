"""The distribution ships the three packages with their data, and nothing a run left behind."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_wheel_has_all_data_files_and_runs_without_the_clone(tmp_path):
    uv = Path(sys.executable).parent / "uv"
    subprocess.run(
        [uv, "build", "--wheel", "--no-build-isolation", "--python", sys.executable,
         "--out-dir", tmp_path, "--cache-dir", tmp_path / "cache", ROOT],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("capshock-*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(site)
    tracked = subprocess.run(
        ["git", "ls-files", "warehouse", "assets", "pipelines"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    assert set(tracked) <= names
    assert "pipelines/dagster.yaml" in names
    assert not [n for n in names if n.endswith((".duckdb", ".lock")) or "/.build/" in n]
    home = tmp_path / "home"
    home.mkdir()
    ran = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "run", "--from", "2025-01-24"],
        cwd=home,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(site)},
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (home / "warehouse" / "market.duckdb").is_file()
    assert "enabled: false" in (home / ".dagster" / "dagster.yaml").read_text()
