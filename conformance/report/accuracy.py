"""How near to the exact values each product comes: shares of the bound, ulps, fingerprints, growth with n."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from conformance.report.calls import terms
from conformance.report.columns import ACCURACY, FINGERPRINT, GROWTH, Column, totals
from conformance.report.observed import Observed
from conformance.report.records import Accuracy, Fingerprint, Growth, Product

__all__ = ["accuracy", "fingerprints", "growth"]

SAMPLE = 4000  # cases of a run from which the growth of errors with n is read
MEASURED = pl.col("elements") > 0  # calls whose results are rounded sums
KEYS = ("op", "target", "dtype")


def accuracy(observed: Sequence[Observed], products: Sequence[Product]) -> tuple[Accuracy, ...]:
    """Return the distributions over the calls whose results are rounded sums."""
    calls = [entry.calls.filter(MEASURED & pl.col("bound_used").is_not_nan()) for entry in observed]
    return tuple(Accuracy(**row) for row in _by_product(calls, products, KEYS, ACCURACY))


def _by_product(
    calls: Sequence[pl.DataFrame], products: Sequence[Product], keys: Sequence[str], columns: Sequence[Column]
) -> Iterator[dict[str, Any]]:
    """Add up the calls of every run: rows with the number of the product in the place of the target."""
    numbers = {(product.run, product.target): number for number, product in enumerate(products)}
    for run, of_run in enumerate(calls):
        for row in totals(of_run, keys, columns):
            yield {"product": numbers[run, row.pop("target")], **row}


def fingerprints(observed: Sequence[Observed], products: Sequence[Product]) -> tuple[Fingerprint, ...]:
    """Return the arithmetic that errors show, as each run's footer names it; without a footer the figures alone."""
    keys = (*KEYS, "regime")
    calls = [entry.calls.filter(MEASURED & pl.col("regime").is_in(["normal", "positive"])) for entry in observed]
    names = [_names(entry.store.footer() or {}) for entry in observed]
    return tuple(
        Fingerprint(**row, name=names[product.run].get((row["op"], product.target, row["dtype"], row["regime"]), ""))
        for row in _by_product(calls, products, keys, FINGERPRINT)
        if (product := products[row["product"]])
    )


def _names(footer: Mapping[str, Any]) -> dict[tuple[str, ...], str]:
    """Return what a footer calls the arithmetic of each op, target, dtype and regime."""
    return {
        tuple(str(row.get(key)) for key in (*KEYS, "regime")): str(row.get("name", ""))
        for row in footer.get("fingerprints") or ()
    }


def growth(observed: Sequence[Observed], products: Sequence[Product]) -> tuple[Growth, ...]:
    """Return the error by the number of products in a sum, an octave of n at a time, from a sample of cases."""
    calls = [entry.calls.filter(MEASURED).join(_octaves(entry), on="case") for entry in observed]
    return tuple(Growth(**row) for row in _by_product(calls, products, (*KEYS, "n"), GROWTH))


def _octaves(entry: Observed) -> pl.DataFrame:
    """Return a sample of a run's cases, and the largest power of two in the number of products of an element."""
    measured = MEASURED & (pl.col("regime") == "normal")
    every = max(entry.calls.filter(measured)["case"].n_unique() // SAMPLE, 1)
    key = pl.col("case").hash()
    rows = entry.store.observations().filter(measured & (key % every == 0))
    sample = entry.store.collect(rows.select(key, "content").unique("case", keep="any"))
    counts = (terms(json.loads(text)) for text in sample["content"])
    octaves = [1 << (n.bit_length() - 1) if n else 0 for n in counts]
    return sample.select("case", pl.Series("n", octaves, pl.Int64)).filter(pl.col("n") > 0)
