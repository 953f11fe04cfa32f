"""How near to their bounds the calls of a run come."""

from typing import Any

import polars as pl

from conformance.run.store import Store

__all__ = ["nearest"]


def nearest(store: Store) -> list[dict[str, Any]]:
    """Return, for each op and target, the largest share of its bound that a call which agrees used, and the call."""
    right = pl.col("bound_used").is_finite() & (pl.col("verdict") == "agrees")
    sums = store.observations().filter(right & (pl.col("bound_used") > 0))
    best = sums.sort("bound_used", descending=True).group_by("op", "target").first().sort("op", "target")
    return store.collect(best.select("op", "target", "dtype", "case", pl.col("bound_used").alias("share"))).to_dicts()
