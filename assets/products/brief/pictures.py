"""The pictures of a brief: candles, ranked bars, waterfalls, the market map.

Each one is drawn from rows that carry their labels as they are written elsewhere on the page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from assets.products.charts import CONFIG, FONT, GAIN, INK, LOSS, MUTED, RULE, chart

if TYPE_CHECKING:
    import altair as alt

NEUTRAL = "#e9ebee"
NOT_KNOWN = "#c3c8ce"
MAP_INK, MAP_PAPER = "#101316", "#fefefe"
"""Labels of the market map lie on its own colours, light and dark page alike."""

MAP_REACH = 0.05
"""Returns at and beyond this have the full colour."""

HEADING = 17
"""Height of a sector's name on the market map, in pixels."""

WIDE, NARROW = 520, 350
"""Widths in pixels: beside another picture, and on a phone."""

_SIGN = {"rise": GAIN, "fall": LOSS}


@chart
def candles(bars: pl.DataFrame) -> alt.TopLevelMixin:
    """Draw bars of sessions with their volume below.

    Args:
        bars: day (as written), open, high, low, close, close_said, volume, volume_said; open, high,
            low and volume may be null.
    """
    import altair as alt

    low = pl.min_horizontal("low", "close").min()
    high = pl.max_horizontal("high", "close").max()
    lowest, highest = bars.select(low.alias("low"), high.alias("high")).row(0)
    room = (highest - lowest) or highest * 0.01
    rows = bars.with_columns(
        # A bar whose open is not known is drawn as its close alone.
        start=pl.coalesce("open", "close"),
        foot=pl.coalesce("low", "close"),
        move=pl.when(pl.col("close") >= pl.coalesce("open", "close"))
        .then(pl.lit("rise"))
        .otherwise(pl.lit("fall")),
    )
    x = alt.X("day:O", sort=None, title=None, axis=alt.Axis(labelAngle=0, labelPadding=8))
    no_x = alt.X("day:O", sort=None, title=None, axis=None)
    scale = alt.Scale(domain=[lowest - 0.2 * room, highest + 0.05 * room], zero=False, nice=False)
    color = alt.Color(
        "move:N", legend=None, scale=alt.Scale(domain=[*_SIGN], range=[*_SIGN.values()])
    )
    price = alt.Chart(rows).encode(x=no_x, color=color)
    wick = price.mark_rule(strokeWidth=1.5).encode(
        y=alt.Y("low:Q", scale=scale, axis=None), y2="high:Q"
    )
    body = price.mark_bar(width=30).encode(y=alt.Y("start:Q", scale=scale, axis=None), y2="close:Q")
    mark = price.mark_tick(width=30, thickness=2).encode(y=alt.Y("close:Q", scale=scale, axis=None))
    said = (
        alt.Chart(rows)
        .mark_text(dy=13, fontWeight=600)
        .encode(x=no_x, y=alt.Y("foot:Q", scale=scale, axis=None), text="close_said:N")
    )
    layers = alt.layer(wick, body, mark, said).properties(width=WIDE - 80, height=210)
    if rows["volume"].null_count() == rows.height:
        days = said.encode(x=x, text=alt.value(""))
        return alt.layer(layers, days).properties(config=_config())
    volume = alt.Chart(rows).encode(x=x)
    reach = float(rows["volume"].max() or 1)  # type: ignore[arg-type]
    y = alt.Y("volume:Q", axis=None, scale=alt.Scale(domain=[0, reach * 1.25], nice=False))
    columns = volume.mark_bar(width=30, color=MUTED, opacity=0.55).encode(y=y)
    words = volume.mark_text(dy=-7, fontSize=11, color=MUTED).encode(y=y, text="volume_said:N")
    below = alt.layer(columns, words).properties(width=WIDE - 80, height=80)
    return alt.vconcat(layers, below, spacing=4).properties(config=_config())


