"""How near to the exact values each product comes: shares of the bound, ulps, fingerprints, growth with n."""

import json
import math
from collections.abc import Callable, Sequence

import polars as pl

from conformance.report.calls import terms
from conformance.report.observed import Observed
from conformance.report.records import Accuracy, Fingerprint, Growth, Product

__all__ = ["SHARES", "ULPS", "accuracy", "fingerprints", "growth"]

# Upper ends of what calls are counted by: shares of the bound, and ulps. The last one is open.
SHARES = (0.0, *(2.0**-k for k in range(10, -1, -1)), math.inf)
ULPS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0, 256.0, 1024.0, 65536.0, math.inf)
SAMPLE = 4000  # cases of a run from which the growth of errors with n is read
Numbering = Callable[[int, str], int]  # run and target -> product


def numbering(products: Sequence[Product]) -> Numbering:
    """Return what finds the number of a product."""
    numbers = {(product.run, product.target): number for number, product in enumerate(products)}
    return lambda run, target: numbers[run, target]


def accuracy(seen: Sequence[Observed], products: Sequence[Product]) -> tuple[Accuracy, ...]:
    """Return the distributions over the calls whose results are rounded sums: those with elements in the sums."""
    number = numbering(products)
    found = []
    for run, entry in enumerate(seen):
        rows = entry.calls.filter((pl.col("elements") > 0) & pl.col("bound_used").is_not_nan())
        counted = rows.group_by("op", "target", "dtype").agg(
            pl.len(),
            *_spread("bound_used"),
            *_spread("ulps"),
            *_counts("bound_used", SHARES),
            *_counts("ulps", ULPS),
        )
        for op, target, dtype, calls, *values in counted.sort("op", "target", "dtype").iter_rows():
            found.append(
                Accuracy(
                    op=op,
                    product=number(run, target),
                    dtype=dtype,
                    calls=calls,
                    bound=(values[0], values[1], values[2]),
                    ulps=(values[3], values[4], values[5]),
                    bound_counts=tuple(values[6 : 6 + len(SHARES)]),
                    ulps_counts=tuple(values[6 + len(SHARES) :]),
                )
            )
    return tuple(found)


def _spread(name: str) -> list[pl.Expr]:
    """Return the median, the 99th percentile and the largest value."""
    column = pl.col(name)
    return [
        column.quantile(0.5, "nearest").alias(f"{name} 50"),
        column.quantile(0.99, "nearest").alias(f"{name} 99"),
        column.max().alias(f"{name} max"),
    ]


def _counts(name: str, ends: Sequence[float]) -> list[pl.Expr]:
    """Count the values up to each end, and above the one before."""
    column, below = pl.col(name), -math.inf
    counts = []
    for end in ends:
        counts.append(((column > below) & (column <= end)).sum().alias(f"{name} to {end}"))
        below = end
    return counts


def fingerprints(seen: Sequence[Observed], products: Sequence[Product]) -> tuple[Fingerprint, ...]:
    """Return the arithmetic seen, as each run's footer names it; without a footer the figures alone."""
    number = numbering(products)
    found = []
    for run, entry in enumerate(seen):
        named = {
            (row.get("op"), row.get("target"), row.get("dtype"), row.get("regime")): str(row.get("name", ""))
            for row in (entry.store.footer() or {}).get("fingerprints") or ()
        }
        keys = ["op", "target", "dtype", "regime"]
        rows = entry.calls.filter((pl.col("elements") > 0) & pl.col("regime").is_in(["normal", "positive"]))
        for *key, elements, total, squares in (
            rows.group_by(keys).agg(pl.col("elements", "sum", "squares").sum()).sort(keys).iter_rows()
        ):
            op, target, dtype, regime = key
            found.append(
                Fingerprint(
                    op=op,
                    product=number(run, target),
                    dtype=dtype,
                    regime=regime,
                    elements=elements,
                    mean=total / elements,
                    rms=math.sqrt(squares / elements),
                    name=named.get((op, target, dtype, regime), ""),
                )
            )
    return tuple(found)


def growth(seen: Sequence[Observed], products: Sequence[Product]) -> tuple[Growth, ...]:
    """Return the error by the number of products in a sum, an octave of n at a time, from a sample of cases."""
    number = numbering(products)
    keys = ["op", "target", "dtype", "n"]
    found = []
    for run, entry in enumerate(seen):
        calls = entry.calls.filter(pl.col("elements") > 0).join(_octaves(entry), on="case")
        ratio = (pl.col("squares").sum() / pl.col("elements").sum()).sqrt().alias("rms")
        for op, target, dtype, n, calls_of, rms in calls.group_by(keys).agg(pl.len(), ratio).sort(keys).iter_rows():
            found.append(Growth(op, number(run, target), dtype, n, calls_of, rms))
    return tuple(found)


def _octaves(entry: Observed) -> pl.DataFrame:
    """Return a sample of a run's cases, and the largest power of two in the number of products of an element."""
    measured = (pl.col("elements") > 0) & (pl.col("regime") == "normal")
    every = max(entry.calls.filter(measured)["case"].n_unique() // SAMPLE, 1)
    key = pl.col("case").hash()
    rows = entry.store.observations().filter(measured & (key % every == 0))
    sample = entry.store.collect(rows.select(key, "content").unique("case", keep="any"))
    counts = (terms(json.loads(text)) for text in sample["content"])
    octaves = [1 << (n.bit_length() - 1) if n else 0 for n in counts]
    return sample.select("case", pl.Series("n", octaves, pl.Int64)).filter(pl.col("n") > 0)
