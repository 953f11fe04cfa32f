"""Line charts for the pages, drawn as the report draws its own."""

from collections.abc import Mapping, Sequence

import altair as alt
from markupsafe import Markup

from conformance.report.charts import drawable, on, svg

__all__ = ["lines"]


def lines(curves: Mapping[str, Sequence[float]], x: str, y: str, *, log: bool = False) -> Markup:
    """Draw curves by the number of the step, from 1, and their names; log: on a logarithmic scale, positive values."""
    rows = [
        {"step": step, "value": value, "name": drawable(name)}
        for name, values in curves.items()
        for step, value in enumerate(values, 1)
        if value > 0 or not log
    ]
    scale = alt.Scale(type="log") if log else alt.Scale(zero=False)
    chart = (
        on(rows)
        .mark_line(strokeWidth=1.5)
        .encode(
            x=alt.X("step:Q", title=x),
            y=alt.Y("value:Q", title=y, scale=scale, axis=alt.Axis(format="~g" if not log else ".0e", tickCount=6)),
            color=alt.Color("name:N", sort=None, legend=alt.Legend(title=None) if len(curves) > 1 else None),
        )
        .properties(width=420, height=200)
    )
    return Markup(svg(chart))  # noqa: S704 -- vl-convert escapes the names in it
