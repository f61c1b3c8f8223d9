"""Charts of tables, drawn without a browser: Altair says what, vl-convert draws it.

Altair is imported where a chart is made: it takes a second, and most commands draw nothing.
"""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar

import polars as pl

from warehouse.errors import CannotDraw

if TYPE_CHECKING:
    import altair as alt

LOSS = "#b8431f"
GAIN = "#1f6fb2"
"""Burnt orange and blue: told apart by every common kind of colour blindness, and in grey."""

INK = "#1b1f24"
MUTED = "#5b6570"
RULE = "#dde1e6"
PAPER = "#ffffff"

WIDTH = 560
"""Of a plot, in pixels."""

FONT = "Liberation Sans, Helvetica, Arial, sans-serif"

CONFIG: dict[str, Any] = {
    "background": PAPER,
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        "domain": False,
        "ticks": False,
        "grid": False,
        "labelColor": MUTED,
        "titleColor": MUTED,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelPadding": 6,
        "labelLimit": 220,
    },
    "text": {"fontSize": 12, "color": INK},
    "legend": {"labelColor": INK, "titleColor": MUTED, "labelFontSize": 12},
    "title": {"color": INK, "fontSize": 14, "anchor": "start", "fontWeight": 600},
}


_P = ParamSpec("_P")
_T = TypeVar("_T")


def chart(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Mark a function that makes a chart: without Altair it raises CannotDraw.

    Altair's own look at every part is left out: half of the time, for charts that are always made
    the same way. The tests look.
    """

    @functools.wraps(function)
    def made(*args: _P.args, **options: _P.kwargs) -> _T:
        try:
            from altair.utils.schemapi import debug_mode

            with debug_mode(False):
                return function(*args, **options)
        except ImportError as error:
            raise CannotDraw(error) from error

    return made


@chart
def signed_bars(
    rows: pl.DataFrame, label: str, value: str, text: str, title: str
) -> alt.TopLevelMixin:
    """Return horizontal bars to both sides of zero, in the order of the rows.

    Args:
        rows: a row for each bar.
        label: the column that names the bars.
        value: the column of their lengths; below zero is a loss.
        text: the column that says the value in words, written beside the bar.
        title: what the chart shows, with its unit.
    """
    import altair as alt

    reach = float(rows[value].abs().max() or 1.0)  # type: ignore[arg-type]
    below = bool((rows[value] < 0).any())
    above = bool((rows[value] > 0).any())
    room = 1.28
    domain = [-reach * room if below else 0, reach * room if above else 0]
    base = alt.Chart(rows.select(label, value, text)).encode(
        y=alt.Y(f"{label}:N", sort=None, title=None),
        x=alt.X(f"{value}:Q", title=None, axis=None, scale=alt.Scale(domain=domain, nice=False)),
    )
    is_loss = alt.datum[value] < 0
    bars = base.mark_bar(height={"band": 0.72}).encode(
        color=alt.when(is_loss).then(alt.value(LOSS)).otherwise(alt.value(GAIN))
    )
    texts = [
        base.transform_filter(is_loss).mark_text(align="right", dx=-5).encode(text=f"{text}:N"),
        base.transform_filter(alt.datum[value] >= 0)
        .mark_text(align="left", dx=5)
        .encode(text=f"{text}:N"),
    ]
    return alt.layer(bars, *texts).properties(
        title=title, width=WIDTH, height=alt.Step(24), config=CONFIG
    )


@chart
def lines(rows: pl.DataFrame, day: str, value: str, series: str, title: str) -> alt.TopLevelMixin:
    """Return one line for each series over sessions."""
    import altair as alt

    drawn: alt.Chart = (
        alt.Chart(rows.select(day, value, series))
        .mark_line(point=alt.OverlayMarkDef(size=18), strokeWidth=1.6)
        .encode(
            x=alt.X(f"{day}:T", title=None),
            y=alt.Y(f"{value}:Q", title=None, axis=alt.Axis(grid=True, gridColor=RULE)),
            color=alt.Color(
                f"{series}:N", title=None, scale=alt.Scale(range=[INK, LOSS, GAIN, MUTED])
            ),
        )
        .properties(title=title, width=WIDTH, height=220, config=CONFIG)
    )
    return drawn


Drawable: TypeAlias = "alt.TopLevelMixin | dict[str, Any]"
"""A chart of Altair's, or a specification of Vega for what Altair has no words."""


def png(chart: Drawable, scale: float = 1.5) -> bytes:
    """Draw a chart as PNG.

    Raises:
        CannotDraw: if the renderer is not installed or refuses the chart.
    """
    return bytes(_drawn("png", chart, scale=scale))


def svg(chart: Drawable) -> str:
    """Draw a chart as SVG.

    Raises:
        CannotDraw: if the renderer is not installed or refuses the chart.
    """
    return str(_drawn("svg", chart))


def titled(chart: Drawable, title: str) -> Drawable:
    """Return a chart with a title, for where it stands alone."""
    if isinstance(chart, dict):
        return chart | {"title": {"text": title, "offset": 8, **CONFIG["title"]}}
    return chart.properties(title=title)


def _drawn(form: str, chart: Drawable, **options: float) -> Any:
    is_vega = isinstance(chart, dict)
    specification = json.dumps(chart) if isinstance(chart, dict) else chart.to_json(validate=False)
    try:
        # Not installed is not installed, also for what was drawn before.
        import vl_convert  # noqa: F401

        return _rendered(form, specification, tuple(options.items()), is_vega=is_vega)
    except (ImportError, ValueError) as error:
        raise CannotDraw(error) from error


@functools.lru_cache(maxsize=64)
def _rendered(
    form: str, specification: str, options: tuple[tuple[str, float], ...], *, is_vega: bool
) -> Any:
    """Render a specification; the same one again, of a run that changed nothing, is not drawn."""
    import vl_convert

    language = "vega" if is_vega else "vegalite"
    return getattr(vl_convert, f"{language}_to_{form}")(specification, **dict(options))


def as_markdown(chart: Drawable, says: str) -> str:
    """Draw a chart into Markdown that carries its own picture.

    Args:
        chart: what to draw.
        says: what the picture shows, for those who do not see it.

    Raises:
        CannotDraw: if the renderer is not installed or refuses the chart.
    """
    return f"![{says}](data:image/png;base64,{base64.b64encode(png(chart)).decode()})"
