"""Sessions as partitions: they end where the data of a source of files end."""

from datetime import date

import pytest

from pipelines.partitions import end_of_data, session_partitions

FIRST = date(2025, 1, 2)


@pytest.mark.parametrize("last", [date(2025, 1, 15), date(2025, 1, 17), date(2025, 2, 14)])
def test_the_last_session_with_data_is_the_last_partition(last):
    keys = session_partitions(FIRST, last).get_partition_keys()
    assert keys[0] == "2025-01-02"
    assert keys[-1] == last.isoformat()


def test_without_an_end_sessions_come_as_time_goes_on():
    keys = session_partitions(FIRST).get_partition_keys()
    assert keys[-1] > "2026-01-01"


def test_files_end_where_they_end_and_a_longer_file_ends_later(deploy, small_market):
    settings = deploy(data_dir=small_market).settings
    assert end_of_data(settings) == date(2025, 1, 16)
    with (small_market / "prices.csv").open("a") as prices:
        prices.write("AAA,2025-01-17,10,10,10,10,1\n")
    assert end_of_data(settings) == date(2025, 1, 17)


def test_what_has_landed_of_a_file_that_was_longer_still_has_its_partition(small):
    path = small.overrides["data_dir"] / "prices.csv"
    path.write_text(
        "".join(ln for ln in path.read_text().splitlines(keepends=True) if "2025-01-16" not in ln)
    )
    assert end_of_data(small.settings) == date(2025, 1, 16)


@pytest.mark.parametrize("content", ["", "symbol,day\nAAA,2025-01-15\n", "symbol"])
def test_a_broken_file_keeps_no_code_location_from_loading(deploy, small_market, content):
    (small_market / "prices.csv").write_text(content)
    assert end_of_data(deploy(data_dir=small_market).settings) is None
    (small_market / "prices.csv").unlink()
    assert end_of_data(deploy(data_dir=small_market).settings) is None
    assert end_of_data(deploy(data_dir=small_market / "nowhere").settings) is None


def test_a_live_source_goes_on(deploy):
    assert end_of_data(deploy(source="yahoo").settings) is None
