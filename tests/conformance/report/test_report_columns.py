"""A column is one line of a table: its name, its source, how calls add up, and its headings."""

import math
from dataclasses import fields

import polars as pl
import pytest

from conformance.report.columns import (
    ACCURACY,
    FINGERPRINT,
    GROWTH,
    KIND,
    RULE,
    SHARES,
    SPREAD,
    TALLY,
    Column,
    histogram,
    mean,
    spread,
    totals,
)
from conformance.report.records import Accuracy, Fingerprint, Growth, RuleCount, Tally
from conformance.run.rows import COLUMNS

RECORDS = [(TALLY, Tally), (ACCURACY, Accuracy), (FINGERPRINT, Fingerprint), (GROWTH, Growth), (RULE, RuleCount)]


@pytest.mark.parametrize(("table", "record"), RECORDS, ids=lambda each: getattr(each, "__name__", ""))
def test_every_column_has_its_field(table: tuple[Column, ...], record: type) -> None:
    """And comes from a column of the observations."""
    assert {column.name for column in table} <= {field.name for field in fields(record)}
    assert {column.source for column in (*table, *KIND)} <= set(COLUMNS)


def test_calls_add_up_by_group_and_name() -> None:
    """Of a: 1 and 3 over 2 and 6 elements, a mean of 1/2; of b: 5 over 5 elements."""
    calls = pl.DataFrame({"op": ["b", "a", "a"], "sum": [5.0, 1.0, 3.0], "elements": [5.0, 2.0, 6.0]})
    table = (Column("calls", pl.Int64, "sum", pl.Expr.len), Column("mean", pl.Float64, "sum", mean))

    assert list(totals(calls, ("op",), table)) == [
        {"op": "a", "calls": 2, "mean": 0.5},
        {"op": "b", "calls": 1, "mean": 1.0},
    ]


def test_a_list_is_a_tuple_with_a_heading_for_each_entry() -> None:
    """Median, 99th percentile and largest of 1 to 100, the nearest of them."""
    calls = pl.DataFrame({"op": ["a"] * 100, "ulps": [float(n) for n in range(1, 101)]})

    (row,) = totals(calls, ("op",), [Column("ulps", pl.List(pl.Float64), "ulps", spread, SPREAD)])

    assert len(row["ulps"]) == len(SPREAD)
    assert row["ulps"] == (51.0, 99.0, 100.0)


def test_a_histogram_counts_each_call_once() -> None:
    """0 and 1/2 fall on their ends, 3 beyond the last finite one."""
    calls = pl.DataFrame({"op": ["a"] * 3, "bound_used": [0.0, 0.5, 3.0]})

    (row,) = totals(calls, ("op",), [Column("counts", pl.List(pl.Int64), "bound_used", histogram(SHARES))])

    assert sum(row["counts"]) == 3
    assert [end for end, count in zip(SHARES, row["counts"], strict=True) if count] == [0.0, 0.5, math.inf]
