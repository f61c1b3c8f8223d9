"""A history that is damaged or out of reach: a sentence that names the file, no traceback."""

import shutil
from pathlib import Path

import dagster as dg
import pytest

from pipelines.cli import errors_as_sentences
from pipelines.history import open_history, prepared_home, require_sound
from warehouse.errors import CapshockError, HistoryUnusable

FILES = (
    "history/runs.db",
    "history/runs/index.db",
    "schedules/schedules.db",
)


@pytest.fixture(scope="module")
def _lived_in(tmp_path_factory) -> Path:
    """A history with a run in it."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(home))
        with open_history() as instance:
            _use(instance)
    return home


@pytest.fixture
def home(_lived_in, tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "home"
    shutil.copytree(_lived_in, folder)
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    return folder


def _use(instance: dg.DagsterInstance) -> None:
    """Do what runs, the UI and the daemon do: write a run and an event, read them, ask ticks."""
    run = instance.create_run(
        job_name="x", run_id=None, run_config={}, status=None, tags={}, root_run_id=None,
        parent_run_id=None, step_keys_to_execute=None, execution_plan_snapshot=None,
        job_snapshot=None, parent_job_snapshot=None, asset_selection=None,
        asset_check_selection=None, resolved_op_selection=None, op_selection=None,
        remote_job_origin=None, job_code_origin=None, asset_graph=None,
    )  # fmt: skip
    instance.report_engine_event("said", run)
    instance.get_run_records(limit=1)
    instance.get_materialized_partitions(dg.AssetKey(["raw", "prices"]))
    instance.all_instigator_state()


def test_a_sound_history_is_used(home):
    require_sound(home)
    with open_history() as instance:
        _use(instance)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("fault", ["garbage", "cut"])
def test_a_damaged_file_of_the_history_is_named(home, file, fault):
    path = home / file
    for beside in path.parent.glob(f"{path.name}-*"):
        beside.unlink()
    if fault == "garbage":
        path.write_bytes(b"garbage " * 10_000)
    else:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 + 100])
    said = rf"{path}.*damaged.*\n.*Move it aside.*no data"
    with pytest.raises(HistoryUnusable, match=said):
        require_sound(home)
    with pytest.raises(HistoryUnusable, match=said), open_history() as instance:
        _use(instance)
    path.rename(path.with_name("aside"))
    with open_history() as instance:
        _use(instance)


@pytest.mark.parametrize(
    "text", ["telemetry: [\n : x", "nonsense: true\n", "- a list\n", "telemetry: 3\n"]
)
def test_settings_that_dagster_cannot_use_are_named(home, text):
    (home / "dagster.yaml").write_text(text)
    with (
        pytest.raises(
            HistoryUnusable, match=r"dagster\.yaml: Dagster cannot use.*\n.*Mend the file"
        ),
        open_history(),
    ):
        pytest.fail("opened")


def test_a_file_in_place_of_the_folder_is_named(tmp_path, monkeypatch):
    (tmp_path / "home").write_text("")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home" / "below"))
    with pytest.raises(HistoryUnusable, match=r"home.*cannot make.*\n.*DAGSTER_HOME"):
        prepared_home()


def test_errors_of_own_code_pass_as_they_are(home):
    with pytest.raises(CapshockError, match="own"), open_history():
        raise CapshockError("own", "go on")


def test_a_file_out_of_reach_is_a_sentence(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit, match="1"), errors_as_sentences():
        (tmp_path / "file" / "x").write_text("")
    assert "Not a directory" in capsys.readouterr().err
