"""What charts draw, by their specification."""

import sys

import polars as pl
import pytest

from assets.products.charts import CannotDraw, png, signed_bars


@pytest.mark.parametrize(
    ("values", "domain"),
    [([0.0, 5.0], [0, 6.4]), ([0.0, -5.0], [-6.4, 0]), ([4.0, -5.0], [-6.4, 6.4]), ([0.0], [0, 0])],
)
def test_bars_have_room_on_the_sides_that_they_point_to_and_no_other(values, domain):
    rows = pl.DataFrame({"who": [str(n) for n in range(len(values))], "usd": values,
                         "said": ["x"] * len(values)})  # fmt: skip
    drawn = signed_bars(rows, "who", "usd", "said", "title").to_dict()
    scales = [layer["encoding"]["x"]["scale"]["domain"] for layer in drawn["layer"]]
    assert all(scale == pytest.approx(domain) for scale in scales)


def test_what_was_drawn_before_is_not_drawn_without_what_draws(monkeypatch):
    rows = pl.DataFrame({"who": ["A"], "usd": [1.0], "said": ["x"]})
    drawn = signed_bars(rows, "who", "usd", "said", "title")
    assert png(drawn).startswith(b"\x89PNG")
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(CannotDraw):
        png(drawn)
