"""
Fingerprints: which arithmetic a target's errors look like.

For each op, target, dtype and regime: the mean and the root mean square of err / (u S), where u is the unit roundoff of
the result's dtype. They name the arithmetic, because a loss of precision that hides under the bound n u S does not hide
in the root mean square: rounding every operand to p bits alone leaves an error of about 2^-p times the root of the sum
of squares of the products.
"""

import math
from typing import Any

import polars as pl

from conformance.store import Store
from reference.floats import FORMATS

__all__ = ["fingerprints", "named"]


def fingerprints(store: Store) -> list[dict[str, Any]]:
    """Return the fingerprints of a run, as the footer has them."""
    rows = store.observations().filter((pl.col("elements") > 0) & (pl.col("regime") == "normal"))
    keys = ["op", "target", "dtype", "regime"]
    sums = store.collect(rows.group_by(keys).agg(pl.col("elements", "sum", "squares").sum()).sort(keys))
    found = []
    for op, target, dtype, regime, elements, total, squares in sums.iter_rows():
        rms = math.sqrt(squares / elements)
        entry = {"op": op, "target": target, "dtype": dtype, "regime": regime, "elements": int(elements)}
        found.append(entry | {"mean": total / elements, "rms": rms, "name": named(dtype, rms)})
    return found


def named(dtype: str, rms: float) -> str:
    """
    Name the arithmetic whose errors have about this root mean square, in units of u S.

    Operands rounded to precision q leave errors of about 2^(p - q) u |x w| a product: the root mean square is named
    after the widest format whose rounding explains it.
    """
    if rms == 0:
        return "correctly rounded"
    precision = FORMATS[dtype].precision
    for name, q in (("float64", 53), ("float32", 24), ("bf16x3", 16), ("TF32 or float16", 11), ("bfloat16", 8)):
        if q <= precision and rms <= 2.0 ** (precision - q + 1):
            return name
    return "less than bfloat16"