@chart
def ranked_bars(rows: pl.DataFrame, color: str, *, narrow: bool = False) -> alt.TopLevelMixin:
    """Draw losses or gains as bars, with name, dollars, return and place in columns beside them.

    Args:
        rows: symbol, name, value, usd_said, return_said, place_said, in their order.
        color: of the bars.
        narrow: for a phone: symbols instead of names.
    """
    import altair as alt

    columns = {"usd_said": 0.62, "return_said": 0.81, "place_said": 1.0}
    width = NARROW - 50 if narrow else WIDE - 165
    label = "symbol" if narrow else "label"
    room = 0.36 if narrow else 0.42
    rows = rows.with_columns(label=pl.format("{} ({})", "name", "symbol"))
    reach = float(rows["value"].max() or 1)  # type: ignore[arg-type]
    base = alt.Chart(rows).encode(
        y=alt.Y(f"{label}:N", sort=None, title=None, axis=alt.Axis(labelColor=INK, labelLimit=165))
    )
    scale = alt.Scale(domain=[0, reach / room], nice=False)
    bars = base.mark_bar(color=color, height={"band": 0.68}).encode(
        x=alt.X("value:Q", title=None, axis=None, scale=scale)
    )
    texts = [
        base.mark_text(align="right", fontWeight=600 if name == "usd_said" else 400).encode(
            x=alt.value(place * width), text=f"{name}:N"
        )
        for name, place in columns.items()
    ]
    return alt.layer(bars, *texts).properties(width=width, height=alt.Step(25), config=_config())


@chart
def waterfall(steps: pl.DataFrame) -> alt.TopLevelMixin:
    """Draw how parts add up to a move, a row for each, then what it would have been without one.

    Args:
        steps: label, step (company, others, residual, index, without), points, said; in order.
    """
    import altair as alt

    is_total = pl.col("step").is_in(["index", "without"])
    end = (
        pl.when(is_total)
        .then("points")
        .otherwise(pl.col("points").cum_sum().over(is_total, order_by="place"))
    )
    rows = steps.with_row_index("place").with_columns(end=end).with_columns(
        start=pl.when(is_total).then(0.0).otherwise(pl.col("end") - pl.col("points")),
        kind=pl.when(pl.col("step") == "without").then(pl.lit("without"))
        .when(pl.col("step") == "index").then(pl.lit("total"))
        .when(pl.col("points") < 0).then(pl.lit("fall")).otherwise(pl.lit("rise")),
    ).with_columns(right=pl.max_horizontal("start", "end"))  # fmt: skip
    low = min(float(rows.select(pl.min_horizontal("start", "end").min()).item()), 0.0)
    high = max(float(rows["right"].max()), 0.0)  # type: ignore[arg-type]
    reach = (high - low) or 1.0
    scale = alt.Scale(domain=[low - 0.02 * reach, high + 0.28 * reach], nice=False)
    kinds = {**_SIGN, "total": MUTED, "without": INK}
    base = alt.Chart(rows).encode(
        y=alt.Y("label:N", sort=None, title=None, axis=alt.Axis(labelColor=INK, labelLimit=130))
    )
    bars = base.mark_bar(height={"band": 0.66}).encode(
        x=alt.X("start:Q", title=None, axis=None, scale=scale),
        x2="end:Q",
        color=alt.Color(
            "kind:N", legend=None, scale=alt.Scale(domain=[*kinds], range=[*kinds.values()])
        ),
    )
    said = base.mark_text(align="left", dx=5).encode(
        x=alt.X("right:Q", scale=scale, axis=None), text="said:N"
    )
    zero = alt.Chart(pl.DataFrame({"x": [0.0]})).mark_rule(color=RULE).encode(
        x=alt.X("x:Q", scale=scale, axis=None)
    )  # fmt: skip
    return alt.layer(zero, bars, said).properties(
        width=NARROW - 135, height=alt.Step(25), config=_config()
    )


