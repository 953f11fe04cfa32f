"""Line charts for the pages, drawn as the report draws its own."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
from markupsafe import Markup

from conformance.report.charts import drawable, on, svg

__all__ = ["lines"]

MOST = 8  # labels on a logarithmic axis
SMALL = 1e-3  # below which labels have exponents


def lines(curves: Mapping[str, Sequence[float]], x: str, y: str, *, log: bool = False) -> Markup:
    """Draw curves by the number of the step, from 1, and their names; log: on a logarithmic scale, positive values."""
    rows: list[dict[str, Any]] = [
        {"step": step, "value": value, "name": drawable(name)}
        for name, values in curves.items()
        for step, value in enumerate(values, 1)
        if value > 0 or not log
    ]
    scale, axis = alt.Scale(zero=False), alt.Axis()
    if log:
        marks = ticks([row["value"] for row in rows])
        scale = alt.Scale(type="log", nice=False)
        axis = alt.Axis(values=marks, format="~e" if min(marks, default=1.0) < SMALL else "~g")
    chart = (
        on(rows)
        .mark_line(strokeWidth=1.5)
        .encode(
            x=alt.X("step:Q", title=x),
            y=alt.Y("value:Q", title=y, scale=scale, axis=axis),
            color=alt.Color("name:N", sort=None, legend=alt.Legend(title=None) if len(curves) > 1 else None),
        )
        .properties(width=320, height=180)
    )
    return Markup(svg(chart))  # noqa: S704 -- vl-convert escapes the names in it


def ticks(values: Sequence[float]) -> list[float]:
    """
    Return round numbers between the least and the largest of positive values: few, whatever their range is.

    >>> ticks([3.0, 70.0])
    [5.0, 10.0, 20.0, 50.0]
    >>> ticks([110.0, 390.0])
    [200.0, 300.0]
    >>> ticks([2e-9, 3.0])
    [1e-08, 1e-06, 0.0001, 0.01, 1.0]
    """
    low, high = min(values, default=1.0), max(values, default=1.0)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    if len(powers) <= MOST // 2:
        parts = range(1, 10) if high < 10 * low else (1, 2, 5)
        found = [part * 10.0**power for power in powers for part in parts]
    else:
        found = [10.0**power for power in powers if power % -(-len(powers) // MOST) == 0]
    return [value for value in found if low <= value <= high]
