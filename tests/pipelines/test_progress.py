"""What is seen of a run while it asks."""

from pipelines.progress import Pace


def test_symbols_rate_and_time_left_are_those_of_the_dataset_that_is_asked_for():
    pace = Pace()
    assert pace.told("prices", 1, 1_501, 100.0) == "raw.prices 1/1,501"
    assert pace.told("prices", 501, 1_501, 200.0) == "raw.prices 501/1,501, 5.0/s, 3:20 left"
    assert pace.told("prices", 1_501, 1_501, 400.0) == "raw.prices 1,501/1,501, 5.0/s, 0:00 left"
    # Another dataset begins anew; so do the symbols of one that are asked from elsewhere on.
    assert pace.told("splits", 1, 10, 401.0) == "raw.splits 1/10"
    assert pace.told("splits", 3, 10, 402.0) == "raw.splits 3/10, 2.0/s, 0:04 left"
    assert pace.told("splits", 1, 5, 403.0) == "raw.splits 1/5"