def market_map(companies: pl.DataFrame, width: int, height: int) -> dict[str, Any]:
    """Draw a treemap: companies by market cap within their sectors, coloured by return.

    It is a specification of Vega, of whose grammar Altair's has no treemap.

    Args:
        companies: sector (as written above its field), symbol, cap, return (null: not known), said.
        width: of the picture, in pixels.
        height: of the picture, in pixels.
    """
    wide, high = "(datum.x1 - datum.x0)", "(datum.y1 - datum.y0)"
    size = f"min({wide} / (0.85 * max(length(datum.symbol), 3)), {high} / 2.2, 34)"
    returns = f"({size} >= 10 && {wide} > 44)"
    center = f"((datum.y0 + datum.y1) / 2 - {HEADING})"
    middle = {
        "xc": {"signal": "(datum.x0 + datum.x1) / 2"},
        "align": {"value": "center"},
        "baseline": {"value": "middle"},
        "fill": [
            {"test": f"abs(datum.return) > {0.55 * MAP_REACH}", "value": MAP_PAPER},
            {"value": MAP_INK},
        ],
    }
    return {
        "$schema": "https://vega.github.io/schema/vega/v6.json",
        "width": width,
        "height": height,
        "padding": 2,
        "config": {"aria": False, "text": {"font": FONT}},
        "data": [
            {
                "name": "tree",
                "values": companies.to_dicts(),
                "transform": [
                    {"type": "nest", "keys": ["sector"], "generate": True},
                    {
                        "type": "treemap",
                        "field": "cap",
                        "sort": {"field": "value", "order": "descending"},
                        "method": "squarify",
                        "ratio": 1.2,
                        "paddingInner": 1,
                        "paddingTop": HEADING,
                        "paddingRight": 1,
                        "size": [width, height + HEADING],
                    },
                ],
            },
            {
                "name": "sectors",
                "source": "tree",
                "transform": [{"type": "filter", "expr": "datum.depth === 1"}],
            },
            {
                "name": "companies",
                "source": "tree",
                "transform": [{"type": "filter", "expr": "datum.depth === 2"}],
            },
        ],
        "scales": [
            {
                "name": "colour",
                "type": "linear",
                "domain": [-MAP_REACH, 0, MAP_REACH],
                "range": [LOSS, NEUTRAL, GAIN],
                "interpolate": "lab",
                "clamp": True,
            }
        ],
        "marks": [
            {
                "type": "rect",
                "from": {"data": "companies"},
                "encode": {
                    "enter": {
                        "x": {"field": "x0"},
                        "x2": {"field": "x1"},
                        "y": {"signal": f"datum.y0 - {HEADING}"},
                        "y2": {"signal": f"datum.y1 - {HEADING}"},
                        "fill": [
                            {"test": "datum.return === null", "value": NOT_KNOWN},
                            {"scale": "colour", "field": "return"},
                        ],
                    }
                },
            },
            {
                "type": "text",
                "from": {"data": "companies"},
                "encode": {
                    "enter": middle
                    | {
                        "y": {"signal": f"{center} - ({returns} ? 0.4 * {size} : 0)"},
                        "text": {"signal": f"{size} >= 6.5 ? datum.symbol : ''"},
                        "fontSize": {"signal": size},
                        "fontWeight": {"value": 600},
                    }
                },
            },
            {
                "type": "text",
                "from": {"data": "companies"},
                "encode": {
                    "enter": middle
                    | {
                        "y": {"signal": f"{center} + 0.55 * {size}"},
                        "text": {"signal": f"{returns} ? datum.said : ''"},
                        "fontSize": {"signal": f"max(min(0.55 * {size}, {wide} / 5), 8)"},
                    }
                },
            },
            {
                "type": "text",
                "from": {"data": "sectors"},
                "encode": {
                    "enter": {
                        "x": {"signal": "datum.x0 + 1"},
                        "y": {"signal": f"datum.y0 + 12 - {HEADING}"},
                        "text": {"signal": "datum.key"},
                        "limit": {"signal": f"{wide} - 4"},
                        "fill": {"value": INK},
                        "fontSize": {"value": 11},
                        "fontWeight": {"value": 600},
                    }
                },
            },
        ],
    }


def _config() -> dict[str, Any]:
    """Return the look of a picture on the page: no paper of its own, read as one image."""
    return {**CONFIG, "background": "transparent", "aria": False}
