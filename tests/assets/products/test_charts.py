"""What charts draw, by their specification."""

import sys
from datetime import date

import polars as pl
import pytest

from assets.products.brief.pictures import candles, ranked_bars, waterfall
from assets.products.charts import CannotDraw, lines, png, signed_bars


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


BARS = pl.DataFrame({"day": ["24 Jan", "27 Jan"], "open": [9.0, None], "high": [9.5, None],
                     "low": [8.0, None], "close": [9.0, 8.5], "close_said": ["9", "8.5"],
                     "volume": [5.0, None], "volume_said": ["5", ""]},
                    schema_overrides={"open": pl.Float64})  # fmt: skip
RANKED = pl.DataFrame({"symbol": ["A"], "name": ["Alpha"], "value": [3.0], "usd_said": ["3"],
                       "return_said": ["-1 %"], "place_said": ["1."]})  # fmt: skip
STEPS = pl.DataFrame({"label": ["A", "others", "index", "without A"], "said": list("abcd"),
                      "step": ["company", "others", "index", "without"],
                      "points": [-3.0, 1.0, -2.0, 1.0]})  # fmt: skip
DAYS = pl.DataFrame({"day": [date(2025, 1, 24)], "usd": [1.0], "who": ["A"]})


@pytest.mark.parametrize(
    "drawn",
    [
        lambda: signed_bars(DAYS.with_columns(said=pl.lit("x")), "who", "usd", "said", "title"),
        lambda: lines(DAYS, "day", "usd", "who", "title"),
        lambda: candles(BARS),
        lambda: ranked_bars(RANKED, "#b8431f"),
        lambda: ranked_bars(RANKED, "#b8431f", narrow=True),
        lambda: waterfall(STEPS),
    ],
)
def test_what_is_drawn_unseen_is_right_by_the_schema_of_vega_lite(drawn):
    drawn().to_dict(validate=True)


@pytest.mark.parametrize(
    ("points", "domain"),
    [
        ([40.0, 60.0, 100.0, 60.0], (-2.0, 128.0)),
        ([-40.0, -60.0, -100.0, -60.0], (-102.0, 28.0)),
        ([50.0, -150.0, -100.0, -150.0], (-154.0, 106.0)),
    ],
)
def test_a_waterfall_reaches_from_its_lowest_to_its_highest_end_and_holds_zero(points, domain):
    drawn = waterfall(STEPS.with_columns(points=pl.Series(points))).to_dict()
    scales = [
        layer["encoding"]["x"]["scale"]["domain"]
        for layer in drawn["layer"]
        if "scale" in layer["encoding"].get("x", {})
    ]
    assert scales
    assert all(scale == pytest.approx(domain) for scale in scales)
