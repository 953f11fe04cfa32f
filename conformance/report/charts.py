"""
Charts, drawn by Altair and turned into SVG when the report is built: the page needs no script to show them.

Colours that depend on light and dark are set by the style sheet, which knows the ones named here.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import vl_convert

from conformance.report.records import Growth, Product, Report, Timing
from conformance.report.wording import count

__all__ = ["drawable", "growth_charts", "on", "svg", "timing_charts"]

INK, LINE = "#5b6270", "#dcdfe4"  # in static/style.css, too
COLOURS = ("#2f6fb0", "#c2571a", "#1a8f7a", "#8c5bb5", "#b0892a", "#c14d74", "#5a7d2a", "#6b7a90", "#9a5a3c", "#3f8fa8")
FONT = "Arial, Liberation Sans, sans-serif"  # of known widths: labels are measured when the chart is drawn
LARGEST = 24  # products on one chart


def growth_charts(report: Report) -> Mapping[str, str]:
    """Return for each op a chart of its error against the number of products, with the lines n u and sqrt(n) u."""
    ops = [op for op in report.ops if any(point.op == op for point in report.growth)]
    return {op: _growth([point for point in report.growth if point.op == op], report.products) for op in ops}


def _growth(points: Sequence[Growth], products: Sequence[Product]) -> str:
    """Draw one op."""
    rows: list[dict[str, Any]] = [
        {
            "n": point.n,
            "error": point.rms,
            "dtype": drawable(point.dtype),
            "name": named(products[point.product], products),
        }
        for point in points
        if point.rms > 0
    ]
    limits = sorted({point.n for point in points})
    lines = [{"n": n, "error": n**power, "line": line} for n in limits for line, power in (("n u", 1.0), ("√n u", 0.5))]
    n = alt.X("n:Q", scale=alt.Scale(type="log", base=2), title="products in a sum, n", axis=_ticks(limits, 4))
    tens = _tens([row["error"] for row in (*rows, *lines)])
    error = alt.Y(
        "error:Q", scale=alt.Scale(type="log", domain=[tens[0], tens[-1]]), title="error, in u S", axis=_ticks(tens, 1)
    )
    colour = _colour([row["name"] for row in rows])
    point = alt.OverlayMarkDef(size=22)
    charts = []
    for dtype in sorted({row["dtype"] for row in rows}):
        of_dtype = [row for row in rows if row["dtype"] == dtype]
        drawn = on(of_dtype).mark_line(point=point, strokeWidth=1.4).encode(x=n, y=error, color=colour)
        dash = alt.StrokeDash("line:N", legend=alt.Legend(title=None), sort=["n u", "√n u"])
        limit = on(lines).mark_line(strokeWidth=1, color=INK).encode(x=n, y=error, strokeDash=dash)
        charts.append(alt.layer(limit, drawn).properties(width=190, height=160, title=dtype))
    return svg(alt.hconcat(*charts, spacing=12)) if charts else ""


def on(rows: Sequence[Mapping[str, Any]]) -> alt.Chart:
    """Return a chart of rows."""
    return alt.Chart(alt.InlineData(values=list(rows)))


def _ticks(values: Sequence[float], every: int) -> alt.Axis:
    """Return an axis with these ticks; of many, every so manieth."""
    return alt.Axis(values=list(values)[:: every if len(values) > 2 * every else 1], format="~g")


def _tens(values: Sequence[float]) -> list[float]:
    """Return the powers of ten around positive numbers."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return [10.0**k for k in range(low, max(high, low + 1) + 1)]


def timing_charts(report: Report) -> Mapping[str, str]:
    """Return for each op a chart of the ratio to the fastest, by layer and target, in the last run that timed it."""
    ops = dict.fromkeys(timing.op for timing in report.timings)
    return {op: _timing([timing for timing in report.timings if timing.op == op]) for op in ops}


def _layer(timing: Timing) -> str:
    """Name a layer, with the images in a call where they are recorded."""
    return f"{timing.layer} \N{MULTIPLICATION SIGN} {timing.batch}" if timing.batch else timing.layer


def _timing(timings: Sequence[Timing]) -> str:
    """Draw one op: of many dtypes and numbers of threads, those that were timed first."""
    last = max(timing.run for timing in timings)
    shown = [timing for timing in timings if timing.run == last and timing.correct and timing.ratio > 0]
    alike = [timing for timing in shown if (timing.dtype, timing.threads) == (shown[0].dtype, shown[0].threads)]
    rows: list[dict[str, Any]] = [
        {"layer": drawable(_layer(timing)), "ratio": timing.ratio, "name": drawable(timing.target)} for timing in alike
    ]
    chart = (
        on(rows)
        .mark_point(filled=True, size=70, opacity=0.9)
        .encode(
            x=alt.X(
                "ratio:Q",
                scale=alt.Scale(type="log"),
                title="time, as a multiple of the fastest",
                axis=alt.Axis(format="~g"),
            ),
            y=alt.Y("layer:N", title=None, axis=alt.Axis(labelLimit=280), sort=None),
            color=_colour([row["name"] for row in rows]),
        )
        .properties(width=460, height=alt.Step(22), title=_conditions(alike))
    )
    return svg(chart) if rows else ""


def _conditions(timings: Sequence[Timing]) -> str:
    """Say what a chart's timings share: dtype and threads."""
    threads = timings[0].threads if timings else 0
    parts = (timings[0].dtype if timings else "", count(threads, "thread") if threads else "")
    return drawable(", ".join(filter(None, parts)))


def _colour(names: Sequence[str]) -> alt.Color:
    """Colour by name; the legend names each."""
    domain = list(dict.fromkeys(names))[:LARGEST]
    colours = [COLOURS[i % len(COLOURS)] for i in range(len(domain))]
    return alt.Color("name:N", scale=alt.Scale(domain=domain, range=colours), legend=alt.Legend(title=None))


def named(product: Product, products: Sequence[Product]) -> str:
    """Return a product's name: the target, with its version where several runs are compared."""
    several = len({each.run for each in products}) > 1
    return drawable(f"{product.target} · {product.version or product.run + 1}" if several else product.target)


def drawable(text: str) -> str:
    """Return text that a chart can hold: a control character in a label would end this process, inside vl-convert."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def svg(chart: Any) -> str:  # noqa: ANN401 -- any kind of Altair chart
    """Turn a chart into SVG without a background, its text in the page's fonts."""
    configured = chart.configure(
        background="transparent",
        font=FONT,
        view=alt.ViewConfig(stroke=LINE),
        axis=alt.AxisConfig(
            labelColor=INK, titleColor=INK, gridColor=LINE, domainColor=LINE, tickColor=LINE, titleFontWeight="normal"
        ),
        legend=alt.LegendConfig(labelColor=INK, titleColor=INK, orient="bottom", labelLimit=320, columns=3),
        title=alt.TitleConfig(color=INK, fontSize=12, anchor="start"),
    )
    return str(vl_convert.vegalite_to_svg(configured.to_dict()))
