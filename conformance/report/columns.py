"""
The columns of the report's tables: where each comes from, how calls add up to it, and what the page calls it.

A new figure is one line of a table here, and a field of the record that holds it.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from conformance.run.evidence import BROKEN, GEOMETRIES, JUDGED, VALID

__all__ = [
    "ACCURACY",
    "ENDS",
    "FINGERPRINT",
    "GROWTH",
    "KIND",
    "RULE",
    "SHARES",
    "TALLY",
    "ULPS",
    "Column",
    "summed",
    "totals",
]

ENDS = ("agrees", "disagrees", "unsupported", "undecided")
# Upper ends of what calls are counted by: shares of the bound, and ulps. The last one is open.
SHARES = (0.0, *(2.0**-k for k in range(10, -1, -1)), math.inf)
ULPS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0, 256.0, 1024.0, 65536.0, math.inf)

Total = Callable[[pl.Expr], pl.Expr]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table whose rows are groups of calls."""

    name: str  # its field in the record
    dtype: Any  # of polars; a list has a cell for each entry, or is drawn as one
    source: str  # the column of observations that it is made from
    total: Total  # how the calls of a group add up
    headings: tuple[str, ...] = ()  # on the page, one a cell; none where it is no cell of its own


def counted(value: str) -> Total:
    """Count the calls that have a value."""
    return lambda column: (column == value).sum()


def spread(column: pl.Expr) -> pl.Expr:
    """Return the median, the 99th percentile and the largest value."""
    return pl.concat_list(column.quantile(0.5, "nearest"), column.quantile(0.99, "nearest"), column.max())


def histogram(ends: Sequence[float]) -> Total:
    """Count the values up to each end, and above the one before."""
    steps = list(zip((-math.inf, *ends), ends, strict=False))
    return lambda column: pl.concat_list([((column > below) & (column <= end)).sum() for below, end in steps])


def of(expression: pl.Expr) -> Total:
    """Count the calls for which something holds, whatever column is at hand."""
    return lambda _: expression.sum()


def mean(column: pl.Expr) -> pl.Expr:
    """Return the mean over elements of what was summed over them."""
    return column.sum() / pl.col("elements").sum()


COUNT, NUMBER = pl.Int64, pl.Float64
SPREAD = ("median", "99%", "largest")

TALLY = (
    *(Column(end, COUNT, "verdict", counted(end)) for end in ENDS),
    Column("valid", COUNT, "verdict", of(VALID)),
    Column("broken", COUNT, "verdict", of(BROKEN)),
    Column("geometries", COUNT, "geometry", lambda _: GEOMETRIES),
)
KIND = (
    Column("calls", COUNT, "kind", pl.Expr.len),
    Column("disagrees", COUNT, "verdict", counted("disagrees")),
)
ACCURACY = (
    Column("calls", COUNT, "elements", pl.Expr.len, ("calls",)),
    Column("bound_counts", pl.List(COUNT), "bound_used", histogram(SHARES), ("share of the bound",)),
    Column("bound", pl.List(NUMBER), "bound_used", spread, SPREAD),
    Column("ulps_counts", pl.List(COUNT), "ulps", histogram(ULPS), ("ulps",)),
    Column("ulps", pl.List(NUMBER), "ulps", spread, SPREAD),
)
FINGERPRINT = (
    Column("elements", NUMBER, "elements", pl.Expr.sum),
    Column("mean", NUMBER, "sum", mean),
    Column("rms", NUMBER, "squares", lambda column: mean(column).sqrt()),
)
GROWTH = (
    Column("calls", COUNT, "elements", pl.Expr.len),
    Column("rms", NUMBER, "squares", lambda column: mean(column).sqrt()),
)
RULE = (
    Column("exercised", COUNT, "verdict", of(JUDGED)),
    Column("broken", COUNT, "verdict", counted("disagrees")),
)


def totals(calls: pl.DataFrame, keys: Sequence[str], columns: Sequence[Column]) -> Iterator[dict[str, Any]]:
    """Add up the calls of each group: its keys and columns by name, in the order of the keys; lists are tuples."""
    for row in calls.group_by(keys).agg(_sums(columns)).sort(keys).iter_rows(named=True):
        yield {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}


def summed(calls: pl.DataFrame, columns: Sequence[Column]) -> dict[str, Any]:
    """Add up all calls: the columns by name."""
    return calls.select(_sums(columns)).row(0, named=True)


def _sums(columns: Sequence[Column]) -> list[pl.Expr]:
    """Return what adds up the calls of a group, column by column."""
    return [column.total(pl.col(column.source)).cast(column.dtype).alias(column.name) for column in columns]
