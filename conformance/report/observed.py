"""
The observations of one run in memory, small: a million of them take some hundred megabytes.

Texts that repeat are categories; those that do not (case, content, evidence) are left on disk or hashed. The attribute
classes, JSON in the store, become columns named `a:` and the attribute.
"""

from dataclasses import dataclass

import polars as pl

from conformance.run.store import Store

__all__ = ["TEXTS", "Observed", "load"]

TEXTS = ("op", "target", "dtype", "layout", "regime", "breaks", "rule", "verdict", "kind", "choices")
NUMBERS = ("bound_used", "ulps", "elements", "sum", "squares")


@dataclass(frozen=True, slots=True)
class Observed:
    """The observations of one run."""

    store: Store
    calls: pl.DataFrame  # TEXTS and NUMBERS; `case` and `geometry`, hashed; a column `a:name` for each attribute
    attributes: tuple[str, ...]


def load(store: Store) -> Observed:
    """Read the observations of one run."""
    # A run of before geometries were written has none.
    named = pl.when(pl.col("geometry") > "").then(pl.col("geometry").hash()).alias("geometry")
    rows = store.observations().with_columns(named)
    key = pl.col("attributes").hash().alias("key")
    kept = (pl.col(TEXTS).cast(pl.Categorical), pl.col(NUMBERS), pl.col("geometry"), pl.col("case").hash(), key)
    calls = store.collect(rows.select(kept))
    classes = _decoded(store.collect(rows.select(key, "attributes").unique("key")))
    names = tuple(sorted(name.removeprefix("a:") for name in classes.columns if name != "key"))
    return Observed(store, calls.join(classes, on="key", how="left").drop("key"), names)


def _decoded(texts: pl.DataFrame) -> pl.DataFrame:
    """Return the attribute classes as columns: key, `a:name` ..., null where a call has no such attribute."""
    found = texts.select(pl.col("attributes").str.extract_all(r'"[^"\\]+"\s*:').explode().unique())["attributes"]
    names = sorted({text.rstrip(": ").strip('"') for text in found.drop_nulls()})
    if not names:
        return texts.select("key")
    record = pl.col("attributes").str.json_decode(pl.Struct(dict.fromkeys(names, pl.String))).alias("record")
    decoded = texts.select("key", record).unnest("record")  # decoded once, not once for each name
    return decoded.select("key", *(pl.col(name).cast(pl.Categorical).alias(f"a:{name}") for name in names))
